import CLibSRT
package import NIOCore
import NIOPosix
import OriginMedia
import Synchronization
import Vocabulary

/// Takes the programmes of any number of encoders over SRT, as MPEG-TS, with the stream key in the stream id.
///
/// libsrt has threads of its own; one more of ours waits for what they have received.
package final class SRTServer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package let port: Int
    private let reception: Reception
    private let listener: SRTSOCKET
    private let poll: Int32
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let isStopping = Atomic(false)
    /// Connections that are to be closed, with what their encoders cannot be told.
    private let doomed = Mutex<Set<SRTSOCKET>>([])

    /// How long an encoder may be silent.
    private static let patience = Interval.seconds(10)
    /// Milliseconds between looks at what libsrt does not tell.
    private static let pause: Int64 = 100
    /// Bytes of one SRT message in live mode.
    private static let messageLength = 1_456

    private struct Caller {
        let encoder: Encoder
        let feed: Feed
        var heard: Instant
        var isHeld = false
    }

    /// - Parameter passphrase: 10 to 79 bytes with which callers must encrypt; `nil` for no encryption.
    package static func start(
        at address: SocketAddress, passphrase: String?, reception: Reception
    ) async throws -> SRTServer {
        let server = try SRTServer(address, passphrase: passphrase, reception)
        server.pool.start()
        server.pool.submit { _ in server.run() }
        return server
    }

    private init(_ address: SocketAddress, passphrase: String?, _ reception: Reception) throws {
        self.reception = reception
        srt_startup()
        srt_setloglevel(2)  // LOG_CRIT: what matters comes back as error codes
        let listener = srt_create_socket()
        self.listener = listener
        poll = srt_epoll_create()
        do {
            try Self.set(SRTO_RCVSYN, 0, on: listener)
            // The room for what arrives while the programme is being cut: 12,000 messages.
            try Self.set(SRTO_RCVBUF, Int32(12_000 * Self.messageLength), on: listener)
            if let passphrase {
                let bytes = Array(passphrase.utf8)
                guard srt_setsockflag(listener, SRTO_PASSPHRASE, bytes, Int32(bytes.count)) == 0 else {
                    throw Failure(description: "the SRT passphrase must have 10 to 79 bytes")
                }
            }
            let bound = address.withSockAddr { srt_bind(listener, $0, Int32($1)) }
            guard bound == 0 else { throw Self.failure("cannot listen on \(address)") }
            self.port = try Self.port(of: listener)
        } catch {
            srt_close(listener)
            srt_epoll_release(poll)
            srt_cleanup()
            throw error
        }
        srt_listen_callback(
            listener,
            { opaque, socket, _, peer, streamID in
                guard let opaque, let peer else { return -1 }
                let server = Unmanaged<SRTServer>.fromOpaque(opaque).takeUnretainedValue()
                return server.mayConnect(socket, peer, streamID.map { String(cString: $0) } ?? "")
            }, Unmanaged.passUnretained(self).toOpaque())
        var events = Int32(SRT_EPOLL_IN.rawValue | SRT_EPOLL_ERR.rawValue)
        guard srt_listen(listener, 64) == 0, srt_epoll_add_usock(poll, listener, &events) == 0 else {
            throw Self.failure("cannot listen on \(address)")
        }
    }

    package func stop() async {
        isStopping.store(true, ordering: .relaxed)
        try? await pool.shutdownGracefully()
    }

    // MARK: Who may come in

    /// On libsrt's thread, before the connection exists: a wrong key is refused with a reason that the caller sees.
    private func mayConnect(_ socket: SRTSOCKET, _ peer: UnsafePointer<sockaddr>, _ streamID: String) -> Int32 {
        let address = Self.address(of: peer)
        guard let ticket = StreamID.ticket(in: streamID) else {
            reception.malformed(
                "no_key", "its stream id holds no stream key to publish with", "SRT", from: address)
            srt_setrejectreason(socket, Int32(SRT_REJX_BAD_REQUEST))
            return -1
        }
        guard let refusal = reception.refusal(of: ticket, transport: "SRT", from: address) else { return 0 }
        let reason =
            switch refusal {
            case .wrongKey: SRT_REJX_UNAUTHORIZED
            case .tooManyGuesses: SRT_REJX_OVERLOAD
            case .busy: SRT_REJX_CONFLICT
            case .noSuchRendition: SRT_REJX_NOTFOUND
            }
        srt_setrejectreason(socket, Int32(reason))
        return -1
    }

    private func accept() -> (socket: SRTSOCKET, caller: Caller)? {
        var peer = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let (socket, address) = withUnsafeMutableBytes(of: &peer) { bytes -> (SRTSOCKET, String) in
            guard let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return (-1, "") }
            let socket = srt_accept(listener, pointer, &length)
            return (socket, Self.address(of: pointer))
        }
        guard socket >= 0 else { return nil }
        var text = [CChar](repeating: 0, count: 513)
        var textLength = Int32(512)
        guard srt_getsockflag(socket, SRTO_STREAMID, &text, &textLength) == 0,
            let ticket = StreamID.ticket(
                in: String(decoding: text.prefix(Int(textLength)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
        else {
            srt_close(socket)
            return nil
        }
        let encoder = Encoder(
            transport: "SRT", address: address, format: .mpegts,
            hangUp: { [weak self] _ in _ = self?.doomed.withLock { $0.insert(socket) } }, resume: {})
        guard case .admitted(let feed) = reception.admit(encoder, ticket) else {
            srt_close(socket)
            return nil
        }
        var events = Int32(SRT_EPOLL_IN.rawValue | SRT_EPOLL_ERR.rawValue)
        srt_epoll_add_usock(poll, socket, &events)
        return (socket, Caller(encoder: encoder, feed: feed, heard: MonotonicClock.now))
    }

    // MARK: The thread

    private func run() {
        var callers: [SRTSOCKET: Caller] = [:]
        var events = [SRT_EPOLL_EVENT](repeating: SRT_EPOLL_EVENT(), count: 64)
        var buffer = [CChar](repeating: 0, count: Self.messageLength + 44)
        func end(_ socket: SRTSOCKET, _ reason: String) {
            srt_epoll_remove_usock(poll, socket)
            srt_close(socket)
            if let caller = callers.removeValue(forKey: socket) { reception.left(caller.encoder, reason) }
        }
        while !isStopping.load(ordering: .relaxed) {
            let count = srt_epoll_uwait(poll, &events, Int32(events.count), Self.pause)
            for event in events.prefix(Int(max(0, min(count, 64)))) {
                if event.fd == listener {
                    if let (socket, caller) = accept() { callers[socket] = caller }
                } else if !receive(from: event.fd, &callers[event.fd], &buffer) {
                    end(event.fd, "its connection has ended")
                }
            }
            for socket in doomed.withLock({ doomed in
                defer { doomed = [] }
                return doomed
            }) where callers[socket] != nil { end(socket, "it was sent away") }
            for (socket, caller) in callers {
                if caller.isHeld, !caller.feed.isFull { hold(socket, &callers[socket], false) }
                guard !caller.isHeld, MonotonicClock.now - caller.heard > Self.patience else { continue }
                end(socket, "nothing came from it for 10 s")
            }
        }
        for socket in Array(callers.keys) { end(socket, "this origin stops") }
        srt_close(listener)
        srt_epoll_release(poll)
        srt_cleanup()
    }

    /// Everything that has come; false when the connection is over.
    private func receive(from socket: SRTSOCKET, _ caller: inout Caller?, _ buffer: inout [CChar]) -> Bool {
        guard let feed = caller?.feed, caller?.isHeld == false else { return caller != nil }
        var bytes: [UInt8] = []
        var isOpen = true
        while bytes.count < 256 << 10 {
            let count = srt_recvmsg(socket, &buffer, Int32(buffer.count))
            guard count > 0 else {
                isOpen = srt_getlasterror(nil) == SRT_EASYNCRCV.rawValue
                break
            }
            buffer.withUnsafeBytes { bytes.append(contentsOf: $0.prefix(Int(count))) }
        }
        guard !bytes.isEmpty else { return isOpen }
        caller?.heard = MonotonicClock.now
        caller?.encoder.note()
        reception.received(bytes.count)
        if !feed.push(bytes) { hold(socket, &caller, true) }
        return isOpen
    }

    /// Leaves what comes to libsrt's own buffer for a while.
    private func hold(_ socket: SRTSOCKET, _ caller: inout Caller?, _ isHeld: Bool) {
        caller?.isHeld = isHeld
        caller?.heard = MonotonicClock.now
        var events = Int32(SRT_EPOLL_ERR.rawValue | (isHeld ? 0 : SRT_EPOLL_IN.rawValue))
        srt_epoll_update_usock(poll, socket, &events)
    }

    // MARK: libsrt

    private static func set(_ option: SRT_SOCKOPT, _ value: Int32, on socket: SRTSOCKET) throws {
        var value = value
        let length = Int32(MemoryLayout<Int32>.size)
        guard srt_setsockflag(socket, option, &value, length) == 0 else {
            throw failure("libsrt does not take an option")
        }
    }

    private static func port(of socket: SRTSOCKET) throws -> Int {
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let found = withUnsafeMutableBytes(of: &storage) { bytes -> UInt16? in
            guard let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                srt_getsockname(socket, pointer, &length) == 0
            else { return nil }
            // The port is at the same place for both kinds of address.
            return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
        guard let found else { throw failure("libsrt does not tell its port") }
        return Int(found)
    }

    private static func address(of peer: UnsafePointer<sockaddr>) -> String {
        let raw = UnsafeRawPointer(peer)
        let address =
            Int32(peer.pointee.sa_family) == AF_INET6
            ? SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: "")
            : SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: "")
        return address.ipAddress ?? "an unknown address"
    }

    private static func failure(_ what: String) -> Failure {
        Failure(
            description: "\(what): \(srt_getlasterror_str().map { String(cString: $0) } ?? "libsrt does not say why")")
    }
}
