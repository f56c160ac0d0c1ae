import NIOCore
import NIOPosix
import Synchronization
import Testing
import Vocabulary
import WebClient
import WebServer

@Suite struct `A web client` {
    @Test func `gets bodies and posts them`() async throws {
        try await withServer { request in
            Response(
                status: request.method == "POST" ? 201 : 200, text: request.method + request.path + request.bodyText)
        } _: { base, client in
            let got = try await client.get("\(base)/a", limit: 100)
            #expect(got.status == 200 && String(decoding: got.body, as: UTF8.self) == "GET/a")
            let posted = try await client.post("\(base)/b", body: Array("xyz".utf8), limit: 100)
            #expect(posted.status == 201 && String(decoding: posted.body, as: UTF8.self) == "POST/bxyz")
            let empty = try await client.post("\(base)/c", body: [], limit: 100)
            #expect(String(decoding: empty.body, as: UTF8.self) == "POST/c")
        }
    }

    @Test func `tells whether a range came as asked`() async throws {
        try await withServer { request in
            let header = request.header("range") ?? ""
            guard case .partial(let range) = ByteRange.parse(header, length: 1_000) else {
                return Response(status: 200)
            }
            return Response(
                status: 206, headers: [("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/1000")],
                body: .bytes(ByteBuffer(repeating: 7, count: range.count)))
        } _: { base, client in
            let answer = try await client.answer(
                to: WebRequest("\(base)/x", range: 100..<300, limit: 200, timeout: .seconds(5)))
            #expect(answer.head.isExactly(100..<300))
            #expect(!answer.head.isExactly(100..<301))
            #expect(answer.head.contentRange?.total == 1_000)
            #expect(answer.body.count == 200)
        }
    }

    @Test func `stops at the limit`() async throws {
        try await withServer { _ in
            Response(status: 200, body: .bytes(ByteBuffer(repeating: 1, count: 5_000)))
        } _: {
            base, client in
            await #expect(throws: WebFailure.tooLarge(limit: 4_999)) { try await client.get(base, limit: 4_999) }
            let answer = try await client.get(base, limit: 5_000)
            #expect(answer.body.count == 5_000)
        }
    }

    @Test func `stops at the limit of a body without a length`() async throws {
        try await withServer { _ in
            Response(
                status: 200,
                body: .stream(length: nil) { writer in
                    for _ in 0..<10 { writer.write(ByteBuffer(repeating: 1, count: 1_000)) }
                    writer.finish()
                })
        } _: { base, client in
            await #expect(throws: WebFailure.tooLarge(limit: 9_999)) { try await client.get(base, limit: 9_999) }
        }
    }

    @Test func `follows no redirect`() async throws {
        try await withServer { request in
            request.path == "/" ? Response(status: 302, headers: [("location", "/elsewhere")]) : Response(status: 200)
        } _: { base, client in
            let answer = try await client.get("\(base)/", limit: 100)
            #expect(answer.status == 302)
        }
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "http://127.0.0.1/ x", ""])
    func `refuses what is not http`(url: String) async {
        let client = WebClient()
        await #expect(throws: WebFailure.self) { try await client.get(url, limit: 100) }
        client.shutdown()
    }

    @Test func `refuses header fields with line breaks`() async throws {
        try await withServer { _ in
            Response(status: 200)
        } _: { base, client in
            await #expect(throws: WebFailure.self) {
                try await client.get(base, headers: [("x", "a\r\nhost: b")], limit: 100)
            }
        }
    }

    @Test func `notices a stall, the end of its time and nobody listening`() async throws {
        try await withServer { _ in
            Response(status: 200, body: .stream(length: 10) { _ in })
        } _: { base, client in
            await #expect(throws: WebFailure.stalled) {
                try await client.answer(
                    to: WebRequest(base, limit: 10, timeout: .seconds(20), stallTimeout: .milliseconds(200)))
            }
            await #expect(throws: WebFailure.timedOut) {
                try await client.answer(to: WebRequest(base, limit: 10, timeout: .milliseconds(300)))
            }
        }
        let client = WebClient()
        await #expect(throws: WebFailure.self) { try await client.get("http://127.0.0.1:1/", limit: 10) }
        client.shutdown()
    }

    @Test func `tells exactly one end, and nothing after a cancel`() async throws {
        try await withServer { _ in
            Response(status: 200, body: .stream(length: 10) { _ in })
        } _: { base, client in
            let loop = MultiThreadedEventLoopGroup.singleton.any()
            let ends = Mutex(0)
            let result = await withCheckedContinuation { continuation in
                let task = client.get(
                    base, limit: 10, timeout: .seconds(20), on: loop, onBytes: { _ in },
                    onEnd: { result in
                        ends.withLock { $0 += 1 }
                        continuation.resume(returning: result)
                    })
                task.cancel()
                task.cancel()
            }
            guard case .failure(.canceled) = result else {
                Issue.record("not canceled")
                return
            }
            #expect(ends.withLock { $0 } == 1)
        }
    }

    @Test func `keeps connections for the next request`() async throws {
        let ports = Mutex<Set<Int>>([])
        try await withServer { request in
            ports.withLock { _ = $0.insert(request.remote?.port ?? 0) }
            return Response(status: 200, text: "x")
        } _: { base, client in
            for _ in 0..<10 { _ = try await client.get(base, limit: 10) }
        }
        #expect(ports.withLock { $0.count } == 1)
    }

    @Test func `ends everything when it is shut down`() async throws {
        try await withServer { _ in
            Response(status: 200, body: .stream(length: 10) { _ in })
        } _: { base, client in
            let answer = Task { try await client.get(base, limit: 10) }
            try await Task.sleep(for: .milliseconds(100))
            client.shutdown()
            await #expect(throws: WebFailure.shutDown) { _ = try await answer.value }
            await #expect(throws: WebFailure.shutDown) { try await client.get(base, limit: 10) }
        }
    }
}

extension Request {
    fileprivate var bodyText: String { String(buffer: body) }
}

private func withServer(
    _ handler: @escaping @Sendable (Request) -> Response, _ body: (String, WebClient) async throws -> Void
) async throws {
    let server = try await Server.start(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton) {
        request, loop in loop.makeSucceededFuture(handler(request))
    }
    let client = WebClient()
    try await body("http://127.0.0.1:\(server.port)", client)
    client.shutdown()
    await server.stop()
}
