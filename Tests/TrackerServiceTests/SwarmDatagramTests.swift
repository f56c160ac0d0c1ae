import Glibc
import NIOCore
import Stage
import Testing
import TrackerService
import Vocabulary
import Wire

@Suite(.timeLimit(.minutes(2))) struct `A tracker's UDP port for BitTorrent clients` {
    private static func running(
        host: String = "127.0.0.1", isOpen: Bool = true, workers: Int = 1, peers: Int = 1_000,
        _ body: (TrackerServer) async throws -> Void
    ) async throws {
        var swarms = Swarms.Settings()
        swarms.isOpen = isOpen
        swarms.peers = peers
        let server = try await TrackerServer.start(
            host: "127.0.0.1", port: 0, udpHost: host, udpPort: 0, swarms: swarms, workers: workers)
        do {
            try await body(server)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    private let hash = Array(1...20 as ClosedRange<UInt8>)

    @Test(arguments: ["127.0.0.1", "::1"]) func `introduces clients to each other`(host: String) async throws {
        try await Self.running(host: host) { server in
            let client = try Client(host: host, port: server.udpPort)
            let first = try client.announce(hash, port: 1_001, left: 0, event: 2)
            #expect(first == Client.Announced(leechers: 0, seeders: 1, ports: []))
            let second = try client.announce(hash, port: 1_002, left: 9, event: 2)
            #expect(second == Client.Announced(leechers: 1, seeders: 1, ports: [1_001]))
            #expect(try client.announce(hash, port: 1_001, left: 0).ports == [1_002])
            #expect(try client.announce(hash, port: 1_001, left: 0, wanted: 0).ports == [])
            _ = try client.announce(hash, port: 1_002, left: 0, event: 1)
            #expect(try client.scrape([hash, Array(hash.reversed())]) == [2, 1, 0, 0, 0, 0])
            _ = try client.announce(hash, port: 1_001, left: 0, event: 3)
            #expect(try client.scrape([hash]) == [1, 1, 0])
            #expect(server.clientCount == 1)
        }
    }

    @Test func `shares its port among several threads`() async throws {
        try await Self.running(workers: 3) { server in
            // Each client has a port of its own, so the kernel spreads them over the threads.
            for number in 0..<24 as Range<UInt16> {
                let client = try Client(host: "127.0.0.1", port: server.udpPort)
                let answer = try client.announce(hash, port: 2_000 + number, left: 1)
                #expect(answer.leechers == UInt32(number) + 1)
                #expect(Set(answer.ports) == Set(2_000..<2_000 + number))
            }
        }
    }

    @Test func `ignores the address that a client claims`() async throws {
        try await Self.running { server in
            let client = try Client(host: "127.0.0.1", port: server.udpPort)
            _ = try client.announce(hash, port: 1_001, left: 0, claimed: [8, 8, 8, 8])
            let bytes = try client.exchange(client.announcement(hash, port: 1_002, left: 1))
            #expect(bytes.suffix(6) == [127, 0, 0, 1, 0x03, 0xe9])
        }
    }

    @Test func `serves only segments that peers have announced, unless it is open to all`() async throws {
        try await Self.running(isOpen: false) { server in
            let client = try Client(host: "127.0.0.1", port: server.udpPort)
            #expect(throws: Client.Refused(reason: "this tracker does not serve this info-hash")) {
                try client.announce(hash, port: 1, left: 0)
            }
            #expect(server.clientCount == 0)
            let root = Root(Word256(1, 2, 3, 4))
            let holder = Announcement(
                broadcast: BroadcastID(.zero), peer: PeerID(.zero), port: 999, freeUpload: 1, roots: [root])
            var request = ByteBuffer()
            try TrackerRequest.announce(connection: client.connect(), transaction: 5, holder).encode(into: &request)
            _ = try client.exchange(Array(request.readableBytesView))
            let answer = try client.announce(InfoHash(root).bytes, port: 1_001, left: 0)
            #expect(answer.ports == [999])
            #expect(answer.seeders == 1)
        }
    }

    @Test func `refuses newcomers when it is full`() async throws {
        try await Self.running(peers: 1) { server in
            let client = try Client(host: "127.0.0.1", port: server.udpPort)
            _ = try client.announce(hash, port: 1_001, left: 0)
            #expect(throws: Client.Refused(reason: "the tracker is full")) {
                try client.announce(hash, port: 1_002, left: 0)
            }
            _ = try client.announce(hash, port: 1_001, left: 0)
        }
    }

    @Test func `meets everything without a valid connection id with silence`() async throws {
        try await Self.running { server in
            let client = try Client(host: "127.0.0.1", port: server.udpPort)
            let id = try client.connect()
            let announce = client.announcement(hash, port: 1, left: 0, connection: id)
            var forged = announce
            forged[7] ^= 1
            let stranger = try Client(host: "127.0.0.1", port: server.udpPort, source: "127.0.0.2")
            var scrape = Client.number(id ^ 1) + Client.number(2 as UInt32) + Client.number(1 as UInt32) + hash
            for bytes in [
                forged, scrape, Array(announce.prefix(97)), announce + [2], [UInt8](repeating: 7, count: 1_600),
            ] {
                client.send(bytes)
            }
            stranger.send(announce)
            // Answers keep their order, so the next one proves that those before it got none.
            scrape.replaceSubrange(0..<8, with: Client.number(id))
            #expect(try client.exchange(scrape).count == 20)
            #expect(try stranger.connect() != 0)
            #expect(
                server.malformed == [
                    "udp_connection_id": 3, "udp_truncated": 2, "udp_oversized": 1,
                ])
            #expect(server.clientCount == 0)
        }
    }

    @Test(.enabled(if: PortlessSender.isPermitted, "only root sends from no port"))
    func `meets a datagram from no port with silence`() async throws {
        try await Self.running { server in
            PortlessSender.send(Client.connecting, to: server.udpPort)
            try await wait(for: "the datagram to be counted", within: .seconds(30)) {
                server.malformed == ["udp_source": 1]
            }
            #expect(try Client(host: "127.0.0.1", port: server.udpPort).connect() != 0)
        }
    }
}

