import Foundation
import Glibc
import NIOCore
import Stage
import Testing
import TrackerCore
import Vocabulary
import WebClient
import Wire

@testable import TrackerService

@Suite(.timeLimit(.minutes(2))) struct `A tracker's WebSocket for WebTorrent clients` {
    private static func running(
        isOpen: Bool = true, workers: Int = 1, _ body: (TrackerServer) async throws -> Void
    ) async throws {
        var swarms = Swarms.Settings()
        swarms.isOpen = isOpen
        let server = try await TrackerServer.start(
            host: "127.0.0.1", port: 0, udpHost: "127.0.0.1", udpPort: 0, swarms: swarms, workers: workers)
        do {
            try await body(server)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Bytes of a hash that are no ASCII.
    private static let hash = "\\u0000\\u00ff\\u0080hhhhhhhhhhhhhhhhh"

    private static func announce(_ name: Character, _ more: String) -> String {
        let peer = String(repeating: name, count: 20)
        return "{\"action\":\"announce\",\"info_hash\":\"\(hash)\",\"peer_id\":\"\(peer)\"\(more)}"
    }

    @Test(arguments: [1, 3])
    func `passes offers and answers on between those who have announced`(workers: Int) async throws {
        try await Self.running(workers: workers) { server in
            let seeder = try Talker(port: server.httpPort)
            let first = try seeder.ask(Self.announce("s", ",\"left\":0,\"event\":\"started\",\"numwant\":5"))
            #expect(first["complete"] as? Int == 1 && first["incomplete"] as? Int == 0)
            #expect(first["interval"] as? Int == 120)
            let leecher = try Talker(port: server.httpPort)
            let offers = ",\"offers\":[{\"offer_id\":\"one\",\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}}]"
            let second = try leecher.ask(Self.announce("l", ",\"left\":9,\"event\":\"started\"" + offers))
            #expect(second["complete"] as? Int == 1 && second["incomplete"] as? Int == 1)
            let offer = try seeder.hear()
            #expect(offer["peer_id"] as? String == String(repeating: "l", count: 20))
            #expect(offer["offer_id"] as? String == "one")
            #expect((offer["offer"] as? [String: String])?["sdp"] == "v=0\r\n")
            #expect(offer["info_hash"] as? String == "\u{0}\u{ff}\u{80}hhhhhhhhhhhhhhhhh")
            let target = String(repeating: "l", count: 20)
            seeder.say(
                Self.announce(
                    "s",
                    ",\"to_peer_id\":\"\(target)\",\"offer_id\":\"one\",\"answer\":{\"type\":\"answer\",\"sdp\":\"v=1\"}"
                ))
            let answer = try leecher.hear()
            #expect((answer["answer"] as? [String: String])?["sdp"] == "v=1")
            #expect(answer["peer_id"] as? String == String(repeating: "s", count: 20))
            let scrape = try leecher.ask("{\"action\":\"scrape\",\"info_hash\":[\"\(Self.hash)\"]}")
            let files = scrape["files"] as? [String: [String: Int]]
            #expect(files?.values.first == ["complete": 1, "incomplete": 1, "downloaded": 0])
            leecher.say(Self.announce("l", ",\"event\":\"stopped\""))
            #expect(try leecher.hear()["incomplete"] as? Int == 0)
        }
    }

    @Test func `serves no strange hash unless it is open, and closes on what it does not understand`() async throws {
        try await Self.running(isOpen: false) { server in
            let client = try Talker(port: server.httpPort)
            let refused = try client.ask(Self.announce("a", ",\"left\":1"))
            #expect(refused["failure reason"] as? String == "this tracker does not serve this info-hash")
            client.say("{\"action\":\"announce\"}")
            #expect(throws: Talker.Closed.self) { try client.hear() }
            #expect(server.malformed == ["socket_wrong_type": 1])
        }
    }

    @Test func `lists nobody whose connection ended while its announces were read`() async throws {
        try await Self.running { server in
            for _ in 0..<20 {
                let client = try Talker(port: server.httpPort)
                // Answers that nobody reads end the connection in the middle of what comes.
                for name in "abcdefghijklmnopqrstuvwxyz" { client.say(Self.announce(name, ",\"left\":1")) }
            }
            let client = WebClient()
            try await wait(for: "everybody to be gone", within: .seconds(30)) {
                let metrics = try? await client.get("http://127.0.0.1:\(server.httpPort)/metrics", limit: 1 << 20)
                return String(decoding: metrics?.body ?? [], as: UTF8.self).contains(
                    "\ntributary_tracker_socket_clients 0\n")
            }
            await client.shutdownAndWait()
        }
    }

    private static let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    private static let version = ("Sec-WebSocket-Version", "13")
    static let handshakes: [WebRequest] = [
        handshake([key]), handshake([version]), handshake([key, ("Sec-WebSocket-Version", "8")]),
        handshake([("Sec-WebSocket-Key", "c2hvcnQ="), version]), handshake([key, version], method: .post([])),
    ]

    private static func handshake(_ headers: [(String, String)], method: WebRequest.Method = .get) -> WebRequest {
        WebRequest(
            "", method: method, headers: headers + [("Connection", "Upgrade"), ("Upgrade", "websocket")], limit: 99,
            timeout: .seconds(30))
    }

    @Test(arguments: handshakes.indices) func `refuses malformed handshakes, and says which version it speaks`(
        row: Int
    ) async throws {
        try await Self.running { server in
            var request = Self.handshakes[row]
            request.url = "http://127.0.0.1:\(server.httpPort)/"
            let answer = try await WebClient().answer(to: request)
            #expect(answer.head.status == 400 && answer.head.header("sec-websocket-version") == "13")
            #expect(server.malformed == ["socket_handshake": 1])
        }
    }

    static let frames: [(String, [UInt8])] = [
        ("unmasked", [0x81, 2, 123, 125]), ("of an extension", [0xc1, 0x80, 1, 2, 3, 4]),
        ("of no known kind", [0x83, 0x80, 1, 2, 3, 4]), ("a ping in parts", [0x09, 0x80, 1, 2, 3, 4]),
        ("a long ping", [0x89, 0xfe, 0, 126, 1, 2, 3, 4] + [UInt8](repeating: 0, count: 126)),
        ("the rest of nothing", [0x80, 0x80, 1, 2, 3, 4]),
        ("longer than anything", [0x81, 0xff, 0x7f] + [UInt8](repeating: 0xff, count: 7) + [1, 2, 3, 4]),
        ("too long", [0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4]),
    ]

    @Test(arguments: frames.indices) func `refuses frames that no client may send, and counts them`(
        row: Int
    ) async throws {
        try await Self.running { server in
            let client = try Talker(port: server.httpPort)
            client.send(Self.frames[row].1)
            #expect(try client.hearClose() == 1_002, "\(Self.frames[row].0)")
            #expect(server.malformed == ["socket_frame": 1])
        }
    }

    static let malformed: [(String, WireError)] = [
        ("", .wrongType("message")), ("[]", .wrongType("message")), ("{\"action\":\"scrape\"}", .wrongType("message")),
        ("{\"action\":\"scrape\",\"info_hash\":\"short\"}", .outOfRange("info_hash")),
        ("{\"action\":\"scrape\",\"info_hash\":\"\\u0100hhhhhhhhhhhhhhhhhhh\"}", .outOfRange("info_hash")),
        ("{\"action\":\"dance\",\"info_hash\":\"\(hash)\"}", .outOfRange("action")),
        ("{\"action\":\"announce\",\"info_hash\":\"\(hash)\"}", .outOfRange("peer_id")),
        (announce("a", ",\"event\":\"boom\""), .outOfRange("event")),
        (announce("a", ",\"answer\":{\"type\":\"a\",\"sdp\":\"\"}"), .outOfRange("to_peer_id")),
        (String(repeating: " ", count: 65_537), .oversized(length: 65_537, limit: 65_536)),
        (
            announce(
                "a",
                ",\"offers\":["
                    + [String](repeating: "{\"offer_id\":\"o\",\"offer\":{\"type\":\"o\",\"sdp\":\"\"}}", count: 21)
                    .joined(separator: ",") + "]"), .tooMany
        ),
    ]

    @Test(arguments: malformed.indices) func `refuses malformed messages`(row: Int) {
        let (text, error) = Self.malformed[row]
        #expect(throws: error, "\(text.prefix(99))") { try SocketMessage(parsing: Array(text.utf8)) }
    }

    @Test func `lets go of who hangs up, and gives no name to two`() throws {
        var swarms = SocketSwarms(seed: 1)
        let announce = SwarmAnnounce(hash: InfoHash(1, 2, 3), port: 1, isSeeder: false)
        func name(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number), count: 20) }
        for number in 1...20 {
            try swarms.announce(announce, as: name(number), on: UInt64(number), from: IPAddress(v4: 1))
        }
        #expect(throws: SocketSwarms.Refusal.peerIsElsewhere) {
            try swarms.announce(announce, as: name(1), on: 99, from: IPAddress(v4: 2))
        }
        // Who has lost its connection, without the tracker knowing, comes back over another.
        try swarms.announce(announce, as: name(20), on: 21, from: IPAddress(v4: 1))
        #expect(swarms.peerCount == 20 && swarms.counts(of: announce.hash).leechers == 20)
        swarms.close(20)
        #expect(swarms.socket(of: name(20), in: announce.hash, for: name(1), on: 1) == 21)
        try swarms.announce(announce, as: name(20), on: 20, from: IPAddress(v4: 1))
        let all = swarms.others(30, in: announce.hash, than: name(3))
        #expect(Set(all) == Set(1...20).subtracting([3]))
        #expect(swarms.socket(of: name(2), in: announce.hash, for: name(1), on: 1) == 2)
        #expect(swarms.socket(of: name(2), in: announce.hash, for: name(1), on: 3) == nil)
        for number in stride(from: 1, through: 20, by: 2) { swarms.close(UInt64(number)) }
        #expect(swarms.peerCount == 10)
        let rest = swarms.others(30, in: announce.hash, than: name(2))
        #expect(Set(rest) == Set(stride(from: 4, through: 20, by: 2)))
        for number in 1...20 { swarms.close(UInt64(number)) }
        #expect(swarms.peerCount == 0 && swarms.counts(of: announce.hash) == SwarmCounts())
    }
}

