/// 32 bytes that name something: a hash or a public key.
@usableFromInline package struct Word256: Hashable, Comparable, Sendable {
    /// The bytes as big-endian words, most significant first, so that numeric order is byte order.
    @usableFromInline package let words: (UInt64, UInt64, UInt64, UInt64)

    @inlinable package init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
        words = (a, b, c, d)
    }

    package static let zero = Word256(0, 0, 0, 0)

    /// Takes exactly 32 bytes; anything else gives `nil`.
    package init?(_ bytes: some Sequence<UInt8>) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var count = 0
        for byte in bytes {
            guard count < 32 else { return nil }
            switch count >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
            count += 1
        }
        guard count == 32 else { return nil }
        self.words = words
    }

    /// Takes exactly 64 hexadecimal digits of either case.
    package init?(hex: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(hex) else { return nil }
        self.init(bytes)
    }

    /// The same from text that is not a string yet.
    package init?(hexDigits digits: UnsafeRawBufferPointer) {
        guard digits.count == 64 else { return nil }
        func word(_ number: Int) -> UInt64? {
            var word: UInt64 = 0
            for digit in digits[number * 16..<number * 16 + 16] {
                guard let value = Hexadecimal.value(digit) else { return nil }
                word = word << 4 | UInt64(value)
            }
            return word
        }
        guard let a = word(0), let b = word(1), let c = word(2), let d = word(3) else { return nil }
        words = (a, b, c, d)
    }

    package var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(32)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return result
    }

    package var hex: String { Hexadecimal.encode(bytes) }

    @inlinable package static func == (a: Self, b: Self) -> Bool { a.words == b.words }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.words < b.words }

    @inlinable package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension Word256: CustomStringConvertible {
    @usableFromInline package var description: String { hex }
}

/// Bytes as lower-case hexadecimal digits and back.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 2)
        for pair in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[pair]), let low = value(characters[pair + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    fileprivate static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
