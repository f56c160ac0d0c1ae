import CDatagrams
import Glibc
import NIOCore
import Vocabulary
import Wire

/// How a client asks over UDP, and what must be true of the answer.
protocol Dialect {
    /// Returns the request's length.
    func write(_ peer: Int, connection: UInt64, transaction: UInt32, to bytes: UnsafeMutableRawPointer)
        -> Int
    /// `nil` for an answer that is not valid, else whether it named as many as it should.
    func check(_ answer: UnsafeRawBufferPointer, to peer: Int, isThorough: Bool) -> Bool?
    func isAnswer(_ datagram: UnsafeRawBufferPointer) -> Bool
}

extension Dialect {
    func isAnswer(_ datagram: UnsafeRawBufferPointer) -> Bool { true }
}

/// Many clients in one thread: four sockets, each request from its own client's address.
final class DatagramLoad {
    private struct Slot {
        var peer = -1
        var sent: Int64 = 0
        var serial: UInt32 = 0
        var isThorough = false
    }

    private static let socketCount = 4
    private static let patience: Int64 = 1_000_000_000

    private let world: World
    private let tracker: sockaddr_in6
    private let sockets: [Int32]
    private let batch = datagram_batch_make()
    private var sources = [UInt32](repeating: 0, count: Int(DATAGRAM_BATCH))
    private var slots: [[Slot]]
    private var connections: [UInt64]

    /// `outstanding` requests at a time, at most 256.
    init(world: World, host: UInt32, port: UInt16, outstanding: Int) {
        self.world = world
        var place = sockaddr_in6()
        withUnsafeMutableBytes(of: &place) { bytes in
            bytes.storeBytes(of: UInt16(AF_INET), as: UInt16.self)
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            bytes.storeBytes(of: host.bigEndian, toByteOffset: 4, as: UInt32.self)
        }
        tracker = place
        sockets = (0..<Self.socketCount).map { _ in
            let made = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            var room: Int32 = 8 << 20
            setsockopt(made, SOL_SOCKET, SO_RCVBUF, &room, 4)
            return made
        }
        slots = Array(
            repeating: Array(repeating: Slot(), count: max(1, outstanding / Self.socketCount)), count: Self.socketCount)
        connections = Array(repeating: 0, count: world.addresses)
    }

    deinit {
        for socket in sockets { close(socket) }
        datagram_batch_free(batch)
    }

    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Fetches a connection id for every client address.
    func connect() {
        struct Connect: Dialect {
            func write(
                _ peer: Int, connection: UInt64, transaction: UInt32,
                to bytes: UnsafeMutableRawPointer
            ) -> Int {
                bytes.storeBytes(of: TrackerRequest.protocolID.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: 0, toByteOffset: 8, as: UInt32.self)
                bytes.storeBytes(of: transaction.bigEndian, toByteOffset: 12, as: UInt32.self)
                return 16
            }
            func check(_ answer: UnsafeRawBufferPointer, to peer: Int, isThorough: Bool) -> Bool? {
                answer.count == 16 && answer.loadUnaligned(as: UInt32.self) == 0 ? true : nil
            }
        }
        var next = 0
        var found: [UInt64] = connections
        let findings = run(
            Connect(), rate: nil,
            receive: { peer, answer in
                if answer.count == 16 {
                    found[peer] = answer.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian
                }
            }
        ) {
            defer { next += 1 }
            return next < self.world.addresses ? next : nil
        }
        precondition(findings.invalid == 0 && findings.answers == world.addresses, "the tracker does not connect")
        connections = found
    }

