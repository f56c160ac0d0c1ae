import Glibc
import Integrity
import NIOCore
import NIOPosix
import Stage
import Testing
import TrackerCore
import TrackerService
import Vocabulary
import WebClient
import Wire

@Suite(.timeLimit(.minutes(1))) struct `A tracker's ports` {
    private static func running<Result>(_ body: (TrackerServer) async throws -> Result) async throws -> Result {
        let server = try await TrackerServer.start(host: "127.0.0.1", port: 0, udpHost: "127.0.0.1", udpPort: 0)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    private func announcement(_ number: UInt64) -> Announcement {
        Announcement(
            broadcast: BroadcastID(Word256(1, 1, 1, 1)), peer: PeerID(Word256(0, 0, 0, number)), event: .joined,
            port: UInt16(1_000 + number), freeUpload: 1)
    }

    @Test func `connect, then announce, then meet`() async throws {
        try await Self.running { server in
            let line = try await Line(port: server.udpPort)
            let id = try await line.connect()
            for number: UInt64 in 1...2 {
                let answer = try await line.ask(.announce(connection: id, transaction: 5, announcement(number)))
                guard case .welcome(5, let welcome) = answer else {
                    Issue.record("no welcome but \(answer)")
                    return
                }
                #expect(welcome.viewers == Int(number))
                let neighbors = number == 1 ? [] : ["127.0.0.1:1001"]
                #expect(welcome.neighbors.map(\.endpoint.description) == neighbors)
            }
            try await line.close()
        }
    }

    @Test(arguments: [("127.0.0.1", 1), ("::", 1), ("0.0.0.0", 2)])
    func `a peer that cannot be dialled is called when another is told of it`(host: String, workers: Int) async throws {
        let server = try await TrackerServer.start(
            host: "127.0.0.1", port: 0, udpHost: host, udpPort: 0, workers: workers)
        let client = WebClient()
        let result: Swift.Result<Void, any Error>
        do {
            let hidden = try await Line(port: server.udpPort)
            let id = try await hidden.connect()
            // Nobody listens at port 1.
            var words = announcement(1)
            words.port = 1
            _ = try await hidden.ask(.announce(connection: id, transaction: 77, words))
            let metrics = "http://127.0.0.1:\(server.httpPort)/metrics"
            try await wait(for: "a dial in vain", within: .seconds(30)) {
                let text = String(
                    decoding: (try? await client.get(metrics, limit: 1 << 20).body) ?? [], as: UTF8.self)
                return text.contains("dials_total{result=\"unreachable\"} 1")
            }
            let asker = try await Line(port: server.udpPort, from: "127.0.0.2")
            let answer = try await asker.ask(
                .announce(connection: try await asker.connect(), transaction: 5, announcement(2)))
            guard case .welcome(5, let welcome) = answer else { throw ChannelError.eof }
            #expect(welcome.neighbors.map(\.endpoint.description) == ["127.0.0.1:1"])
            let caller = Introduction(
                peer: announcement(2).peer, endpoint: try #require(Endpoint(address: [127, 0, 0, 2], port: 1_002)))
            #expect(try await hidden.next() == .call(transaction: 77, caller))
            guard case .welcome(_, let own) = try await hidden.ask(.announce(connection: id, transaction: 78, words))
            else { throw ChannelError.eof }
            #expect(own.isUnreachable)
            try await hidden.close()
            try await asker.close()
            result = .success(())
        } catch { result = .failure(error) }
        await client.shutdownAndWait()
        await server.stop()
        try result.get()
    }

    @Test func `tells from which port a connection comes`() async throws {
        try await Self.running { server in
            let client = WebClient()
            defer { client.shutdown() }
            let url = "http://127.0.0.1:\(server.httpPort)/v1/address"
            let text = String(decoding: try await client.get(url, limit: 99).body, as: UTF8.self)
            #expect(text.hasPrefix("127.0.0.1:") && text.hasSuffix("\n"))
            // A port that a listener has, as an agent's.
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1).bind(host: "127.0.0.1", port: 0).get()
            let sharedPort = ChannelOptions.Types.SocketOption(
                level: .socket, name: NIOBSDSocket.Option(rawValue: SO_REUSEPORT))
            try await listener.setOption(sharedPort, value: 1).get()
            let port = try #require(listener.localAddress?.port)
            let request = WebRequest(url, limit: 99, timeout: .seconds(10), localPort: UInt16(port))
            for _ in 0..<2 {
                // For a second the kernel does not connect the same two ports again.
                try await wait(for: "an answer to the port", within: .seconds(30)) {
                    let answer = try? await client.answer(to: request)
                    return answer.map { String(decoding: $0.body, as: UTF8.self) } == "127.0.0.1:\(port)\n"
                }
            }
            try await listener.close()
        }
    }

    @Test func `meets malformed datagrams and wrong ids with silence, and counts them`() async throws {
        try await Self.running { server in
            let line = try await Line(port: server.udpPort)
            let id = try await line.connect()
            line.send([])
            line.send([1, 2, 3])
            line.send([UInt8](repeating: 0, count: 16))
            line.send([UInt8](repeating: 0, count: 1_500))
            line.send(.announce(connection: id ^ 1, transaction: 1, announcement(1)))
            line.send([UInt8](repeating: 9, count: 40))
            // Answers keep their order, so the next one proves that those before it got none.
            _ = try await line.connect()
            #expect(
                server.malformed == [
                    "udp_truncated": 2, "udp_out_of_range": 1, "udp_oversized": 1, "udp_connection_id": 1,
                    "udp_unknown_type": 1,
                ])
            #expect(server.peerCount == 0)
            try await line.close()
        }
    }
}

