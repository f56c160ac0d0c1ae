import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing
import WebServer

@Suite(.timeLimit(.minutes(1))) struct `An HTTP server` {
    /// Sends bytes to a fresh server and returns everything that comes back until it closes the connection.
    private func exchange(
        _ text: String, limits: ServerLimits = .init(),
        handler: @escaping Server.Handler = { request, eventLoop in
            eventLoop.makeSucceededFuture(Response(text: request.path + "\n"))
        }
    ) async throws -> (answer: String, malformed: [MalformedRequest: Int]) {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: group, limits: limits, handler: handler)
        let (answers, continuation) = AsyncStream.makeStream(of: String.self)
        let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Collector { continuation.yield($0) })
            }
        }.connect(host: "127.0.0.1", port: server.port).get()
        try await channel.writeAndFlush(ByteBuffer(string: text))
        var answer = ""
        for await text in answers {
            answer = text
            break
        }
        let malformed = server.malformed
        await server.stop()
        return (answer, malformed)
    }

    @Test func `answers pipelined requests in order, even when the first takes longest`() async throws {
        let (answer, _) = try await exchange(
            "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n"
        ) { request, eventLoop in
            let wait = TimeAmount.milliseconds(request.path == "/1" ? 50 : 0)
            return eventLoop.scheduleTask(in: wait) { Response(text: request.path + "\n") }.futureResult
        }
        let places = ["/1\n", "/2\n", "/3\n"].compactMap { answer.firstRange(of: $0)?.lowerBound }
        #expect(places.count == 3)
        #expect(places == places.sorted())
    }

    @Test(arguments: [
        ("\u{1}\u{2}\r\n\r\n", 400, MalformedRequest.syntax),
        ("GET nowhere HTTP/1.1\r\n\r\n", 400, .syntax),
        ("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", 400, .target),
        ("GET / HTTP/1.1\r\nA: " + String(repeating: "x", count: 20_000) + "\r\n\r\n", 431, .headersTooLarge),
        ("GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 65) + "\r\n", 431, .headersTooLarge),
        ("GET /" + String(repeating: "x", count: 9_000) + " HTTP/1.1\r\n\r\n", 414, .targetTooLong),
        ("POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", 413, .bodyTooLarge),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, .syntax),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, .syntax),
    ]) func `turns malformed requests away and counts them`(
        text: String, status: Int, reason: MalformedRequest
    ) async throws {
        let (answer, malformed) = try await exchange(text)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(malformed == [reason: 1])
    }

    private struct Trace: Sendable { weak var channel: (any Channel)? }

    @Test func `keeps nothing of a connection that has ended`() async throws {
        let trace = Mutex(Trace())
        _ = try await exchange("GET / HTTP/1.1\r\n\r\n") { _, eventLoop in
            let body = Response.Body.upgrade { channel in
                trace.withLock { $0.channel = channel }
                channel.close(promise: nil)
            }
            return eventLoop.makeSucceededFuture(Response(status: 101, body: body))
        }
        let end = ContinuousClock.now + .seconds(10)
        while trace.withLock({ $0.channel != nil }), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(trace.withLock { $0.channel == nil })
    }

    @Test func `does not wait for a head that never ends`() async throws {
        var limits = ServerLimits()
        limits.header = .milliseconds(100)
        let (answer, malformed) = try await exchange("GET / HTTP/1.1\r\nA: ", limits: limits)
        #expect(answer.hasPrefix("HTTP/1.1 408 "))
        #expect(malformed == [.headTimeout: 1])
    }

    @Test(arguments: [
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", MalformedRequest.bodyTimeout),
        ("GET / HT", .truncated), ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", .truncated),
        (String(repeating: "GET /slow HTTP/1.1\r\n\r\n", count: 9), .pipelineTooDeep),
        ("GET /long HTTP/1.1\r\n\r\n", .stalled), ("", .tooManyConnections),
    ]) func `counts who begins and does not go on, asks for too much at once, or takes nothing`(
        text: String, reason: MalformedRequest
    ) async throws {
        var limits = ServerLimits()
        limits.pipeline = 4
        if reason == .tooManyConnections { limits.connectionsPerAddress = 1 }
        if [.bodyTimeout, .stalled].contains(reason) { limits.idle = .seconds(2) }
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: group, limits: limits) { request, loop in
            // More than the kernel takes for a client that does not read.
            let body = ByteBuffer(repeating: 7, count: request.path == "/long" ? 64 << 20 : 1)
            let answer = Response(status: 200, body: .bytes(body))
            return loop.scheduleTask(in: .milliseconds(request.path == "/slow" ? 300 : 0)) { answer }.futureResult
        }
        var channels: [any Channel] = []
        for _ in 0..<(reason == .tooManyConnections ? 2 : 1) {
            channels.append(
                try await ClientBootstrap(group: group).channelOption(.autoRead, value: false)
                    .connect(host: "127.0.0.1", port: server.port)
                    // At once: on a busy machine a task that is to go on could come after the server's patience.
                    .flatMap { channel in channel.writeAndFlush(ByteBuffer(string: text)).map { channel } }.get())
        }
        if reason == .truncated { try await channels[0].close() }
        let deadline = ContinuousClock.now + .seconds(30)
        while server.malformed.isEmpty, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        #expect(server.malformed == [reason: 1])
        for channel in channels { channel.close(promise: nil) }
        await server.stop()
    }

    @Test func `lets go of who asks again and again and never takes what is answered`() async throws {
        var limits = ServerLimits()
        limits.idle = .seconds(1)
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: group, limits: limits) { _, loop in
            loop.makeSucceededFuture(Response(status: 200, body: .bytes(ByteBuffer(repeating: 7, count: 1 << 20))))
        }
        let client = try await ClientBootstrap(group: group).channelOption(.autoRead, value: false)
            .channelOption(.socketOption(.so_rcvbuf), value: 4_096).connect(host: "127.0.0.1", port: server.port).get()
        for _ in 0..<3 {
            try await client.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
            try await Task.sleep(for: .milliseconds(200))
        }
        let deadline = ContinuousClock.now + .seconds(30)
        while server.malformed.isEmpty, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        #expect(server.malformed == [.stalled: 1])
        client.close(promise: nil)
        await server.stop()
    }

    @Test func `tells once whether an answer has reached its client`() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (ends, end) = AsyncStream.makeStream(of: Bool.self)
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: group) { request, loop in
            var response = Response(
                status: 200, body: .bytes(ByteBuffer(repeating: 7, count: request.path == "/much" ? 1 << 20 : 1)))
            response.escort = Watcher(end: end)
            return loop.makeSucceededFuture(response)
        }
        var told = ends.makeAsyncIterator()
        for (path, hasArrived) in [("/little", true), ("/much", false)] {
            let client = try await ClientBootstrap(group: group).channelOption(.autoRead, value: false)
                .channelOption(.socketOption(.so_rcvbuf), value: 4_096).connect(host: "127.0.0.1", port: server.port)
                .get()
            try await client.writeAndFlush(ByteBuffer(string: "GET \(path) HTTP/1.1\r\n\r\n"))
            if !hasArrived {
                try await Task.sleep(for: .milliseconds(300))
                try await client.close()
            }
            #expect(await told.next() == hasArrived, "\(path)")
            client.close(promise: nil)
        }
        await server.stop()
        end.finish()
        #expect(await told.next() == nil)
    }

    @Test func `an answer goes no faster than its escort lets it, who is told of its progress`() async throws {
        let watcher = Watcher(limit: 4_000_000)
        let content = KeptBytes([UInt8](repeating: 7, count: 4 << 20))
        let began = ContinuousClock.now
        let (answer, _) = try await exchange("GET / HTTP/1.1\r\nConnection: close\r\n\r\n") { _, loop in
            var response = Response(status: 200, body: .kept(content, 0..<content.count))
            response.escort = watcher
            return loop.makeSucceededFuture(response)
        }
        #expect(answer.utf8.count > 4 << 20)
        #expect(ContinuousClock.now - began > .milliseconds(500), "a connection begins with ten packets at once")
        let carried = watcher.carried.withLock { $0 }
        #expect(carried == carried.sorted() && carried.contains { (1..<4 << 20).contains($0) }, "\(carried)")
    }

    @Test func `streams in chunks, and breaks off when the handler gives up`() async throws {
        let request = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
        let (whole, _) = try await exchange(request) { _, eventLoop in
            let body = Response.Body.stream(length: nil) { writer in
                writer.write(ByteBuffer(string: "abc"))
                writer.finish()
            }
            return eventLoop.makeSucceededFuture(Response(status: 200, body: body))
        }
        #expect(whole.hasSuffix("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
        let (broken, _) = try await exchange(request) { _, eventLoop in
            let body = Response.Body.stream(length: 10) { writer in
                writer.write(ByteBuffer(string: "abc"))
                writer.finish()
            }
            return eventLoop.makeSucceededFuture(Response(status: 200, body: body))
        }
        #expect(broken.contains("content-length: 10") && broken.hasSuffix("\r\n\r\nabc"))
    }

    @Test func `answers HEAD as GET without the body`() async throws {
        let (answer, _) = try await exchange("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n")
        #expect(answer.contains("content-length: 3\r\n") && answer.hasSuffix("\r\n\r\n"))
    }

    @Test func `makes room for newcomers at the cost of who has been silent longest, never of who waits`() async throws
    {
        var limits = ServerLimits()
        limits.connections = 3
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: group, limits: limits) { request, loop in
            let wait = TimeAmount.milliseconds(request.path == "/slow" ? 500 : 0)
            return loop.scheduleTask(in: wait) { Response(text: request.path + "\n") }.futureResult
        }
        func ask(_ text: String) async throws -> Task<String?, Never> {
            let (answers, continuation) = AsyncStream.makeStream(of: String.self)
            let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector { continuation.yield($0) })
                }
            }.connect(host: "127.0.0.1", port: server.port).get()
            if !text.isEmpty { try await channel.writeAndFlush(ByteBuffer(string: text)) }
            return Task { await answers.first { _ in true } }
        }
        let waiting = try await ask("GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n")
        for _ in 0..<20 { _ = try await ask("") }
        let newcomer = try await ask("GET /new HTTP/1.1\r\nConnection: close\r\n\r\n")
        #expect(await newcomer.value?.hasSuffix("/new\n") == true)
        #expect(await waiting.value?.hasSuffix("/slow\n") == true)
        #expect(server.malformed[.tooManyConnections, default: 0] >= 18)
        await server.stop()
    }

    @Test func `lets no header value begin another header`() async throws {
        let (answer, _) = try await exchange("GET / HTTP/1.1\r\nConnection: close\r\n\r\n") { _, eventLoop in
            eventLoop.makeSucceededFuture(Response(status: 200, headers: [("a", "b\r\nevil: yes")]))
        }
        #expect(!answer.contains("\nevil"))
    }
}

/// Collects what a connection receives and reports all of it when the connection ends.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var received = ""
    private let report: (String) -> Void

    init(_ report: @escaping (String) -> Void) { self.report = report }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { received += String(buffer: unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) { report(received) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class Watcher: Escort {
    let carried = Mutex<[Int]>([])
    private let end: AsyncStream<Bool>.Continuation?
    private let limit: Int?

    init(end: AsyncStream<Bool>.Continuation? = nil, limit: Int? = nil) {
        self.end = end
        self.limit = limit
    }

    func began(_ limit: @escaping @Sendable (Int?) -> Void) { limit(self.limit) }

    func carried(_ bytes: Int) { carried.withLock { $0.append(bytes) } }

    func ended(isWhole: Bool) { end?.yield(isWhole) }
}