/// Writes the UDP header itself, because no socket has port 0 for its own.
private enum PortlessSender {
    static var isPermitted: Bool {
        let handle = open()
        if handle >= 0 { close(handle) }
        return handle >= 0
    }

    private static func open() -> Int32 { socket(AF_INET, Int32(SOCK_RAW.rawValue), Int32(IPPROTO_UDP)) }

    static func send(_ payload: [UInt8], to port: Int) {
        let handle = open()
        defer { close(handle) }
        // Source, destination, length, and no checksum (RFC 768).
        let header = [0, UInt16(port), UInt16(8 + payload.count), 0].flatMap { Client.number($0) }
        let bytes = header + payload
        _ = try? SocketAddress(ipAddress: "127.0.0.1", port: 0).withSockAddr {
            sendto(handle, bytes, bytes.count, 0, $0, socklen_t($1))
        }
    }
}

/// A BitTorrent client's side of BEP 15 that asks one thing at a time.
private final class Client {
    struct Announced: Equatable {
        var leechers: UInt32
        var seeders: UInt32
        var ports: [UInt16]
    }

    struct Refused: Error, Equatable { var reason: String }
    struct Failure: Error { var what: String }

    private let handle: Int32
    private var id: UInt64?

    init(host: String, port: Int, source: String? = nil) throws {
        let tracker = try SocketAddress(ipAddress: host, port: port)
        handle = socket(host.contains(":") ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if let source {
            try SocketAddress(ipAddress: source, port: 0).withSockAddr { _ = bind(handle, $0, socklen_t($1)) }
        }
        guard tracker.withSockAddr({ Glibc.connect(handle, $0, socklen_t($1)) }) == 0 else {
            throw Failure(what: "connect: \(errno)")
        }
    }

    deinit { close(handle) }

    static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(handle, bytes, bytes.count, 0) }

    func exchange(_ bytes: [UInt8]) throws -> [UInt8] {
        send(bytes)
        var answer = [UInt8](repeating: 0, count: 2_048)
        let count = recv(handle, &answer, answer.count, 0)
        guard count >= 0 else { throw Failure(what: "no answer: \(errno)") }
        return Array(answer[..<count])
    }

    static var connecting: [UInt8] {
        number(TrackerRequest.protocolID) + number(0 as UInt32) + number(77 as UInt32)
    }

    func connect() throws -> UInt64 {
        if let id { return id }
        let answer = try exchange(Self.connecting)
        guard answer.count == 16, Array(answer[..<8]) == Self.number(77 as UInt64) else {
            throw Failure(what: "\(answer)")
        }
        let id = answer[8...].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        self.id = id
        return id
    }

    func announcement(
        _ hash: [UInt8], port: UInt16, left: UInt64, event: UInt32 = 0, wanted: Int32 = -1,
        claimed: [UInt8] = [0, 0, 0, 0], connection: UInt64 = 0
    ) -> [UInt8] {
        let peer = [UInt8](repeating: 65, count: 20)
        let head = Self.number(id ?? connection) + Self.number(1 as UInt32) + Self.number(77 as UInt32)
        let amounts = Self.number(0 as UInt64) + Self.number(left) + Self.number(0 as UInt64)
        return head + hash + peer + amounts + Self.number(event) + claimed + Self.number(1 as UInt32)
            + Self.number(wanted) + Self.number(port)
    }

    func announce(
        _ hash: [UInt8], port: UInt16, left: UInt64, event: UInt32 = 0, wanted: Int32 = -1,
        claimed: [UInt8] = [0, 0, 0, 0]
    ) throws -> Announced {
        _ = try connect()
        let answer = try exchange(
            announcement(hash, port: port, left: left, event: event, wanted: wanted, claimed: claimed))
        func number(_ offset: Int) -> UInt32 { answer[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        guard answer.count >= 8, number(4) == 77 else { throw Failure(what: "\(answer)") }
        guard number(0) != 3 else { throw Refused(reason: String(decoding: answer[8...], as: UTF8.self)) }
        guard number(0) == 1, answer.count >= 20, (1_600...2_000).contains(number(8)) else {
            throw Failure(what: "\(answer)")
        }
        // The answer says nothing about the length of its entries: the family of the socket does.
        var family = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &family) { bytes in
            if let base = bytes.baseAddress {
                _ = getsockname(handle, base.assumingMemoryBound(to: sockaddr.self), &length)
            }
        }
        let entry = Int32(family.ss_family) == AF_INET ? 6 : 18
        let ports = stride(from: 20, to: answer.count, by: entry).map { start in
            answer[start + entry - 2..<start + entry].reduce(0 as UInt16) { $0 << 8 | UInt16($1) }
        }
        return Announced(leechers: number(12), seeders: number(16), ports: ports)
    }

    /// Seeders, completed and leechers of each hash.
    func scrape(_ hashes: [[UInt8]]) throws -> [UInt32] {
        let answer = try exchange(
            Self.number(try connect()) + Self.number(2 as UInt32) + Self.number(78 as UInt32) + hashes.flatMap { $0 })
        guard answer.count == 8 + 12 * hashes.count, answer[3] == 2, answer[7] == 78 else {
            throw Failure(what: "\(answer)")
        }
        return stride(from: 8, to: answer.count, by: 4).map { offset in
            answer[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
