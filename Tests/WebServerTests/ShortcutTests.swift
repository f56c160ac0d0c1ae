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
            return PlainRequest.target(of: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
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
        "GET / HTTP/1.1\r\nAccept-Encoding: deflate, gzip\r\n\r\n", "GET / HTTP/1.1\r\nAccept-Encoding: *\r\n\r\n",
        "GET / HTTP/1.1\r\n Folded: 1\r\n\r\n", "GET / HTTP/1.1\r\nA : 1\r\n\r\n", "GET / HTTP/1.1\r\n: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \u{1}\r\n\r\n", "GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n", "GET /\u{e9} HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nNone\r\n\r\n",
        "GET / HTTP/1.1\r\n" + String(repeating: "A: 1\r\n", count: 33) + "\r\n",
        "GET /" + String(repeating: "a", count: 4_100) + " HTTP/1.1\r\n\r\n",
    ])
    func `is not taken by anything else`(text: String) { #expect(Self.target(text) == nil) }

    @Test func `answers until something else comes, and the parser from then on`() async throws {
        let server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton,
            shortcut: { target, _, body in
                guard target.elementsEqual("/quick".utf8) else { return false }
                body.writeString("quick")
                return true
            },
            handler: { request, loop in loop.makeSucceededFuture(Response(text: "parsed \(request.path)")) })
        let line = try Line(port: server.port)
        let quick = "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"
        #expect(try line.ask(quick) == "quick")
        #expect(try line.ask(quick) == "quick")
        #expect(try line.ask("GET /other HTTP/1.1\r\nHost: h\r\n\r\n") == "parsed /other")
        #expect(try line.ask(quick) == "parsed /quick")
        let halves = try Line(port: server.port)
        halves.send(String(quick.prefix(12)))
        // On a busy machine both halves may come in one read.
        #expect(try ["quick", "parsed /quick"].contains(halves.ask(String(quick.dropFirst(12)))))
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
        var answer = ""
        while true {
            if let end = answer.range(of: "\r\n\r\n"), let start = answer.range(of: "content-length: ") {
                let length = Int(answer[start.upperBound...].prefix { $0.isNumber }) ?? 0
                if answer[end.upperBound...].utf8.count >= length { return String(answer[end.upperBound...]) }
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
