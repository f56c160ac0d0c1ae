package import Vocabulary

/// Why bytes from outside were refused.
package enum WireError: Error, Hashable, Sendable {
    case truncated
    case trailingBytes
    case oversized(length: Int, limit: Int)
    /// Not the one way in which this value is written: a leading zero, keys out of order, a key twice.
    case notCanonical
    case tooDeep
    case tooMany
    case notInteger
    case unexpected(UInt8)
    case missing(String)
    case wrongType(String)
    case outOfRange(String)
    case unknownType(UInt8)

    /// A short name for counters.
    package var reason: String {
        switch self {
        case .truncated: "truncated"
        case .trailingBytes: "trailing_bytes"
        case .oversized: "oversized"
        case .notCanonical: "not_canonical"
        case .tooDeep: "too_deep"
        case .tooMany: "too_many"
        case .notInteger: "not_integer"
        case .unexpected: "unexpected"
        case .missing: "missing"
        case .wrongType: "wrong_type"
        case .outOfRange: "out_of_range"
        case .unknownType: "unknown_type"
        }
    }

    /// The same for whoever sent it, with the field that it is about.
    package var explanation: String {
        let reason = reason.split(separator: "_").joined(separator: " ")
        return switch self {
        case .missing(let field), .wrongType(let field), .outOfRange(let field): "\(field): \(reason)"
        default: reason
        }
    }
}

/// BitTorrent's encoding (BEP 3) in its canonical form: every value has exactly one encoding, so signed bytes can be
/// made again from what they mean.
package enum Bencode: Hashable, Sendable {
    case integer(Int64)
    case bytes([UInt8])
    case list([Bencode])
    case dictionary([String: Bencode])

    /// Refuses anything that `encoded` would write in another way, and what is deeper or longer than `Limits` say.
    package init(parsing bytes: [UInt8]) throws(WireError) {
        var parser = Parser(bytes: bytes)
        self = try parser.value(depth: 0)
        guard parser.position == bytes.count else { throw .trailingBytes }
    }

    package var encoded: [UInt8] {
        var output: [UInt8] = []
        encode(into: &output)
        return output
    }

    private func encode(into output: inout [UInt8]) {
        switch self {
        case .integer(let value): output += "i\(value)e".utf8
        case .bytes(let bytes): Self.encode(bytes, into: &output)
        case .list(let values):
            output.append(UInt8(ascii: "l"))
            for value in values { value.encode(into: &output) }
            output.append(UInt8(ascii: "e"))
        case .dictionary(let fields):
            output.append(UInt8(ascii: "d"))
            for (key, value) in fields.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                Self.encode(Array(key.utf8), into: &output)
                value.encode(into: &output)
            }
            output.append(UInt8(ascii: "e"))
        }
    }

    private static func encode(_ bytes: [UInt8], into output: inout [UInt8]) {
        output += "\(bytes.count):".utf8
        output += bytes
    }
}

extension Bencode {
    package static func word(_ word: Word256) -> Bencode { .bytes(word.bytes) }

    package static func text(_ text: String) -> Bencode { .bytes(Array(text.utf8)) }

