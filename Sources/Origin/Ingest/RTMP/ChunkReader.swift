package import NIOCore
import Vocabulary

/// Puts messages together from chunks (section 5.3), and obeys what the sender says about chunks.
package struct ChunkReader: Sendable {
    /// The sender has shown a right key. Until then it sends commands, which are short.
    package var isTrusted = false
    private var chunkSize = 128
    private var streams: [UInt32: Stream] = [:]
    /// Bytes of all messages that are not complete.
    private var pending = 0

    private struct Stream: Sendable {
        var timestamp: UInt32 = 0
        var delta: UInt32 = 0
        /// The last header had its time in four bytes of its own.
        var isExtended = false
        var length = 0
        var kind: UInt8 = 0
        var stream: UInt32 = 0
        /// `nil` between messages.
        var partial: ByteBuffer?
        var hasBegun = false
    }

    package init() {}

    private var messageLimit: Int { isTrusted ? Limits.rtmpMessage : Limits.rtmpCommand }
    private var pendingLimit: Int { isTrusted ? Limits.rtmpPending : Limits.rtmpCommand }

    /// The next message that `buffer` completes; takes whole chunks from its front.
    package mutating func next(from buffer: inout ByteBuffer) throws(RTMPError) -> Message? {
        while true {
            var rest = buffer
            guard let (message, isWhole) = try chunk(from: &rest), isWhole else { return nil }
            buffer = rest
            guard let message else { continue }
            if try !obey(message) { return message }
        }
    }

    /// `nil` when the chunk has not arrived completely; nothing is changed then.
    private mutating func chunk(from buffer: inout ByteBuffer) throws(RTMPError) -> (message: Message?, isWhole: Bool)?
    {
        guard let first = buffer.readInteger(as: UInt8.self) else { return nil }
        let format = first >> 6
        var name = UInt32(first & 0x3f)
        if name == 0 {
            guard let second = buffer.readInteger(as: UInt8.self) else { return nil }
            name = 64 + UInt32(second)
        } else if name == 1 {
            guard let rest = buffer.readInteger(endianness: .little, as: UInt16.self) else { return nil }
            name = 64 + UInt32(rest)
        }
        guard streams[name] != nil || streams.count < Limits.rtmpChunkStreams else { throw .tooMany("chunk streams") }
        var stream = streams[name] ?? Stream()
        let continues = stream.partial != nil
        guard format == 0 || stream.hasBegun else { throw .withoutBeginning }
        guard try readHeader(format, of: &stream, from: &buffer, continues: continues) else { return nil }

        let count = min(chunkSize, stream.length - (stream.partial?.readableBytes ?? 0))
        guard var bytes = buffer.readSlice(length: count) else { return nil }
        // Held nowhere else while it grows, or each chunk would copy all of it.
        var partial = stream.partial ?? ByteBuffer()
        stream.partial = nil
        streams[name]?.partial = nil
        pending += count
        guard pending <= pendingLimit else { throw .oversized(length: pending, limit: pendingLimit) }
        stream.hasBegun = true
        if partial.readableBytes == 0, count == stream.length {
            partial = bytes
        } else {
            partial.writeBuffer(&bytes)
        }
        if name < 64, !stream.isExtended { try goOn(0xc0 | UInt8(name), &partial, to: stream.length, from: &buffer) }
        guard partial.readableBytes == stream.length else {
            stream.partial = partial
            streams[name] = stream
            return (nil, true)
        }
        pending -= stream.length
        stream.partial = nil
        streams[name] = stream
        return (
            Message(kind: stream.kind, stream: stream.stream, timestamp: stream.timestamp, payload: partial), true
        )
    }

    /// Takes the chunks that follow as long as they bring nothing but more of the same message: some encoders send 128
    /// bytes in each.
    private mutating func goOn(
        _ header: UInt8, _ partial: inout ByteBuffer, to length: Int, from buffer: inout ByteBuffer
    ) throws(RTMPError) {
        while partial.readableBytes < length {
            let count = min(chunkSize, length - partial.readableBytes)
            guard buffer.readableBytes > count, buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) == header
            else { return }
            pending += count
            guard pending <= pendingLimit else { throw .oversized(length: pending, limit: pendingLimit) }
            let start = buffer.readerIndex + 1
            buffer.withUnsafeReadableBytes { bytes in
                _ = partial.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[1..<1 + count]))
            }
            buffer.moveReaderIndex(to: start + count)
        }
    }

    /// Message header and extended timestamp (sections 5.3.1.2 and 5.3.1.3); false when they are not all there.
    private func readHeader(
        _ format: UInt8, of stream: inout Stream, from buffer: inout ByteBuffer, continues: Bool
    ) throws(RTMPError) -> Bool {
        if format == 3 {
            if stream.isExtended {
                guard let time = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return false }
                // Some encoders leave it out here, so it is taken only if it says what it must say.
                if time == stream.timestamp || time == stream.delta {
                    buffer.moveReaderIndex(forwardBy: 4)
                }
            }
            if !continues { stream.timestamp &+= stream.delta }
            return true
        }
        guard !continues else { throw .outOfOrder("the header of a new message") }
        guard let time = Self.readTriple(from: &buffer) else { return false }
        if format < 2 {
            guard let length = Self.readTriple(from: &buffer), let kind = buffer.readInteger(as: UInt8.self) else {
                return false
            }
            guard length <= messageLimit else { throw .oversized(length: Int(length), limit: messageLimit) }
            stream.length = Int(length)
            stream.kind = kind
        }
        if format == 0 {
            guard let id = buffer.readInteger(endianness: .little, as: UInt32.self) else { return false }
            stream.stream = id
        }
        stream.isExtended = time == 0xff_ffff
        var exact = time
        if stream.isExtended {
            guard let extended = buffer.readInteger(as: UInt32.self) else { return false }
            exact = extended
        }
        if format == 0 {
            stream.timestamp = exact
            // A header of type 3 that follows repeats this as a difference, says the standard and does ffmpeg; with
            // librtmp it means the same time again. Only small ones can be differences.
            stream.delta = exact < 1_000 ? exact : 0
        } else {
            stream.delta = exact
            stream.timestamp &+= exact
        }
        return true
    }

    private static func readTriple(from buffer: inout ByteBuffer) -> UInt32? {
        guard let (high, low) = buffer.readMultipleIntegers(as: (UInt8, UInt16).self) else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// Whether the message was about chunks themselves.
    private mutating func obey(_ message: Message) throws(RTMPError) -> Bool {
        guard message.kind == Message.Kind.chunkSize || message.kind == Message.Kind.abort else { return false }
        guard let number = message.payload.getInteger(at: message.payload.readerIndex, as: UInt32.self) else {
            throw .truncated
        }
        if message.kind == Message.Kind.chunkSize {
            guard (1...Int(Int32.max)).contains(Int(number)) else { throw .outOfRange("the chunk size") }
            // No message is longer than the limit, so no chunk is.
            chunkSize = min(Int(number), Limits.rtmpMessage)
        } else if let partial = streams[number]?.partial {
            pending -= partial.readableBytes
            streams[number]?.partial = nil
        }
        return true
    }
}
