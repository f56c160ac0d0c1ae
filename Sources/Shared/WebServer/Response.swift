package import NIOCore
import NIOHTTP1

/// Follows an answer on its way to the client.
package protocol Escort: Sendable {
    /// Comes before the first byte. `limit` bounds what the connection sends from then on, in bytes a second, until it is
    /// called with `nil`; from anywhere.
    func began(_ limit: @escaping @Sendable (Int?) -> Void)
    /// The client has acknowledged so many bytes, now and then.
    func carried(_ bytes: Int)
    /// Comes once: with `true` when the client has acknowledged the answer, with `false` if its connection ends before.
    func ended(isWhole: Bool)
}

/// What a handler answers; the server adds framing (content-length, transfer-encoding, connection) itself.
package struct Response: Sendable {
    package enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        case kept(KeptBytes, Range<Int>)
        /// Runs on the connection's event loop once the head is written; not at all for HEAD.
        /// Without a length the body is chunked.
        case stream(length: Int?, @Sendable (ResponseWriter) -> Void)
        /// With the status 101: HTTP is over, and the handlers that this adds have the connection.
        case upgrade(@Sendable (any Channel) throws -> Void)
    }

    package var status: Int
    package var headers: [(String, String)]
    package var body: Body
    package var escort: (any Escort)?

    package init(status: Int, headers: [(String, String)] = [], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A short body of text with its content type.
    package init(status: Int = 200, text: String, type: String = "text/plain; charset=utf-8") {
        self.init(status: status, headers: [("content-type", type)], body: .bytes(ByteBuffer(string: text)))
    }

    /// All of it as it is sent to who may ask again; `nil` for a body that does not lie in a buffer.
    package var whole: ByteBuffer? {
        guard case .bytes(let body) = body else { return nil }
        var bytes = ByteBuffer()
        bytes.writeHead(status: status, headers)
        bytes.writeString("content-length: \(body.readableBytes)\r\n\r\n")
        bytes.writeImmutableBuffer(body)
        return bytes
    }

    package var length: Int? {
        switch body {
        case .none: 0
        case .bytes(let bytes): bytes.readableBytes
        case .kept(_, let range): range.count
        case .stream(let length, _): length
        case .upgrade: 0
        }
    }
}

extension ByteBuffer {
    /// The first lines of an answer.
    mutating func writeHead(status: Int, _ headers: [(String, String)]) {
        writeString("HTTP/1.1 \(status) ")
        writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
        writeString("\r\n")
        for (name, value) in headers {
            writeString(name)
            writeString(": ")
            // A line break in a value would let it write header fields of its own.
            if value.utf8.contains(where: { $0 < 32 }) {
                writeBytes(value.utf8.filter { $0 >= 32 })
            } else {
                writeString(value)
            }
            writeString("\r\n")
        }
    }
}
