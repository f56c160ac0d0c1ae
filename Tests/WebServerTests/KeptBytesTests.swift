import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing
import WebServer

@Suite(.timeLimit(.minutes(3))) struct `Bytes that are kept` {
    private static func bytes(_ count: Int) -> [UInt8] {
        // Of a length that no page has, so that no two pages are the same.
        let pattern = (0..<4_001).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 7) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + pattern.count)
        while bytes.count < count { bytes += pattern }
        return Array(bytes[..<count])
    }

    private static let lastRequest = "GET / HTTP/1.1\r\nconnection: close\r\n\r\n"

    /// Asks a server for one body and returns it, read in small portions after `pause`.
    private func fetch(port: Int, pause: @escaping @Sendable () -> Void = {}) async throws -> [UInt8] {
        let answer = try await exchange(Self.lastRequest, port: port, pause: pause)
        let end = answer.indices.dropLast(3).first { answer[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
        return end.map { Array(answer[($0 + 4)...]) } ?? []
    }

    /// Returns all that a server answers until it closes the connection.
    private func exchange(
        _ requests: String, port: Int, pause: @escaping @Sendable () -> Void = {}
    ) async throws -> [UInt8] {
        try await NIOThreadPool.singleton.runIfActive {
            let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(line) }
            var room: Int32 = 4_096
            setsockopt(line, SOL_SOCKET, SO_RCVBUF, &room, 4)
            let failed = try SocketAddress(ipAddress: "127.0.0.1", port: port).withSockAddr {
                connect(line, $0, socklen_t($1))
            }
            let request = Array(requests.utf8)
            guard failed == 0, send(line, request, request.count, 0) == request.count else { throw POSIXError(.EIO) }
            var answer: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 30_000)
            var isPaused = false
            while true {
                let count = recv(line, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                answer += buffer[..<count]
                if !isPaused { pause() }
                isPaused = true
            }
            return answer
        }
    }

    @Test(arguments: [0, 1, 5_000, 16 << 10, 70_001, 2_500_000], [false, true])
    func `are sent whole and in part, to many at once`(count: Int, isOnDisk: Bool) async throws {
        let bytes = Self.bytes(count)
        let path = isOnDisk ? NSTemporaryDirectory() + "/tributary-kept-\(UUID().uuidString)" : nil
        if let path { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
        let kept = KeptBytes(bytes, onDisk: path)
        // It is needed no more: whoever has opened it reads on.
        if let path { try FileManager.default.removeItem(atPath: path) }
        #expect(kept.count == count && kept.bytes == bytes)
        for range in [0..<count, count / 3..<count, count / 2..<count / 2 + count / 4] {
            let server = try await Server.start(
                host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton
            ) { $1.makeSucceededFuture(Response(status: 200, body: .kept(kept, range))) }
            let port = server.port
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { try await fetch(port: port) == Array(bytes[range]) } }
                for try await isSame in group { #expect(isSame) }
            }
            await server.stop()
        }
    }

    @Test func `follow one another whole when several are asked for at once`() async throws {
        let all = [700_001, 20_000, 300, 2_500_000, 16_384].map { KeptBytes(Self.bytes($0)) }
        let server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton
        ) { request, eventLoop in
            let kept = all[Int(request.path.dropFirst()) ?? all.count - 1]
            return eventLoop.makeSucceededFuture(Response(status: 200, body: .kept(kept, 0..<kept.count)))
        }
        let requests = (0..<all.count - 1).map { "GET /\($0) HTTP/1.1\r\n\r\n" }.joined() + Self.lastRequest
        var expected: [UInt8] = []
        for (number, kept) in all.enumerated() {
            let end = number == all.count - 1 ? "connection: close\r\n\r\n" : "\r\n"
            expected += Array("HTTP/1.1 200 OK\r\ncontent-length: \(kept.count)\r\n\(end)".utf8) + kept.bytes
        }
        // The socket takes nothing for a while, and what it has not taken waits in front of what comes next.
        let answer = try await exchange(requests, port: server.port) { usleep(100_000) }
        #expect(answer.count == expected.count && answer == expected)
        await server.stop()
    }

    @Test func `stay as they are while they are sent, although nobody else holds them`() async throws {
        let bytes = Self.bytes(8 << 20)
        let holder = Mutex<KeptBytes?>(KeptBytes(bytes))
        let server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton
        ) { _, eventLoop in
            let kept = holder.withLock { kept in
                defer { kept = nil }
                return kept
            }
            guard let kept else { return eventLoop.makeSucceededFuture(Response(status: 404)) }
            return eventLoop.makeSucceededFuture(Response(status: 200, body: .kept(kept, 0..<kept.count)))
        }
        let isReleased = Mutex(false)
        let answer = try await fetch(port: server.port) {
            isReleased.withLock { $0 = holder.withLock { $0 == nil } }
            // What has gone wrong by then would be seen.
            for count in 1...8 { _ = KeptBytes([UInt8](repeating: 1, count: count << 20)) }
        }
        #expect(isReleased.withLock { $0 })
        #expect(answer == bytes)
        await server.stop()
    }

    @Test func `are kept in memory when there is no such file, or another one`() throws {
        let bytes = Self.bytes(50_000)
        let path = NSTemporaryDirectory() + "/tributary-kept-\(UUID().uuidString)"
        #expect(KeptBytes(bytes, onDisk: path).bytes == bytes)
        try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(KeptBytes(bytes, onDisk: path).bytes == bytes)
    }

    @Test func `close the file when nobody holds them`() throws {
        let name = "tributary-kept-\(UUID().uuidString)"
        let path = NSTemporaryDirectory() + "/" + name
        try Data(Self.bytes(50_000)).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        func isOpen() throws -> Bool {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").contains {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasSuffix(name)
                    == true
            }
        }
        var kept: KeptBytes? = KeptBytes(Self.bytes(50_000), onDisk: path)
        #expect(try isOpen() && kept?.count == 50_000)
        kept = nil
        #expect(try !isOpen())
    }

    @Test func `are given back when nobody holds them`() throws {
        var kept: KeptBytes? = KeptBytes([UInt8](repeating: 1, count: 64 << 20))
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
        let file = try #require(
            open.first {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?
                    .hasPrefix("/memfd:tributary") == true
            })
        func held() -> Int {
            var status = stat()
            fstat(file, &status)
            return Int(status.st_blocks) * 512
        }
        let before = held()
        #expect(before >= 64 << 20)
        #expect(kept?.count == 64 << 20)
        kept = nil
        #expect(held() <= before - (32 << 20))
    }
}