extension `A tracker's ports` {
    @Test func `lists what an origin signed, and nothing else`() async throws {
        try await Self.running { server in
            let client = WebClient()
            defer { client.shutdown() }
            let key = SigningKey()
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let listing = Listing(
                broadcast: key.broadcast, time: Int64(now.tv_sec) * 1_000, title: "A \"title\"", status: .streaming,
                targetDuration: 2, hls: "http://127.0.0.1:1/x.m3u8", started: 1, newest: 3)
            let base = "http://127.0.0.1:\(server.httpPort)/v1/broadcasts"
            let sealed = Envelope.seal(listing.bencoded, as: .listing, with: key)
            let forged = Envelope.seal(listing.bencoded, as: .listing, with: SigningKey())
            #expect(try await client.post("\(base)/\(key.broadcast)", body: forged, limit: 9_999).status == 403)
            #expect(try await client.get("\(base)/\(key.broadcast)", limit: 9_999).status == 404)
            #expect(try await client.post("\(base)/\(key.broadcast)", body: sealed, limit: 9_999).status == 204)
            let page = try await client.get("\(base)?status=streaming&query=TITLE", limit: 9_999)
            let text = String(decoding: page.body, as: UTF8.self)
            #expect(text.contains("\"id\":\"\(key.broadcast)\"") && text.contains("A \\\"title\\\""))
            #expect(try await client.get("\(base)?status=strange", limit: 9_999).status == 400)
        }
    }

    @Test func `takes the same announce over HTTP and says who has a segment`() async throws {
        try await Self.running { server in
            let client = WebClient()
            defer { client.shutdown() }
            let base = "http://127.0.0.1:\(server.httpPort)/v1"
            var announcement = announcement(1)
            announcement.roots = [Root(Word256(3, 3, 3, 3))]
            var bytes = ByteBuffer()
            announcement.encode(into: &bytes)
            let answer = try await client.post(
                "\(base)/announce", body: Array(bytes.readableBytesView), limit: 9_999)
            #expect(try Welcome(parsing: ByteBuffer(bytes: answer.body)).viewers == 1)
            let holders = try await client.get("\(base)/who-has/\(announcement.roots[0])", limit: 9_999)
            #expect(String(decoding: holders.body, as: UTF8.self).contains("127.0.0.1:1001"))
            #expect(try await client.post("\(base)/announce", body: [2, 2], limit: 9_999).status == 400)
            #expect(server.malformed == ["http_truncated": 1])
        }
    }
}

/// A UDP client that asks one thing at a time.
struct Line {
    private let channel: any Channel
    private let tracker: SocketAddress
    private let answers: AsyncThrowingStream<ByteBuffer, any Error>

    init(port: Int, from host: String = "127.0.0.1") async throws {
        let (answers, continuation) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
        self.answers = answers
        tracker = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver { continuation.yield($0) })
                }
            }
            .bind(host: host, port: 0).get()
    }

    func send(_ bytes: [UInt8]) {
        channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: tracker, data: ByteBuffer(bytes: bytes)), promise: nil)
    }

    func send(_ request: TrackerRequest) {
        var bytes = ByteBuffer()
        request.encode(into: &bytes)
        send(Array(bytes.readableBytesView))
    }

    func ask(_ request: TrackerRequest) async throws -> TrackerAnswer {
        send(request)
        return try await next()
    }

    func next() async throws -> TrackerAnswer {
        for try await answer in answers { return try TrackerAnswer(parsing: answer) }
        throw ChannelError.eof
    }

    func connect() async throws -> UInt64 {
        guard case .connected(_, let id) = try await ask(.connect(transaction: 1)) else { throw ChannelError.eof }
        return id
    }

    func close() async throws { try await channel.close() }
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let report: (ByteBuffer) -> Void

    init(_ report: @escaping (ByteBuffer) -> Void) { self.report = report }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { report(unwrapInboundIn(data).data) }
}
