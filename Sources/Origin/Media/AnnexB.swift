import CLibAVFormat

/// The units of a byte stream of pictures (H.264 and H.265, Annex B), without the start codes and zeros around them.
package struct AnnexB: Sequence, IteratorProtocol {
    private let bytes: UnsafeBufferPointer<UInt8>
    /// Behind a start code, or at the end.
    private var position: Int

    package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        position = 0
        position = Swift.min(bytes.count, startCode() + 3)
    }

    init(_ packet: UnsafeMutablePointer<AVPacket>) {
        self.init(UnsafeBufferPointer(start: packet.pointee.data, count: Int(Swift.max(0, packet.pointee.size))))
    }

    package mutating func next() -> UnsafeBufferPointer<UInt8>? {
        while position < bytes.count {
            let start = position
            let code = startCode()
            position = Swift.min(bytes.count, code + 3)
            var end = code
            while end > start, bytes[end - 1] == 0 { end -= 1 }
            if end > start { return UnsafeBufferPointer(rebasing: bytes[start..<end]) }
        }
        return nil
    }

    /// Where the next start code begins. Two zeros next to each other are rare in pictures; libavformat looks for one zero in
    /// four bytes.
    private func startCode() -> Int {
        guard let start = UnsafeRawPointer(bytes.baseAddress) else { return 0 }
        func words(_ place: Int) -> SIMD4<UInt64> { start.loadUnaligned(fromByteOffset: place, as: SIMD4<UInt64>.self) }
        let ones = SIMD4<UInt64>(repeating: 0x0101_0101_0101_0101)
        let tops = SIMD4<UInt64>(repeating: 0x8080_8080_8080_8080)
        var place = position
        while place + 2 < bytes.count {
            let next = place + 32
            if next < bytes.count {
                let pairs = words(place) | words(place + 1)
                let zeros = (pairs &- ones) & ~pairs & tops
                guard zeros[0] | zeros[1] | zeros[2] | zeros[3] != 0 else {
                    place = next
                    continue
                }
            }
            while place < Swift.min(next, bytes.count - 2) {
                if bytes[place] == 0, bytes[place + 1] == 0, bytes[place + 2] == 1 { return place }
                place += 1
            }
        }
        return bytes.count
    }

    /// Whether what is taken for pictures of one codec begins with parameter sets of the other: the first of H.265 (ITU-T
    /// H.265, 7.3.1.2) has a number that H.264 leaves unspecified, and in that of H.264 (7.3.1) H.265 would read the number
    /// of a layer that no programme has.
    static func isOther(than isHEVC: Bool, _ packet: UnsafeMutablePointer<AVPacket>) -> Bool {
        let count = Swift.min(256, Int(Swift.max(0, packet.pointee.size)))
        return AnnexB(UnsafeBufferPointer(start: packet.pointee.data, count: count)).contains { unit in
            guard unit.count > 1 else { return false }
            return isHEVC ? unit[0] & 0x9f == 7 && unit[0] > 7 : unit[0] == 0x40 && unit[1] == 1
        }
    }

    /// Puts before each unit how long it is, in four bytes, in place of the start code. False for a packet without units.
    static func count(_ packet: UnsafeMutablePointer<AVPacket>) -> Bool {
        let size = Int(Swift.max(0, packet.pointee.size))
        let padding = Int(AV_INPUT_BUFFER_PADDING_SIZE)
        // At worst each unit is one byte behind a start code of three.
        guard let buffer = av_buffer_alloc(size + size / 4 + padding), let target = buffer.pointee.data else {
            preconditionFailure("no memory for a packet")
        }
        var length = 0
        for unit in AnnexB(packet) {
            for place in 0..<4 { target[length + place] = UInt8(truncatingIfNeeded: unit.count >> (24 - 8 * place)) }
            UnsafeMutableRawBufferPointer(start: target + length + 4, count: unit.count).copyMemory(from: .init(unit))
            length += 4 + unit.count
        }
        (target + length).update(repeating: 0, count: padding)
        av_buffer_unref(&packet.pointee.buf)
        packet.pointee.buf = buffer
        packet.pointee.data = target
        packet.pointee.size = Int32(length)
        return length > 0
    }
}
