import CLibAVFormat
import Glibc

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

    /// Where the next start code begins. Its last byte is rarer in pictures than its zeros, and the C library finds it faster
    /// than libavformat does the whole.
    private func startCode() -> Int {
        guard let start = bytes.baseAddress else { return 0 }
        var place = position + 2
        while place < bytes.count, let found = memchr(start + place, 1, bytes.count - place) {
            place = UnsafeRawPointer(start).distance(to: found)
            if bytes[place - 1] == 0, bytes[place - 2] == 0 { return place - 2 }
            place += 1
        }
        return bytes.count
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
        memset(target + length, 0, padding)
        av_buffer_unref(&packet.pointee.buf)
        packet.pointee.buf = buffer
        packet.pointee.data = target
        packet.pointee.size = Int32(length)
        return length > 0
    }
}
