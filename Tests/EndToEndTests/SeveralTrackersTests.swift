import Foundation
import Glibc
import Stage
import Testing
import Vocabulary
import WebClient

/// Three trackers of one link, which share their directories through a real Redis.
@Suite(.serialized, .timeLimit(.minutes(5))) struct `Several trackers` {
    /// One of the trackers; comes back at the ports that it had.
    private final class Node {
        let folder: String
        let redis: Int
        var program: Program?
        var ports = (http: 0, udp: 0)

        init(_ folder: String, redis: Int) {
            self.folder = folder
            self.redis = redis
        }

        var http: String { "http://127.0.0.1:\(ports.http)" }
        var addresses: [String] { ["udp://127.0.0.1:\(ports.udp)", http] }

        func start() async throws {
            let program = try Program(
                "\(Program.ownFolder)/tributary-tracker",
                [
                    "serve", "--json", "--listen", "127.0.0.1:\(ports.http)", "--udp", "127.0.0.1:\(ports.udp)",
                    "--data", folder, "--request-limit", "0", "--redis", "127.0.0.1:\(redis)",
                ])
            self.program = program
            let ready = try await program.event("ready", within: .seconds(30))
            ports = (
                try #require(ready["http"]?.text.flatMap { URL(string: $0)?.port }),
                try #require(ready["udp"]?.text.flatMap { URL(string: $0)?.port })
            )
        }

        func kill() async throws {
            program?.signal(SIGKILL)
            _ = try await program?.ended(within: .seconds(20))
            program = nil
        }

        /// What it says of the broadcast with that word in its title.
        func found(_ word: String, _ client: WebClient) async -> JSON? {
            guard let answer = try? await client.get("\(http)/v1/broadcasts?query=\(word)", limit: 1 << 20) else {
                return nil
            }
            return JSON(parsing: answer.body)?["broadcasts"]?.items?.first
        }

        /// How many viewers announce here, whatever the others count.
        func peers(_ client: WebClient) async -> Int? {
            guard let answer = try? await client.get("\(http)/metrics", limit: 1 << 20) else { return nil }
            let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").first {
                $0.hasPrefix("tributary_tracker_peers ")
            }
            return line?.split(separator: " ").last.flatMap { Int($0) }
        }
    }

    private func redis(_ port: Int) async throws -> Program {
        let program = try Program(
            "redis-server", ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        try await wait(for: "Redis", within: .seconds(30)) {
            String(decoding: program.output, as: UTF8.self).contains("Ready to accept connections")
        }
        return program
    }

    /// Free a moment ago, which is the most that can be had.
    private func freePort() throws -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 ? getsockname(socket, $0, &length) : -1
            }
        }
        try #require(code == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    @Test func `list and find everything while each of them, and Redis, is killed in turn`() async throws {
        let folder = NSTemporaryDirectory() + "/tributary-several-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = try freePort()
        var messenger = try await redis(port)
        let nodes = (0..<3).map { Node("\(folder)/tracker-\($0)", redis: port) }
        for node in nodes { try await node.start() }
        let client = WebClient()
        defer { client.shutdown() }

        var arguments = [
            "publish", "--json", "--input", try await Clip.brief.file(), "--loop", "--listen", "127.0.0.1:0", "--data",
            "\(folder)/origin", "--title", "생방송 채널", "--description", "about it", "--tag", "one", "--tag", "two",
            "--language", "ko", "--thumbnail", "http://127.0.0.1/still.jpg",
        ]
        for node in nodes { arguments += node.addresses.flatMap { ["--tracker", $0] } }
        let origin = try Program("\(Program.ownFolder)/tributary-origin", arguments)
        let ready = try await origin.event("ready", within: .seconds(30))
        let link = try MagnetLink(parsing: try #require(ready["link"]?.text))
        let viewers = try (0..<2).map { _ in
            try Program(
                "\(Program.ownFolder)/tributary-peer",
                ["watch", "\(link)", "--json", "--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"])
        }
        let ranking = Rendezvous.ranking(of: link.trackers, for: link.broadcast)
        let ranked = try ranking.map { urls in try #require(nodes.first { $0.addresses == urls }) }

        let word = "%EC%83%9D%EB%B0%A9"  // 생방
        func isListed(at node: Node, viewers: Int) async -> Bool {
            let found = await node.found(word, client)
            return found?["status"]?.text == "STREAMING" && found?.count("viewers") == viewers
        }
        func settle(at home: Node, _ what: String) async throws {
            try await wait(for: "the viewers at their tracker \(what)", within: .seconds(60)) {
                await home.peers(client) == 2
            }
            for node in nodes where node.program != nil {
                try await wait(for: "every tracker to list and count \(what)", within: .seconds(60)) {
                    await isListed(at: node, viewers: 2)
                }
            }
        }
        try await settle(at: ranked[0], "at first")
        let listed = await ranked[2].found(word, client)
        #expect(listed?["description"]?.text == "about it" && listed?["language"]?.text == "ko")
        #expect(listed?["tags"]?.items == [.text("one"), .text("two")])
        #expect(listed?["thumbnail"]?.text == "http://127.0.0.1/still.jpg")

        for (rank, node) in ranked.enumerated() {
            try await node.kill()
            try await settle(at: ranked[rank == 0 ? 1 : 0], "without tracker \(rank)")
            try await node.start()
            try await settle(at: ranked[0], "with tracker \(rank) back")
        }

        messenger.signal(SIGKILL)
        _ = try await messenger.ended(within: .seconds(20))
        for node in nodes {
            let found = await node.found(word, client)
            #expect(found?["status"]?.text == "STREAMING", "each keeps its own directory")
        }
        messenger = try await redis(port)
        try await settle(at: ranked[0], "after Redis was away")

        #expect(await origin.stop() == .exited(0))
        for viewer in viewers { #expect(await viewer.stop() == .exited(0)) }
        for node in nodes {
            let end = await node.program?.stop()
            #expect(end == .exited(0), "\(node.program?.complaints ?? "")")
        }
        await messenger.stop()
    }
}