    /// Asks for every peer that `next` names until it names none; a `rate` is in requests a second.
    func run(
        _ dialect: some Dialect, rate: Double?,
        receive: (Int, UnsafeRawBufferPointer) -> Void = { _, _ in }, next: () -> Int?
    ) -> Findings {
        var findings = Findings()
        var isOver = false
        var busy = 0
        var asked = 0
        let start = Self.now()
        while !isOver || busy > 0 {
            var isQuiet = true
            for number in sockets.indices {
                let received = Int(datagram_batch_receive(batch, sockets[number]))
                let now = Self.now()
                for position in 0..<max(0, received) {
                    guard let answer = datagram_batch_at(batch, Int32(position)) else { continue }
                    isQuiet = false
                    withUnsafeBytes(of: &answer.pointee.bytes) { bytes in
                        let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<Int(answer.pointee.length)])
                        // Our clients take no links: when the tracker has found that out, it calls them to dial somebody.
                        guard dialect.isAnswer(bytes) else { return }
                        let transaction =
                            bytes.count < 8 ? 0 : bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self).bigEndian
                        let slot = Int(transaction >> 16 & 0xff)
                        guard slot < slots[number].count, slots[number][slot].peer >= 0,
                            transaction >> 24 == number, slots[number][slot].serial == transaction & 0xffff
                        else { return findings.invalid += 1 }
                        let asked = slots[number][slot]
                        receive(asked.peer, bytes)
                        switch dialect.check(bytes, to: asked.peer, isThorough: asked.isThorough) {
                        case nil: findings.invalid += 1
                        case false?: findings.short += 1
                        case true?: break
                        }
                        if asked.isThorough {
                            findings.entriesChecked += 1
                            findings.latencies.append(Double(now - asked.sent) / 1_000)
                        }
                        findings.answers += 1
                        slots[number][slot].peer = -1
                        busy -= 1
                    }
                }
                var ready = 0
                for slot in slots[number].indices where ready < Int(DATAGRAM_BATCH) {
                    if slots[number][slot].peer >= 0 {
                        guard now - slots[number][slot].sent > Self.patience else { continue }
                        findings.lost += 1
                    } else {
                        if isOver { continue }
                        if let rate, Double(asked) >= Double(now - start) / 1e9 * rate { break }
                        guard let peer = next() else {
                            isOver = true
                            continue
                        }
                        slots[number][slot].peer = peer
                        busy += 1
                        asked += 1
                    }
                    slots[number][slot].sent = now
                    slots[number][slot].serial = (slots[number][slot].serial + 1) & 0xffff
                    // One answer in 32 is looked at peer by peer.
                    slots[number][slot].isThorough = asked & 31 == 0
                    let peer = slots[number][slot].peer
                    guard let datagram = datagram_batch_at(batch, Int32(ready)) else { continue }
                    datagram.pointee.address = tracker
                    datagram.pointee.address_length = 16
                    let transaction = UInt32(number) << 24 | UInt32(slot) << 16 | slots[number][slot].serial
                    datagram.pointee.length = withUnsafeMutableBytes(of: &datagram.pointee.bytes) { bytes in
                        guard let base = bytes.baseAddress else { return 0 }
                        return UInt32(
                            dialect.write(
                                peer, connection: connections[peer % world.addresses],
                                transaction: transaction, to: base))
                    }
                    sources[ready] = world.address(peer).bigEndian
                    ready += 1
                }
                if ready > 0 { _ = datagram_batch_send_from(batch, sockets[number], Int32(ready), sources) }
            }
            if isQuiet, rate == nil {
                var waiting = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                poll(&waiting, nfds_t(waiting.count), 1)
            }
        }
        return findings
    }
}

/// BEP 15.
struct SwarmDialect: Dialect {
    let world: World
    let wanted: Int
    /// opentracker names the asker too.
    let namesAsker: Bool
    let isJoining: Bool

    func write(
        _ peer: Int, connection: UInt64, transaction: UInt32, to bytes: UnsafeMutableRawPointer
    ) -> Int {
        func put(_ number: some FixedWidthInteger & BitwiseCopyable, _ offset: Int) {
            bytes.storeBytes(of: number.bigEndian, toByteOffset: offset, as: type(of: number))
        }
        let hash = World.hash(world.swarm(of: peer)).words
        put(connection, 0)
        put(1 as UInt32, 8)
        put(transaction, 12)
        put(hash.0, 16)
        put(hash.1, 24)
        put(hash.2, 32)
        put(0x2d54_5230_3030_302d as UInt64, 36)
        put(UInt64(peer), 44)
        put(0 as UInt32, 52)
        put(0 as UInt64, 56)
        put((world.isSeeder(peer) ? 0 : 1_000) as UInt64, 64)
        put(0 as UInt64, 72)
        put((isJoining ? 2 : 0) as UInt32, 80)
        put(0 as UInt32, 84)
        put(1 as UInt32, 88)
        put(Int32(isJoining ? 1 : wanted), 92)
        put(world.port(peer), 96)
        return 98
    }

