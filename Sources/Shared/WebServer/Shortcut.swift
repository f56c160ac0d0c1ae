package import NIOCore

/// Answers some of the plainest requests before they are parsed in full, which costs more than many answers do. Is given
/// the target of a GET; writes a body of text, or returns `false` to have the request go the usual way.
package typealias Shortcut =
    @Sendable (_ target: UnsafeRawBufferPointer, _ remote: SocketAddress, _ body: inout ByteBuffer) -> Bool

/// Stands in front of the parser. It answers a read that is exactly one plain GET by the shortcut; at the first read that
/// is anything else it steps aside for good, so no request is ever seen by both.
final class ShortcutHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let shortcut: Shortcut
    private let connection: Connection
    private var remote: SocketAddress?
    private var isAside = false
    private var body = ByteBufferAllocator().buffer(capacity: 2_048)

    init(_ shortcut: @escaping Shortcut, _ connection: Connection) {
        self.shortcut = shortcut
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if !isAside, connection.isIdle, let answer = answer(to: bytes, context) {
            connection.answeredElsewhere()
            context.write(wrapOutboundOut(answer), promise: nil)
        } else {
            isAside = true
            connection.bytesArrived()
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !isAside { context.flush() }
        context.fireChannelReadComplete()
    }

    private func answer(to bytes: ByteBuffer, _ context: ChannelHandlerContext) -> ByteBuffer? {
        if remote == nil { remote = context.remoteAddress }
        guard let remote else { return nil }
        body.clear()
        let isAnswered = bytes.withUnsafeReadableBytes { bytes in
            guard let target = PlainRequest.target(of: bytes) else { return false }
            return shortcut(UnsafeRawBufferPointer(rebasing: bytes[target]), remote, &body)
        }
        guard isAnswered else { return nil }
        var answer = context.channel.allocator.buffer(capacity: body.readableBytes + 96)
        answer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ")
        answer.writeString("\(body.readableBytes)")
        answer.writeStaticString("\r\n\r\n")
        answer.writeImmutableBuffer(body)
        return answer
    }
}

/// A GET whose meaning nobody can doubt: one request line, header fields of which none changes how it is to be read or
/// answered, an empty line, and nothing behind it. What is anything else is not malformed, it is for the real parser.
package enum PlainRequest {
    private static let longest = 4_096
    private static let fields = 32

    /// Where the target is.
    package static func target(of bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        guard bytes.count <= longest, bytes.count >= 18, bytes.starts(with: "GET /".utf8) else { return nil }
        var position = 5
        while position < bytes.count, bytes[position] > 32, bytes[position] < 127 { position += 1 }
        let target = 4..<position
        let version = " HTTP/1.1\r\n".utf8
        guard bytes.count > position + version.count, bytes[position...].starts(with: version) else { return nil }
        position += version.count
        for _ in 0..<fields {
            if bytes[position] == 13 {
                return position + 2 == bytes.count && bytes[position + 1] == 10 ? target : nil
            }
            guard let next = field(at: position, of: bytes) else { return nil }
            position = next
        }
        return nil
    }

    /// Returns where the next line begins.
    private static func field(at start: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
        var position = start
        while position < bytes.count, isName(bytes[position]) { position += 1 }
        let name = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        guard !name.isEmpty, position < bytes.count, bytes[position] == UInt8(ascii: ":") else { return nil }
        position += 1
        let value = position
        while position < bytes.count, bytes[position] >= 32 && bytes[position] < 127 { position += 1 }
        // Another byte must follow the line's end.
        guard position + 2 < bytes.count, bytes[position] == 13, bytes[position + 1] == 10 else { return nil }
        switch name[0] | 0x20 {
        case UInt8(ascii: "a") where isSame(name, "accept-encoding"):
            guard !holds(bytes[value..<position], "gzip"), !holds(bytes[value..<position], "*") else { return nil }
        case UInt8(ascii: "c") where isSame(name, "connection"):
            guard isSame(trimmed(bytes, value..<position), "keep-alive") else { return nil }
        case UInt8(ascii: "c") where isSame(name, "content-length"): return nil
        case UInt8(ascii: "e") where isSame(name, "expect"): return nil
        case UInt8(ascii: "t") where isSame(name, "transfer-encoding"): return nil
        case UInt8(ascii: "u") where isSame(name, "upgrade"): return nil
        default: break
        }
        return position + 2
    }

    private static func isName(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z") || byte == UInt8(ascii: "-")
            || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UnsafeRawBufferPointer {
        var range = range
        while let first = range.first, bytes[first] == 32 { range.removeFirst() }
        while let last = range.last, bytes[last] == 32 { range.removeLast() }
        return UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Without regard to case; `text` is in lower case.
    private static func isSame(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        bytes.count == text.utf8CodeUnitCount
            && text.withUTF8Buffer { text in
                bytes.indices.allSatisfy { bytes[$0] | (text[$0] >= 64 ? 0x20 : 0) == text[$0] }
            }
    }

    private static func holds(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard bytes.count >= length else { return false }
        return (bytes.startIndex...bytes.endIndex - length).contains { start in
            isSame(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]), text)
        }
    }
}
