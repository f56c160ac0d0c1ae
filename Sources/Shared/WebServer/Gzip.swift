import CZlib
package import NIOCore

/// Compression of short texts that are made once and sent often (RFC 1952).
package enum Gzip {
    /// `nil` when there is no memory.
    package static func compress(_ text: ByteBuffer) -> ByteBuffer? {
        var stream = z_stream()
        guard gzip_begin(&stream) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        var input = Array(text.readableBytesView)
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(input.count))))
        let code = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = uInt(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = uInt(output.count)
                return deflate(&stream, Z_FINISH)
            }
        }
        guard code == Z_STREAM_END else { return nil }
        return ByteBuffer(bytes: output.prefix(Int(stream.total_out)))
    }
}

extension Request {
    /// Whether the client takes gzip (RFC 9110, section 12.5.3).
    package var acceptsGzip: Bool {
        guard let accepted = header("accept-encoding") else { return false }
        return accepted.split(separator: ",").contains { item in
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            return parts.first == "gzip" && !parts.dropFirst().contains { $0 == "q=0" || $0.hasPrefix("q=0.000") }
        }
    }
}

/// A text with its compressed form, so that neither is made for each request.
package struct CompressedText: Sendable {
    private let plain: ByteBuffer
    private let gzip: ByteBuffer?

    package init(_ text: String) {
        plain = ByteBuffer(string: text)
        gzip = Gzip.compress(plain)
    }

    /// The answer to a request for it.
    package func response(to request: Request, headers: [(String, String)]) -> Response {
        response(isCompressed: request.acceptsGzip, headers: headers)
    }

    package func response(isCompressed: Bool, headers: [(String, String)]) -> Response {
        guard let gzip else { return Response(status: 200, headers: headers, body: .bytes(plain)) }
        guard isCompressed else {
            return Response(status: 200, headers: headers + [("vary", "accept-encoding")], body: .bytes(plain))
        }
        return Response(
            status: 200, headers: headers + [("content-encoding", "gzip"), ("vary", "accept-encoding")],
            body: .bytes(gzip))
    }
}