    func check(_ answer: UnsafeRawBufferPointer, to peer: Int, isThorough: Bool) -> Bool? {
        func number(_ offset: Int) -> UInt32 { answer.loadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian }
        guard answer.count >= 20, number(0) == 1, number(8) > 0 else { return nil }
        let members = world.members(of: world.swarm(of: peer))
        let (count, rest) = (answer.count - 20).quotientAndRemainder(dividingBy: 6)
        guard rest == 0, count <= max(wanted, 1), Int(number(12)) + Int(number(16)) <= members.count else { return nil }
        guard !isJoining else { return true }
        guard Int(number(12)) + Int(number(16)) == members.count else { return nil }
        let list = UnsafeRawBufferPointer(rebasing: answer[20...])
        if isThorough, !isSound(list, of: members, asker: namesAsker ? nil : peer, in: world) { return nil }
        return count >= min(wanted, 200, members.count - 1)
    }
}

/// An announce of ours.
struct NativeDialect: Dialect {
    let world: World
    private let template: [UInt8]

    init(world: World) {
        self.world = world
        var bytes = ByteBuffer()
        let announcement = Announcement(
            broadcast: BroadcastID(Word256(1, 2, 3, 4)), peer: PeerID(.zero), port: 1, newest: 100, held: 255,
            freeUpload: 500_000)
        TrackerRequest.announce(connection: 0, transaction: 0, announcement).encode(into: &bytes)
        template = Array(bytes.readableBytesView)
    }

    private func name(_ peer: Int) -> UInt64 { Randomness.mix(UInt64(peer) &+ 1) }

    func isAnswer(_ datagram: UnsafeRawBufferPointer) -> Bool {
        datagram.count < 4
            || UInt32(bigEndian: datagram.loadUnaligned(as: UInt32.self)) != TrackerAnswer.callAction
    }

    func write(
        _ peer: Int, connection: UInt64, transaction: UInt32, to bytes: UnsafeMutableRawPointer
    ) -> Int {
        template.withUnsafeBytes {
            bytes.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: $0.count)
        }
        bytes.storeBytes(of: connection.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: transaction.bigEndian, toByteOffset: 12, as: UInt32.self)
        // Behind the frame of 16 bytes: layout 1, broadcast 32, peer 32, event 1, port 2.
        for word in 0..<4 { bytes.storeBytes(of: name(peer).bigEndian, toByteOffset: 49 + 8 * word, as: UInt64.self) }
        bytes.storeBytes(of: world.port(peer).bigEndian, toByteOffset: 82, as: UInt16.self)
        return template.count
    }

    func check(_ answer: UnsafeRawBufferPointer, to peer: Int, isThorough: Bool) -> Bool? {
        func number(_ offset: Int) -> UInt32 { answer.loadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian }
        guard answer.count >= 30, number(0) == TrackerRequest.announceAction else { return nil }
        guard isThorough else { return true }
        guard case .welcome(_, let welcome) = try? TrackerAnswer(parsing: ByteBuffer(bytes: answer)) else { return nil }
        var seen: Set<Int> = []
        for neighbor in welcome.neighbors {
            guard let address = neighbor.endpoint.ip.v4,
                let other = world.peer(at: address, port: neighbor.endpoint.port), other != peer,
                neighbor.peer.key.words.0 == name(other), seen.insert(other).inserted
            else { return nil }
        }
        return welcome.neighbors.count >= min(30, world.peers - 1) || welcome.viewers < world.peers
    }
}