    /// Reads fields of a dictionary by name with their types; what is missing or of another type is an error.
    package struct Fields {
        private let values: [String: Bencode]

        package init(_ value: Bencode) throws(WireError) {
            guard case .dictionary(let values) = value else { throw .wrongType("dictionary") }
            self.values = values
        }

        package init(parsing bytes: [UInt8]) throws(WireError) {
            try self.init(Bencode(parsing: bytes))
        }

        package func has(_ key: String) -> Bool { values[key] != nil }

        package func integer(_ key: String, in range: ClosedRange<Int64>) throws(WireError) -> Int64 {
            guard let value = values[key] else { throw .missing(key) }
            guard case .integer(let integer) = value else { throw .wrongType(key) }
            guard range.contains(integer) else { throw .outOfRange(key) }
            return integer
        }

        package func bytes(_ key: String, limit: Int) throws(WireError) -> [UInt8] {
            guard let value = values[key] else { throw .missing(key) }
            guard case .bytes(let bytes) = value else { throw .wrongType(key) }
            guard bytes.count <= limit else { throw .oversized(length: bytes.count, limit: limit) }
            return bytes
        }

        package func word(_ key: String) throws(WireError) -> Word256 {
            guard let word = Word256(try bytes(key, limit: 32)) else { throw .outOfRange(key) }
            return word
        }

        /// Text without control characters.
        package func text(_ key: String, limit: Int) throws(WireError) -> String {
            let bytes = try bytes(key, limit: limit)
            guard bytes.allSatisfy({ $0 >= 32 && $0 != 127 }), let text = String(validating: bytes, as: UTF8.self)
            else { throw .outOfRange(key) }
            return text
        }

        package func list(_ key: String, limit: Int) throws(WireError) -> [Bencode] {
            guard let value = values[key] else { throw .missing(key) }
            guard case .list(let list) = value else { throw .wrongType(key) }
            guard list.count <= limit else { throw .oversized(length: list.count, limit: limit) }
            return list
        }
    }
}

private struct Parser {
    let bytes: [UInt8]
    var position = 0
    var values = 0

    mutating func value(depth: Int) throws(WireError) -> Bencode {
        guard depth <= Limits.bencodeDepth else { throw .tooDeep }
        values += 1
        guard values <= Limits.bencodeValues else { throw .tooMany }
        let first = try peek()
        switch first {
        case UInt8(ascii: "i"):
            position += 1
            return .integer(try integer(until: UInt8(ascii: "e")))
        case UInt8(ascii: "l"):
            position += 1
            var list: [Bencode] = []
            while try peek() != UInt8(ascii: "e") { list.append(try value(depth: depth + 1)) }
            position += 1
            return .list(list)
        case UInt8(ascii: "d"):
            position += 1
            return .dictionary(try fields(depth: depth))
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return .bytes(try string())
        default: throw .unexpected(first)
        }
    }

    private mutating func fields(depth: Int) throws(WireError) -> [String: Bencode] {
        var fields: [String: Bencode] = [:]
        var last: [UInt8]?
        while try peek() != UInt8(ascii: "e") {
            let key = try string()
            if let last, !last.lexicographicallyPrecedes(key) { throw .notCanonical }
            guard let name = String(validating: key, as: UTF8.self) else { throw .notCanonical }
            // Swift calls strings equal that Unicode does ("é" in its two spellings); one of them would vanish.
            guard fields[name] == nil else { throw .notCanonical }
            last = key
            fields[name] = try value(depth: depth + 1)
        }
        position += 1
        return fields
    }

    private mutating func string() throws(WireError) -> [UInt8] {
        let length = try integer(until: UInt8(ascii: ":"))
        guard length >= 0 else { throw .notCanonical }
        guard length <= bytes.count - position else { throw .truncated }
        let end = position + Int(length)
        defer { position = end }
        return Array(bytes[position..<end])
    }

    private mutating func integer(until end: UInt8) throws(WireError) -> Int64 {
        let isNegative = try peek() == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let start = position
        var value: Int64 = 0
        while try peek() != end {
            let byte = try peek()
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw .notInteger }
            let digit = Int64(byte - UInt8(ascii: "0"))
            let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) =
                isNegative ? tenfold.subtractingReportingOverflow(digit) : tenfold.addingReportingOverflow(digit)
            guard !overflow, !overflow2 else { throw .outOfRange("integer") }
            value = sum
            position += 1
        }
        let digits = position - start
        guard digits > 0 else { throw .notInteger }
        guard bytes[start] != UInt8(ascii: "0") || digits == 1 && !isNegative else { throw .notCanonical }
        position += 1
        return value
    }

    private func peek() throws(WireError) -> UInt8 {
        guard position < bytes.count else { throw .truncated }
        return bytes[position]
    }
}
