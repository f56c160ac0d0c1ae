extension JSONNode {
    /// What is wrong with a text that is not JSON.
    package struct Malformed: Error, Hashable {
        package let reason: String
    }

    package init(parsing text: some StringProtocol) throws(Malformed) {
        var parser = Parser(bytes: Array(text.utf8))
        self = try parser.document()
    }

    private struct Parser {
        let bytes: [UInt8]
        private var position = 0
        /// Deeper than any result, shallow enough for the stack.
        private static let deepest = 32

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func document() throws(Malformed) -> JSONNode {
            let value = try value(depth: 0)
            skipSpace()
            guard position == bytes.count else { throw unexpected() }
            return value
        }

        private mutating func value(depth: Int) throws(Malformed) -> JSONNode {
            guard depth < Self.deepest else { throw Malformed(reason: "it is nested more than \(Self.deepest) deep") }
            skipSpace()
            switch peek {
            case UInt8(ascii: "{"): return try object(depth)
            case UInt8(ascii: "["): return try list(depth)
            case UInt8(ascii: "\""): return .text(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            default: return try number()
            }
        }

        private mutating func object(_ depth: Int) throws(Malformed) -> JSONNode {
            position += 1
            var fields: [Field] = []
            var keys: Set<String> = []
            skipSpace()
            if take("}") { return .object([]) }
            repeat {
                skipSpace()
                let key = try string()
                guard keys.insert(key).inserted else {
                    throw Malformed(reason: "the key \(ResultFailure.quoted(key)) is there twice")
                }
                skipSpace()
                guard take(":") else { throw unexpected() }
                fields.append(Field(key, try value(depth: depth + 1)))
                skipSpace()
            } while take(",")
            guard take("}") else { throw unexpected() }
            return .object(fields)
        }

        private mutating func list(_ depth: Int) throws(Malformed) -> JSONNode {
            position += 1
            var items: [JSONNode] = []
            skipSpace()
            if take("]") { return .list([]) }
            repeat {
                items.append(try value(depth: depth + 1))
                skipSpace()
            } while take(",")
            guard take("]") else { throw unexpected() }
            return .list(items)
        }

        private mutating func number() throws(Malformed) -> JSONNode {
            let start = position
            let letters = Set("+-.0123456789eE".utf8)
            while let byte = peek, letters.contains(byte) { position += 1 }
            guard position > start else { throw unexpected() }
            let literal = String(decoding: bytes[start..<position], as: UTF8.self)
            guard Numeral.value(literal) != nil else {
                throw Malformed(reason: "\(ResultFailure.quoted(literal)) is no finite number")
            }
            return .number(literal)
        }

        private mutating func string() throws(Malformed) -> String {
            guard take("\"") else { throw unexpected() }
            var text: [UInt8] = []
            while let byte = peek {
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
                case UInt8(ascii: "\\"): text += Array(String(try escaped()).utf8)
                case ..<32: throw Malformed(reason: "a text holds a bare control character")
                default: text.append(byte)
                }
            }
            throw unexpected()
        }

        private mutating func escaped() throws(Malformed) -> Character {
            guard let byte = peek else { throw unexpected() }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Character(UnicodeScalar(byte))
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{c}"
            case UInt8(ascii: "u"):
                let first = try hexadecimal()
                guard (0xd800..<0xdc00).contains(first) else { return try character(first) }
                guard take("\\"), take("u") else { throw unexpected() }
                let second = try hexadecimal()
                guard (0xdc00..<0xe000).contains(second) else { throw Malformed(reason: "half a character") }
                return try character(0x10000 + (first - 0xd800) << 10 + second - 0xdc00)
            default: throw Malformed(reason: "a text holds an unknown escape")
            }
        }

        private func character(_ value: UInt32) throws(Malformed) -> Character {
            guard let scalar = UnicodeScalar(value) else { throw Malformed(reason: "half a character") }
            return Character(scalar)
        }

        private mutating func hexadecimal() throws(Malformed) -> UInt32 {
            guard position + 4 <= bytes.count,
                let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
            else { throw unexpected() }
            position += 4
            return value
        }

        private mutating func word(_ word: String, _ value: JSONNode) throws(Malformed) -> JSONNode {
            guard bytes[position...].starts(with: word.utf8) else { throw unexpected() }
            position += word.utf8.count
            return value
        }

        private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard let byte = peek, UInt32(byte) == character.value else { return false }
            position += 1
            return true
        }

        private mutating func skipSpace() {
            while let byte = peek, [32, 9, 10, 13].contains(byte) { position += 1 }
        }

        private func unexpected() -> Malformed {
            guard position < bytes.count else { return Malformed(reason: "it ends in the middle of a value") }
            let rest = String(decoding: bytes[position...].prefix(12), as: UTF8.self)
            return Malformed(reason: "\(ResultFailure.quoted(rest)) is not expected there")
        }
    }
}