/// A WebSocket client (RFC 6455) that says one thing at a time.
private final class Talker {
    struct Closed: Error {}

    private let handle: Int32
    private var bytes: [UInt8] = []

    init(port: Int) throws {
        handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval()
        patience.tv_sec = 30
        setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let code = try SocketAddress(ipAddress: "127.0.0.1", port: port).withSockAddr {
            connect(handle, $0, socklen_t($1))
        }
        guard code == 0 else { throw Closed() }
        send(
            Array(
                "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    .utf8))
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head += try take(1) }
        let text = String(decoding: head, as: UTF8.self)
        // The example of the RFC, section 1.3.
        guard text.hasPrefix("HTTP/1.1 101 "), text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") else { throw Closed() }
    }

    deinit { close(handle) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(handle, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    private func take(_ count: Int) throws -> [UInt8] {
        while bytes.count < count {
            var more = [UInt8](repeating: 0, count: 4_096)
            let received = recv(handle, &more, more.count, 0)
            guard received > 0 else { throw Closed() }
            bytes += more[..<received]
        }
        defer { bytes.removeFirst(count) }
        return Array(bytes.prefix(count))
    }

    func say(_ text: String) {
        let text = Array(text.utf8)
        let mask: [UInt8] = [1, 2, 3, 4]
        send(
            [0x81, 0x80 | 126, UInt8(text.count >> 8), UInt8(text.count & 255)] + mask
                + text.indices.map { text[$0] ^ mask[$0 % 4] })
    }

    func hear() throws -> [String: Any] {
        let head = try take(2)
        guard head[0] == 0x81 else { throw Closed() }
        var length = Int(head[1])
        if length == 126 { length = try take(2).reduce(0) { $0 << 8 | Int($1) } }
        let object = try JSONSerialization.jsonObject(with: Data(try take(length)))
        return object as? [String: Any] ?? [:]
    }

    /// The code with which the tracker closes.
    func hearClose() throws -> Int {
        let bytes = try take(4)
        guard bytes.starts(with: [0x88, 2]) else { throw Closed() }
        return Int(bytes[2]) << 8 | Int(bytes[3])
    }

    func ask(_ text: String) throws -> [String: Any] {
        say(text)
        return try hear()
    }
}
