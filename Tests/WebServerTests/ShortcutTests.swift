import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import WebServer

@Suite(.timeLimit(.minutes(1))) struct `A shortcut past the parser` {
    private static func target(_ text: String) -> String? {
        var text = text
        return text.withUTF8 { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            return PlainRequest(bytes).map { String(decoding: $0.target, as: UTF8.self) }
        }
    }

    @Test func `is for one plain GET`() {
        #expect(Self.target("GET /a?b=c HTTP/1.1\r\n\r\n") == "/a?b=c")
        #expect(
            Self.target(
                "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: x/1 (y)\r\nConnection: Keep-Alive\r\naccept-encoding: identity\r\n\r\n"
            ) == "/")
    }

    @Test(arguments: [
        "", "GET ", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n\r", "GET / HTTP/1.0\r\n\r\n", "POST / HTTP/1.1\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n\n",
        "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.1\r\nConnection: keep-alive, upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\n Folded: 1\r\n\r\n", "GET / HTTP/1.1\r\nA : 1\r\n\r\n", "GET / HTTP/1.1\r\n: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \u{1}\r\n\r\n", "GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n", "GET /\u{e9} HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nNone\r\n\r\n",
        "GET / HTTP/1.1\r\n" + String(repeating: "A: 1\r\n", count: 33) + "\r\n",
        "GET /" + String(repeating: "a", count: 4_100) + " HTTP/1.1\r\n\r\n",
    ])
    func `is not taken by anything else`(text: String) { #expect(Self.target(text) == nil) }

    @Test(arguments: [
        ("Host: h", false, false), ("Accept-Encoding: deflate, gzip", true, false), ("accept-encoding: *", false, true),
        ("Accept-Encoding: gzip;q=0", true, true),
        ("Accept-Encoding: br", false, false), ("Range: bytes=0-", false, true), ("IF-RANGE: x", false, true),
        ("If-None-Match: x", false, true), ("if-modified-since: x", false, true), ("Iffy: 1", false, false),
        ("Priority: u=1", false, true),
    ])
    func `is told what may change the answer`(field: String, takesGzip: Bool, isConditional: Bool) throws {
        var text = "GET / HTTP/1.1\r\nHost: h\r\n\(field)\r\n\r\n"
        try text.withUTF8 { bytes in
            let request = try #require(PlainRequest(UnsafeRawBufferPointer(bytes)))
            #expect(request.takesGzip == takesGzip)
            #expect(request.isConditional == isConditional)
        }
    }

    @Test func `answers until something else comes, and the parser from then on`() async throws {
        let server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton,
            shortcut: { request, _, body in
                guard request.target.elementsEqual("/quick".utf8) else { return nil }
                body.writeString("quick")
                return .text
            },
            handler: { request, loop in loop.makeSucceededFuture(Response(text: "parsed \(request.path)")) })
        let line = try Line(port: server.port)
        let quick = "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"
        #expect(try line.ask(quick) == "quick")
        #expect(try line.ask(quick) == "quick")
        #expect(try line.ask("GET /other HTTP/1.1\r\nHost: h\r\n\r\n") == "parsed /other")
        #expect(try line.ask(quick) == "quick")
        #expect(try line.ask("GET /quick HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n") == "parsed /quick")
        #expect(try line.ask(quick) == "parsed /quick")
        let halves = try Line(port: server.port)
        halves.send(String(quick.prefix(12)))
        // On a busy machine both halves may come in one read.
        #expect(try ["quick", "parsed /quick"].contains(halves.ask(String(quick.dropFirst(12)))))
        await server.stop()
    }

    @Test func `gives out what is kept, in turn with what goes the usual way`() async throws {
        let text = String(repeating: "0123456789", count: 300_000)
        let kept = KeptBytes(Array(text.utf8), headers: [("content-type", "text/x")])
        let server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton,
            shortcut: { request, _, _ in request.target.elementsEqual("/kept".utf8) ? .kept(kept) : nil },
            handler: { request, loop in
                // Later than what comes behind it in the same moment.
                loop.scheduleTask(in: .milliseconds(20)) { Response(text: "parsed \(request.path)") }.futureResult
            })
        let line = try Line(port: server.port)
        let (short, long) = ("GET /kept HTTP/1.1\r\nHost: h\r\n\r\n", "GET /other HTTP/1.1\r\nHost: h\r\n\r\n")
        for _ in 0..<3 {
            #expect(try line.ask(short) == text)
            #expect(try line.ask(long) == "parsed /other")
        }
        // The second comes while the first is being answered, and waits.
        line.send(long)
        try await Task.sleep(for: .milliseconds(5))
        line.send(short)
        #expect(try line.ask("") == "parsed /other")
        // On a busy machine it comes when the first is answered.
        #expect(try ["parsed /kept", text].contains(line.ask("")))
        #expect(try line.ask(short) == text)
        await server.stop()
    }

    @Test func `does not let one address have all connections`() async throws {
        var limits = ServerLimits()
        limits.connectionsPerAddress = 2
        let server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton, limits: limits,
            handler: { _, loop in loop.makeSucceededFuture(Response(text: "here")) })
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        do {
            let first = try Line(port: server.port)
            let second = try Line(port: server.port)
            #expect(try first.ask(request) == "here" && second.ask(request) == "here")
            let third = try Line(port: server.port)
            #expect(throws: Line.Closed.self) { try third.ask(request) }
            #expect(try Line(port: server.port, from: "127.0.0.2").ask(request) == "here")
            #expect(server.malformed == [.tooManyConnections: 1])
        }
        // Both are gone; their places are free as soon as the server has noticed.
        var isFree = false
        for _ in 0..<300 where !isFree {
            isFree = (try? Line(port: server.port).ask(request)) == "here"
            if !isFree { try await Task.sleep(for: .milliseconds(100)) }
        }
        #expect(isFree)
        await server.stop()
    }
}

/// A connection that asks one thing at a time.
private final class Line {
    struct Closed: Error {}

    private let handle: Int32
    /// What has come of answers that were not asked for yet.
    private var answer = ""

    init(port: Int, from source: String = "127.0.0.1") throws {
        handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        try SocketAddress(ipAddress: source, port: 0).withSockAddr { _ = bind(handle, $0, socklen_t($1)) }
        let code = try SocketAddress(ipAddress: "127.0.0.1", port: port).withSockAddr {
            connect(handle, $0, socklen_t($1))
        }
        guard code == 0 else { throw Closed() }
    }

    deinit { close(handle) }

    func send(_ text: String) { _ = Glibc.send(handle, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

    /// The body of the answer.
    func ask(_ text: String) throws -> String {
        send(text)
        while true {
            if let end = answer.range(of: "\r\n\r\n"), let start = answer.range(of: "content-length: ") {
                let length = Int(answer[start.upperBound...].prefix { $0.isNumber }) ?? 0
                let body = answer[end.upperBound...].utf8
                if body.count >= length {
                    defer { answer = String(answer.utf8.dropFirst(answer.utf8.count - body.count + length)) ?? "" }
                    return String(body.prefix(length)) ?? ""
                }
            }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(handle, &bytes, bytes.count, 0)
            guard count > 0 else { throw Closed() }
            answer += String(decoding: bytes[..<count], as: UTF8.self)
        }
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }
}
