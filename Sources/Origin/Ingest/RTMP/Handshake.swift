package import NIOCore

/// The server's side of the simple handshake (section 5.2), which every encoder speaks.
package struct Handshake: Sendable {
    private static let length = 1_536
    private static let version: UInt8 = 3
    private var isAnswered = false
    package private(set) var isComplete = false

    package init() {}

    /// Takes what there is of it from `buffer`; returns what to send, if anything.
    ///
    /// - Parameter random: 1,528 bytes that the client echoes; what they are does not matter.
    package mutating func take(from buffer: inout ByteBuffer, random: [UInt8]) throws(RTMPError) -> ByteBuffer? {
        var answer: ByteBuffer?
        if !isAnswered {
            guard let version = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
            guard version == Self.version else { throw .notRTMP }
            guard buffer.readableBytes > Self.length else { return nil }
            buffer.moveReaderIndex(forwardBy: 1)
            guard var theirs = buffer.readSlice(length: Self.length) else { return nil }
            var bytes = ByteBuffer(integer: Self.version)
            bytes.writeInteger(UInt64(0))  // our time, and zero: no digest
            bytes.writeBytes(random.prefix(Self.length - 8))
            bytes.writeRepeatingByte(0, count: max(0, Self.length - 8 - random.count))
            bytes.writeBuffer(&theirs)
            answer = bytes
            isAnswered = true
        }
        if buffer.readableBytes >= Self.length {
            buffer.moveReaderIndex(forwardBy: Self.length)
            isComplete = true
        }
        return answer
    }
}
