package import NIOCore

/// Answers some of the plainest requests before they are parsed in full, which costs more than many answers do; `nil` has
/// the request go the usual way.
package typealias Shortcut =
    @Sendable (_ request: PlainRequest, _ remote: SocketAddress, _ body: inout ByteBuffer) -> ShortAnswer?

package enum ShortAnswer: Sendable {
    /// Text that was written to the body.
    case text
    /// Head and body as they are sent.
    case whole(ByteBuffer)
    case kept(KeptBytes)
}

/// Stands in front of the parser. It answers a read that is exactly one plain GET by the shortcut, or leaves it to the
/// parser, which needs all of it and nothing else; at the first read that is anything else it steps aside for good, so no
/// request is ever seen by both.
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
        if !isAside, isAnswered(unwrapInboundIn(data), context) { return connection.answeredElsewhere() }
        connection.bytesArrived()
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !isAside { context.flush() }
        context.fireChannelReadComplete()
    }

    private func isAnswered(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        if remote == nil { remote = context.remoteAddress }
        body.clear()
        let answer = bytes.withUnsafeReadableBytes { bytes -> ShortAnswer? in
            guard let request = PlainRequest(bytes) else {
                isAside = true
                return nil
            }
            guard connection.isIdle, let remote else { return nil }
            return shortcut(request, remote, &body)
        }
        switch answer {
        case nil: return false
        case .kept(let kept): connection.answer(kept)
        case .whole(let answer): context.write(wrapOutboundOut(answer), promise: nil)
        case .text:
            var answer = context.channel.allocator.buffer(capacity: body.readableBytes + 96)
            answer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ")
            answer.writeString("\(body.readableBytes)")
            answer.writeStaticString("\r\n\r\n")
            answer.writeImmutableBuffer(body)
            context.write(wrapOutboundOut(answer), promise: nil)
        }
        return true
    }
}

/// A GET whose meaning nobody can doubt: one request line, header fields of which none changes how it is to be read, an
/// empty line, and nothing behind it. What is anything else is not malformed, it is for the real parser.
package struct PlainRequest {
    private static let longest = 4_096
    private static let fields = 32

    /// Lasts as long as the bytes that it was read from.
    package let target: UnsafeRawBufferPointer
    /// The answer may be compressed.
    package private(set) var takesGzip = false
    /// Only a part is wanted, or only what is new, or not as urgently as usual, or codings are weighed against each other.
    package private(set) var isConditional = false

    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.longest, bytes.count >= 18, bytes.starts(with: "GET /".utf8) else { return nil }
        var position = 5
        while position < bytes.count, bytes[position] > 32, bytes[position] < 127 { position += 1 }
        target = UnsafeRawBufferPointer(rebasing: bytes[4..<position])
        let version = " HTTP/1.1\r\n".utf8
        guard bytes.count > position + version.count, bytes[position...].starts(with: version) else { return nil }
        position += version.count
        for _ in 0..<Self.fields {
            if bytes[position] == 13 {
                guard position + 2 == bytes.count, bytes[position + 1] == 10 else { return nil }
                return
            }
            guard let next = field(at: position, of: bytes) else { return nil }
            position = next
        }
        return nil
    }

    /// Returns where the next line begins.
    private mutating func field(at start: Int, of bytes: UnsafeRawBufferPointer) -> Int? {
        var position = start
        while position < bytes.count, Self.isName(bytes[position]) { position += 1 }
        let name = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        guard !name.isEmpty, position < bytes.count, bytes[position] == UInt8(ascii: ":") else { return nil }
        position += 1
        let value = position
        while position < bytes.count, bytes[position] >= 32 && bytes[position] < 127 { position += 1 }
        // Another byte must follow the line's end.
        guard position + 2 < bytes.count, bytes[position] == 13, bytes[position + 1] == 10 else { return nil }
        switch name[0] | 0x20 {
        case UInt8(ascii: "a") where Self.isSame(name, "accept-encoding"):
            let value = bytes[value..<position]
            takesGzip = Self.holds(value, "gzip")
            if value.contains(UInt8(ascii: ";")) || value.contains(UInt8(ascii: "*")) { isConditional = true }
        case UInt8(ascii: "c") where Self.isSame(name, "connection"):
            guard Self.isSame(Self.trimmed(bytes, value..<position), "keep-alive") else { return nil }
        case UInt8(ascii: "c") where Self.isSame(name, "content-length"): return nil
        case UInt8(ascii: "e") where Self.isSame(name, "expect"): return nil
        case UInt8(ascii: "i") where name.count > 3 && Self.isSame(.init(rebasing: name[..<3]), "if-"):
            isConditional = true
        case UInt8(ascii: "p") where Self.isSame(name, "priority"): isConditional = true
        case UInt8(ascii: "r") where Self.isSame(name, "range"): isConditional = true
        case UInt8(ascii: "t") where Self.isSame(name, "transfer-encoding"): return nil
        case UInt8(ascii: "u") where Self.isSame(name, "upgrade"): return nil
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
