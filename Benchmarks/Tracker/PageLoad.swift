import CDatagrams
import Glibc
import NIOCore
import Vocabulary
import Wire

/// Clients with an HTTP connection each that they keep, in one thread.
final class PageLoad {
    private struct Client {
        var socket: Int32
        var peer = 0
        var sent: Int64 = 0
        var answer: [UInt8] = []
        var length = 0
        var isWaiting = false
    }

    private let world: World
    private var waiting: [pollfd] = []
    private var clients: [Client] = []
    private var random = Randomness(seed: 2)

    /// All clients of one address, as over HTTP each is known by its connection's.
    init(world: World, port: UInt16, connections: Int) {
        self.world = world
        for number in 0..<connections {
            let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            // Client k speaks for the peers of the address k.
            connectSocket(made, from: world.address(number % world.addresses), port: port)
            var now: Int32 = 1
            setsockopt(made, Int32(IPPROTO_TCP), TCP_NODELAY, &now, 4)
            waiting.append(pollfd(fd: made, events: Int16(POLLIN), revents: 0))
            clients.append(Client(socket: made, answer: [UInt8](repeating: 0, count: 4_096)))
        }
    }

    deinit { for client in clients { close(client.socket) } }

    private func connectSocket(_ socket: Int32, from source: UInt32, port: UInt16) {
        func place(_ address: UInt32, _ port: UInt16) -> sockaddr_in {
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_port = port.bigEndian
            place.sin_addr.s_addr = address.bigEndian
            return place
        }
        func with(_ place: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) {
            let code = withUnsafeBytes(of: place) { bytes -> Int32 in
                guard let base = bytes.baseAddress else { return -1 }
                return body(base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            }
            precondition(code == 0, "the tracker takes no connection: \(errno)")
        }
        with(place(source, 0)) { bind(socket, $0, $1) }
        with(place(0x7f00_0001, port)) { Glibc.connect(socket, $0, $1) }
    }

    /// Announces until the time is over. Each client names peers of its own address.
    func run(wanted: Int, isJoining: Bool, seconds: Double, next: () -> Int?) -> Findings {
        var findings = Findings()
        let end = DatagramLoad.now() + Int64(seconds * 1e9)
        var asked = 0
        var isOver = false
        for index in clients.indices {
            guard let peer = next() else { break }
            ask(index, peer: peer, wanted: wanted)
            asked += 1
        }
        while asked > 0 {
            let count = poll(&waiting, nfds_t(waiting.count), 1_000)
            let now = DatagramLoad.now()
            if now > end { isOver = true }
            if count == 0 { findings.lost += 1 }
            for index in waiting.indices where waiting[index].revents != 0 {
                guard receive(index, wanted: wanted, isJoining: isJoining, now: now, &findings) else { continue }
                asked -= 1
                guard !isOver, let peer = next() else { continue }
                ask(index, peer: peer, wanted: wanted)
                asked += 1
            }
        }
        return findings
    }

    private func ask(_ index: Int, peer: Int, wanted: Int) {
        // The peer's number is taken modulo what the client's address has.
        let peer = peer - peer % world.addresses + index % world.addresses
        let own = peer < world.peers ? peer : index % world.addresses
        var request: [UInt8] = Array("GET /announce?info_hash=".utf8)
        for byte in World.hash(world.swarm(of: own)).bytes {
            let digits = Array("0123456789ABCDEF".utf8)
            request += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        request += "&peer_id=-TR3000-abcdefghijkl&port=\(world.port(own))&uploaded=0&downloaded=0&left=".utf8
        request +=
            "\(world.isSeeder(own) ? 0 : 1_000)&numwant=\(wanted)&compact=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8
        clients[index].peer = own
        clients[index].length = 0
        clients[index].sent = DatagramLoad.now()
        precondition(send(clients[index].socket, request, request.count, 0) == request.count, "a request is cut")
    }

    /// Whether the answer is there.
    private func receive(_ index: Int, wanted: Int, isJoining: Bool, now: Int64, _ findings: inout Findings) -> Bool {
        let room = clients[index].answer.count - clients[index].length
        let start = clients[index].length
        let socket = clients[index].socket
        let count = clients[index].answer.withUnsafeMutableBytes {
            recv(socket, $0.baseAddress.map { $0 + start }, room, 0)
        }
        precondition(count > 0, "the tracker has closed a connection")
        clients[index].length += count
        let peer = clients[index].peer
        let isThorough = findings.answers & 31 == 0
        let verdict = clients[index].answer.withUnsafeBytes { bytes -> Bool?? in
            check(
                UnsafeRawBufferPointer(rebasing: bytes[..<clients[index].length]), peer, wanted, isJoining, isThorough)
        }
        guard let verdict else { return false }
        findings.answers += 1
        if verdict == nil { findings.invalid += 1 }
        if verdict == false { findings.short += 1 }
        if isThorough {
            findings.entriesChecked += 1
            findings.latencies.append(Double(now - clients[index].sent) / 1_000)
        }
        return true
    }

    /// `nil` while the answer is not complete; else as a `Dialect` does.
    private func check(
        _ bytes: UnsafeRawBufferPointer, _ peer: Int, _ wanted: Int, _ isJoining: Bool, _ isThorough: Bool
    ) -> Bool?? {
        let head = "HTTP/1.1 200 OK\r\n".utf8
        guard bytes.count > 60 else { return .none }
        guard bytes.starts(with: head) else { return .some(nil) }
        // Where the body is, and its length, from the only header that counts.
        var position = head.count
        var length = 0
        while position + 1 < bytes.count, bytes[position] != 13 {
            var end = position
            while end < bytes.count, bytes[end] != 13 { end += 1 }
            let name = "content-length: ".utf8
            if bytes[position..<end].starts(with: name) {
                for digit in bytes[position + name.count..<end] { length = length * 10 + Int(digit &- 48) }
            }
            position = end + 2
        }
        position += 2
        guard length > 0, bytes.count >= position + length else { return .none }
        let body = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
        guard body.starts(with: "d8:completei".utf8), body.last == UInt8(ascii: "e") else { return .some(nil) }
        guard isThorough else { return .some(true) }
        guard let fields = try? Bencode.Fields(parsing: Array(body)),
            let peers = try? fields.bytes("peers", limit: 1_300),
            let seeders = try? fields.integer("complete", in: 0...1 << 40),
            let leechers = try? fields.integer("incomplete", in: 0...1 << 40)
        else { return .some(nil) }
        let members = world.members(of: world.swarm(of: peer))
        guard isJoining || Int(seeders + leechers) == members.count else { return .some(nil) }
        let isRight = peers.withUnsafeBytes { isSound($0, of: members, asker: peer, in: world) }
        guard isRight else { return .some(nil) }
        return .some(isJoining || peers.count / 6 >= min(wanted, 200, members.count - 1))
    }
}
