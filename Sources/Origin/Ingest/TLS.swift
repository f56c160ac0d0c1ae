import CLibSSL
import Glibc
import NIOCore
import Synchronization

/// A server's certificate and key; a renewed certificate is taken up without a restart.
package final class TLSIdentity: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private let certificate: String
    private let key: String
    private let state: Mutex<State>

    private struct State: @unchecked Sendable {
        // libssl counts the references of a context under its own lock.
        var context: OpaquePointer
        var stamp: [Int]
    }

    /// - Parameters:
    ///   - certificate: a PEM file with the certificate and those between it and its root.
    ///   - key: a PEM file with the private key.
    package init(certificate: String, key: String) throws(Failure) {
        self.certificate = certificate
        self.key = key
        let stamp = Self.stamp(certificate) + Self.stamp(key)
        state = Mutex(State(context: try Self.load(certificate, key), stamp: stamp))
    }

    deinit { state.withLock { SSL_CTX_free($0.context) } }

    /// A new connection's side of the server.
    func connection() -> OpaquePointer? {
        state.withLock { state in
            let stamp = Self.stamp(certificate) + Self.stamp(key)
            // Half a renewal does not load, and the old one goes on.
            if stamp != state.stamp, let renewed = try? Self.load(certificate, key) {
                SSL_CTX_free(state.context)
                state = State(context: renewed, stamp: stamp)
            }
            return SSL_new(state.context)
        }
    }

    private static func load(_ certificate: String, _ key: String) throws(Failure) -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw Failure(description: "no memory for TLS") }
        func check(_ isRight: Bool, _ sentence: String) throws(Failure) {
            guard !isRight else { return }
            ERR_clear_error()
            SSL_CTX_free(context)
            throw Failure(description: sentence)
        }
        _ = ssl_shim_require_tls_1_2(context)
        try check(
            SSL_CTX_use_certificate_chain_file(context, certificate) == 1,
            "\(certificate) is no PEM file with a certificate")
        try check(
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1
                && SSL_CTX_check_private_key(context) == 1,
            "\(key) is no PEM file with the key of \(certificate)")
        return context
    }

    private static func stamp(_ path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }
}

/// TLS between a socket and a protocol, by libssl, whose bytes pass through two buffers in memory.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Failure: Error {}

    private let connection: OpaquePointer
    private let received: OpaquePointer
    private let sent: OpaquePointer
    private var isOver = false

    init?(_ identity: TLSIdentity) {
        guard let connection = identity.connection() else { return nil }
        guard let received = BIO_new(BIO_s_mem()), let sent = BIO_new(BIO_s_mem()) else {
            SSL_free(connection)
            return nil
        }
        // The connection owns both buffers from here on.
        SSL_set_bio(connection, received, sent)
        SSL_set_accept_state(connection)
        (self.connection, self.received, self.sent) = (connection, received, sent)
    }

    deinit { SSL_free(connection) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        let bytes = unwrapInboundIn(data)
        let taken = bytes.withUnsafeReadableBytes { BIO_write(received, $0.baseAddress, Int32(clamping: $0.count)) }
        switch taken == bytes.readableBytes ? decrypt(context) : SSL_ERROR_SSL {
        case SSL_ERROR_WANT_READ: flush(context)
        // Whoever says that nothing will follow (RFC 8446, section 6.1) need not end the connection beneath, too.
        case SSL_ERROR_ZERO_RETURN: close(context: context, mode: .all, promise: nil)
        default:
            isOver = true
            flush(context)
            context.fireErrorCaught(Failure())
        }
    }

    /// Passes on what can be read; returns why there is no more of it.
    private func decrypt(_ context: ChannelHandlerContext) -> Int32 {
        var plain = context.channel.allocator.buffer(capacity: 16 << 10)
        while true {
            ERR_clear_error()
            var result: Int32 = 0
            plain.writeWithUnsafeMutableBytes(minimumWritableBytes: 16 << 10) { room in
                result = SSL_read(connection, room.baseAddress, Int32(clamping: room.count))
                return Int(max(0, result))
            }
            if result > 0 { continue }
            let error = SSL_get_error(connection, result)
            if plain.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plain)) }
            return error
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        ERR_clear_error()
        let written = bytes.withUnsafeReadableBytes { SSL_write(connection, $0.baseAddress, Int32(clamping: $0.count)) }
        guard written == bytes.readableBytes else {
            promise?.fail(Failure())
            return
        }
        context.write(wrapOutboundOut(takeSent(context)), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input, !isOver {
            isOver = mode == .all
            SSL_shutdown(connection)
            flush(context)
        }
        context.close(mode: mode, promise: promise)
    }

    private func flush(_ context: ChannelHandlerContext) {
        let bytes = takeSent(context)
        if bytes.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
    }

    private func takeSent(_ context: ChannelHandlerContext) -> ByteBuffer {
        let pending = BIO_ctrl_pending(sent)
        var bytes = context.channel.allocator.buffer(capacity: pending)
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: pending) { room in
            Int(max(0, BIO_read(sent, room.baseAddress, Int32(clamping: room.count))))
        }
        return bytes
    }
}
