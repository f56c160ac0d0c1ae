/// AAC as DVB wraps it (LATM in LOAS, ISO 14496-3, 1.7), unwrapped to what fragments and ADTS hold.
///
/// One stream, one layer, one piece of sound a frame, as ETSI TS 101 154, annex C asks for it: libavformat, which gives
/// whole frames, understands no other either.
package struct LATM: Sendable {
    package struct Malformed: Error, Hashable {}

    /// The AudioSpecificConfig (1.6.2.1) of the newest piece, padded to whole bytes; `nil` until one has come.
    package private(set) var configuration: [UInt8]?

    package init() {}

    /// Low complexity with or without bandwidth replication, in pieces of 1,024 samples, of one to eight channels.
    package static func carries(_ configuration: [UInt8]) -> Bool {
        configuration.withUnsafeBufferPointer { bytes in
            var bits = Bits(bytes[...])
            return (try? readConfiguration(&bits)) != nil
        }
    }

    /// The piece of sound (raw_data_block) in a frame; `nil` while it is not known how it is to be read.
    package mutating func unwrap(_ frame: UnsafeBufferPointer<UInt8>) throws(Malformed) -> [UInt8]? {
        guard frame.count > 3, frame[0] == 0x56, frame[1] & 0xe0 == 0xe0 else { throw Malformed() }
        let length = Int(frame[1] & 0x1f) << 8 | Int(frame[2])
        guard length > 0, length <= frame.count - 3 else { throw Malformed() }
        var bits = Bits(frame[3..<3 + length])
        // useSameStreamMux
        if try bits.read(1) == 0 { try readMultiplex(&bits) }
        guard configuration != nil else { return nil }
        var count = 0
        while true {
            let part = try bits.read(8)
            count += part
            guard part == 255 else { break }
        }
        guard count > 0, count * 8 <= bits.left else { throw Malformed() }
        var piece: [UInt8] = []
        piece.reserveCapacity(count)
        for _ in 0..<count { piece.append(UInt8(try bits.read(8))) }
        return piece
    }

    /// StreamMuxConfig (1.7.3, table 1.42).
    private mutating func readMultiplex(_ bits: inout Bits) throws(Malformed) {
        let version = try bits.read(1)
        if version == 1 {
            // audioMuxVersionA, taraBufferFullness
            guard try bits.read(1) == 0 else { throw Malformed() }
            _ = try bits.readValue()
        }
        // allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer
        guard try bits.read(1) == 1, try bits.read(6) == 0, try bits.read(4) == 0, try bits.read(3) == 0 else {
            throw Malformed()
        }
        let announced = version == 1 ? try bits.readValue() : 0
        let start = bits
        try Self.readConfiguration(&bits)
        let length = bits.position - start.position
        if version == 1 {
            guard announced >= length else { throw Malformed() }
            try bits.skip(announced - length)
        }
        // frameLengthType, latmBufferFullness
        guard try bits.read(3) == 0 else { throw Malformed() }
        try bits.skip(8)
        if try bits.read(1) == 1 {
            if version == 1 {
                _ = try bits.readValue()
            } else {
                while try bits.read(9) & 0x100 != 0 {}
            }
        }
        if try bits.read(1) == 1 { try bits.skip(8) }
        var (copy, bytes) = (start, [UInt8]())
        for offset in stride(from: 0, to: length, by: 8) {
            let count = min(8, length - offset)
            bytes.append(UInt8(try copy.read(count) << (8 - count)))
        }
        configuration = bytes
    }

    private static func readConfiguration(_ bits: inout Bits) throws(Malformed) {
        func readRate() throws(Malformed) {
            let index = try bits.read(4)
            guard index < Track.rates.count else { throw Malformed() }
        }
        var kind = try bits.read(5)
        try readRate()
        guard try (1...7).contains(bits.read(4)) else { throw Malformed() }
        if kind == 5 || kind == 29 {
            try readRate()
            kind = try bits.read(5)
        }
        // frameLengthFlag, dependsOnCoreCoder and extensionFlag of GASpecificConfig (4.4.1)
        guard kind == 2, try bits.read(3) == 0 else { throw Malformed() }
    }

    private struct Bits {
        private let bytes: Slice<UnsafeBufferPointer<UInt8>>
        private(set) var position = 0

        init(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) { self.bytes = bytes }

        var left: Int { bytes.count * 8 - position }

        mutating func skip(_ count: Int) throws(Malformed) {
            guard count <= left else { throw Malformed() }
            position += count
        }

        /// - Parameter count: at most 16.
        mutating func read(_ count: Int) throws(Malformed) -> Int {
            guard count <= left else { throw Malformed() }
            var window = 0
            for index in position / 8..<(position + count + 7) / 8 {
                window = window << 8 | Int(bytes[bytes.startIndex + index])
            }
            position += count
            return window >> ((8 - position % 8) % 8) & (1 << count - 1)
        }

        /// LatmGetValue: one to four bytes, and how many before them.
        mutating func readValue() throws(Malformed) -> Int {
            let count = try read(2) + 1
            var value = 0
            for _ in 0..<count { value = value << 8 | (try read(8)) }
            return value
        }
    }
}
