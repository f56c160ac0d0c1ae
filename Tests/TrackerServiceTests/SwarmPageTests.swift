import CZlib
import NIOCore
import Testing
import TrackerService
import Vocabulary
import WebClient
import Wire

@Suite(.timeLimit(.minutes(1))) struct `A tracker's HTTP port for BitTorrent clients` {
    private static func running(
        host: String = "127.0.0.1", isOpen: Bool = true, workers: Int = 1,
        _ body: (TrackerServer, WebClient, _ base: String) async throws -> Void
    ) async throws {
        var swarms = Swarms.Settings()
        swarms.isOpen = isOpen
        let server = try await TrackerServer.start(
            host: host, port: 0, udpHost: "127.0.0.1", udpPort: 0, swarms: swarms, workers: workers)
        let client = WebClient()
        do {
            try await body(server, client, "http://\(host.contains(":") ? "[\(host)]" : host):\(server.httpPort)")
            client.shutdown()
            await server.stop()
        } catch {
            client.shutdown()
            await server.stop()
            throw error
        }
    }

    private let hash = "%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14"

    private func announce(_ port: Int, _ more: String = "&left=0") -> String {
        "/announce?info_hash=\(hash)&peer_id=-TR3000-abcdefghijkl&port=\(port)&uploaded=0&downloaded=0\(more)"
    }

    @Test(arguments: [
        ("127.0.0.1", "peers", [127, 0, 0, 1]), ("::1", "peers6", [UInt8](repeating: 0, count: 15) + [1]),
    ])
    func `introduces clients to each other`(host: String, key: String, address: [UInt8]) async throws {
        try await Self.running(host: host) { server, client, base in
            let first = try await client.get(base + announce(1_001), limit: 9_999)
            let nobody = try Bencode.Fields(parsing: first.body)
            #expect(try nobody.bytes("peers", limit: 0).isEmpty)
            let second = try await client.get(base + announce(1_002, "&left=5&event=started"), limit: 9_999)
            let fields = try Bencode.Fields(parsing: second.body)
            #expect(try fields.bytes(key, limit: 99) == address + [0x03, 0xe9])
            #expect(try fields.integer("complete", in: 1...1) + fields.integer("incomplete", in: 1...1) == 2)
            #expect(try (1_600...2_000).contains(fields.integer("interval", in: 0...9_999)))
            let list = try await client.get(base + announce(1_002, "&left=5&compact=0"), limit: 9_999)
            let plain = try Bencode.Fields(parsing: list.body).list("peers", limit: 9)
            let name = host == "::1" ? "0:0:0:0:0:0:0:1" : host
            #expect(plain == [.dictionary(["ip": .text(name), "port": .integer(1_001)])])
            let scrape = try await client.get(base + "/scrape?info_hash=\(hash)", limit: 9_999)
            let text = String(decoding: scrape.body, as: UTF8.self)
            #expect(text.hasSuffix("d8:completei1e10:downloadedi0e10:incompletei1eeee"))
            #expect(server.clientCount == 2)
        }
    }

    @Test func `says in bencoding what it does not like, and counts it`() async throws {
        try await Self.running(isOpen: false) { server, client, base in
            let unknown = try await client.get(base + announce(1_001), limit: 9_999)
            #expect(
                try Bencode(parsing: unknown.body)
                    == .dictionary(["failure reason": .text("this tracker does not serve this info-hash")]))
            let malformed = try await client.get(base + "/announce?info_hash=abc&port=1", limit: 9_999)
            #expect(
                try Bencode(parsing: malformed.body)
                    == .dictionary(["failure reason": .text("the request is malformed: info_hash: out of range")]))
            #expect(server.malformed == ["swarm_out_of_range": 1])
            #expect(try await client.post(base + "/announce", body: [], limit: 99).status == 405)
            #expect(server.clientCount == 0)
        }
    }

    @Test func `counts alike whichever of its threads a connection has`() async throws {
        try await Self.running(workers: 3) { server, _, base in
            // A connection each, which the server gives to its threads in turn.
            for port in 1...9 {
                let client = WebClient()
                let answer = try await client.get(base + announce(port, "&left=1"), limit: 9_999)
                let count = try Bencode.Fields(parsing: answer.body).integer("incomplete", in: 0...99)
                #expect(count == Int64(port))
                await client.shutdownAndWait()
            }
            #expect(server.clientCount == 9)
        }
    }

    @Test func `names as many of IPv6 as are wanted to one of IPv4`() async throws {
        try await Self.running(host: "::") { server, client, base in
            for port in 1...250 { _ = try await client.get(base + announce(port), limit: 9_999) }
            let answer = try await client.get(
                "http://127.0.0.1:\(server.httpPort)" + announce(1, "&numwant=200"), limit: 9_999)
            let fields = try Bencode.Fields(parsing: answer.body)
            let count = try fields.bytes("peers", limit: 0).count / 6 + fields.bytes("peers6", limit: 9_999).count / 18
            #expect(count >= 199)
        }
    }

    @Test func `compresses for who asks for it`() async throws {
        try await Self.running { _, client, base in
            for port in 1...200 { _ = try await client.get(base + announce(port), limit: 9_999) }
            let request = WebRequest(
                base + announce(1, "&numwant=150"), headers: [("Accept-Encoding", "deflate, gzip")], limit: 9_999,
                timeout: .seconds(30))
            let (head, body) = try await client.answer(to: request)
            #expect(head.header("content-encoding") == "gzip")
            #expect(try Bencode.Fields(parsing: try inflated(body)).bytes("peers", limit: 900).count == 900)
            let plain = try await client.get(base + announce(1, "&numwant=150"), limit: 9_999)
            #expect(try Bencode.Fields(parsing: plain.body).bytes("peers", limit: 900).count == 900)
        }
    }
}

private struct NotGzip: Error {}

private func inflated(_ bytes: [UInt8]) throws -> [UInt8] {
    var input = bytes
    var output = [UInt8](repeating: 0, count: 64 << 10)
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw NotGzip()
    }
    defer { inflateEnd(&stream) }
    let code = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            return inflate(&stream, Z_FINISH)
        }
    }
    guard code == Z_STREAM_END else { throw NotGzip() }
    return Array(output.prefix(Int(stream.total_out)))
}
