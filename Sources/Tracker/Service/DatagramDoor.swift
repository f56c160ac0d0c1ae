import CDatagrams
import Dispatch
import Glibc
import Integrity
import NIOCore
import Synchronization
import TrackerCore
import Vocabulary
import WebServer
import Wire

/// The tracker's UDP port: threads that take datagrams in batches and answer them in batches. Each has a socket of its
/// own on the same port (SO_REUSEPORT), and the kernel gives each the same senders always.
final class DatagramDoor: Sendable {
    let port: Int
    private let sockets: [Int32]
    /// Whether clients may ask at any of the machine's addresses.
    private let isEverywhere: Bool
    private let shared: SharedTracker
    private let swarms: Swarms
    private let ids = ConnectionIDs()
    private let isStopping = Atomic(false)
    private let threads = DispatchGroup()

    init(host: String, port: Int, workers: Int, shared: SharedTracker, swarms: Swarms) throws {
        let address = try SocketAddress(host, port: port)
        // A port that is shared can be had twice; so whether it is free is asked without sharing it.
        var sockets = [try Self.bound(to: address, isShared: false)]
        do {
            let place = try Self.place(of: sockets[0], address)
            if workers > 1 {
                close(sockets.removeLast())
                for _ in 0..<workers { sockets.append(try Self.bound(to: place, isShared: true)) }
            }
            self.port = place.port ?? 0
        } catch {
            for socket in sockets { close(socket) }
            throw error
        }
        isEverywhere = ["0.0.0.0", "::"].contains(address.ipAddress)
        self.sockets = sockets
        self.shared = shared
        self.swarms = swarms
    }

    private static func bound(to address: SocketAddress, isShared: Bool) throws -> Int32 {
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        let socket = Glibc.socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        func set<Value: BitwiseCopyable>(_ option: Int32, _ value: Value, at level: Int32 = SOL_SOCKET) -> Int32 {
            var value = value
            return setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Value>.size))
        }
        // The thread looks up from the socket this often, to see what else is to be done.
        _ = set(SO_RCVTIMEO, timeval(tv_sec: 0, tv_usec: 100_000))
        // Beyond what the system allows everybody, if we may.
        if set(SO_RCVBUFFORCE, 8 << 20 as Int32) != 0 { _ = set(SO_RCVBUF, 8 << 20 as Int32) }
        if family == AF_INET6 { _ = set(IPV6_V6ONLY, 0 as Int32, at: Int32(IPPROTO_IPV6)) }
        if isShared { _ = set(SO_REUSEPORT, 1 as Int32) }
        guard address.withSockAddr({ Glibc.bind(socket, $0, socklen_t($1)) }) == 0 else {
            let code = errno
            close(socket)
            throw IOError(errnoCode: code, reason: "bind")
        }
        return socket
    }

    /// The address with the real port.
    private static func place(of socket: Int32, _ address: SocketAddress) throws -> SocketAddress {
        var name = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let code = withUnsafeMutableBytes(of: &name) { bytes in
            bytes.baseAddress.map { getsockname(socket, $0.assumingMemoryBound(to: sockaddr.self), &length) } ?? -1
        }
        guard code == 0 else { throw IOError(errnoCode: errno, reason: "getsockname") }
        var place = address
        place.port = Int(UInt16(bigEndian: name.sin6_port))
        return place
    }

    func start() {
        for number in sockets.indices {
            // A queue of its own is a thread of its own: the work never ends until `stop`.
            DispatchQueue(label: "tracker-datagrams-\(number)").async(group: threads) { self.serve(number) }
        }
    }

    func stop() async {
        isStopping.store(true, ordering: .relaxed)
        await withCheckedContinuation { done in
            threads.notify(queue: .global()) { done.resume() }
        }
        discard()
    }

    /// Instead of `stop` for a door that has not been started.
    func discard() {
        for socket in sockets { close(socket) }
    }

    /// Calls a peer the way that its last announce came; returns whether the datagram has left.
    static func ring(_ call: Tracker.Call) -> Bool {
        var datagram = ByteBuffer()
        TrackerAnswer.call(transaction: call.bell.transaction, call.caller).encode(into: &datagram)
        // A socket of IPv6 that takes IPv4 too knows it by its mapped address, one of IPv4 does not.
        return (call.bell.endpoint.ip.v4 == nil ? [true] : [true, false]).contains { isV6 in
            call.bell.endpoint.withSocketAddress(isV6: isV6) { address, length in
                datagram.withUnsafeReadableBytes { bytes in
                    sendto(call.bell.door, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT), address, length) >= 0
                }
            }
        }
    }

    private func serve(_ number: Int) {
        let batch = datagram_batch_make()
        defer { datagram_batch_free(batch) }
        if isEverywhere { _ = datagram_batch_keep_addresses(batch, sockets[number]) }
        var clerk = DatagramClerk(door: sockets[number], ids: ids, shared: shared, swarms: swarms)
        var swept = 0
        while !isStopping.load(ordering: .relaxed) {
            let received = datagram_batch_receive(batch, sockets[number])
            clerk.now = shared.now
            clerk.seconds = shared.seconds
            for position in 0..<max(0, received) {
                guard let datagram = datagram_batch_at(batch, position) else { break }
                datagram.pointee.length = UInt32(clerk.answer(datagram))
            }
            if received > 0 { _ = datagram_batch_send(batch, sockets[number], received) }
            swarms.sweep(part: number, of: sockets.count, after: &swept, at: clerk.now)
        }
    }
}

/// Answers datagrams, one thread's.
private struct DatagramClerk {
    let door: Int32
    let ids: ConnectionIDs
    let shared: SharedTracker
    let swarms: Swarms
    let tally: Tally
    var random = Randomness(seed: UInt64.random(in: .min ... .max))
    var welcome = Welcome()
    var now = Instant.zero
    var seconds: UInt64 = 0

    init(door: Int32, ids: ConnectionIDs, shared: SharedTracker, swarms: Swarms) {
        self.door = door
        self.ids = ids
        self.shared = shared
        self.swarms = swarms
        tally = shared.tallies.make()
    }

    /// Writes the answer over the datagram and returns its length; 0 for silence.
    mutating func answer(_ datagram: UnsafeMutablePointer<datagram>) -> Int {
        let length = Int(datagram.pointee.length)
        guard length <= Limits.datagramReceived else { return silence("udp_oversized") }
        guard let source = withUnsafeBytes(of: &datagram.pointee.address, Endpoint.init(socketAddress:)),
            source.port != 0
        else { return silence("udp_source") }
        return withUnsafeMutableBytes(of: &datagram.pointee.bytes) { bytes in
            let request = UnsafeRawBufferPointer(rebasing: bytes[..<length])
            do throws(WireError) {
                guard let action = SwarmRequest.action(of: request) else { throw .truncated }
                guard action <= 2 else { return try native(request, from: source, to: bytes) }
                return answer(try SwarmRequest(parsing: request), from: source.ip, to: bytes)
            } catch { return silence("udp_" + error.reason) }
        }
    }

    private func silence(_ reason: String) -> Int {
        shared.countMalformed(reason)
        return 0
    }

    // MARK: BitTorrent

    private mutating func answer(
        _ request: SwarmRequest, from ip: IPAddress, to bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        switch request {
        case .connect(let transaction):
            tally.count(.connects)
            let id = ids.issue(to: ip, at: seconds)
            return SwarmReply.connected(transaction: transaction, connection: id, to: bytes)
        case .announce(let id, let transaction, let announce):
            guard ids.isValid(id, from: ip, at: seconds) else { return silence("udp_connection_id") }
            let isV4 = ip.v4 != nil
            let limit = isV4 ? Limits.swarmPeersV4 : Limits.swarmPeersV6
            let chance = random.next()
            do throws(Swarms.Refusal) {
                let answer = try swarms.announce(
                    announce, from: ip, wanted: min(announce.wanted ?? swarms.settings.wanted, limit), at: now,
                    random: chance, into: SwarmStore.Lists(own: .init(rebasing: bytes[SwarmReply.listOffset...])))
                tally.count(.udpAnnounces)
                return SwarmReply.announced(
                    transaction: transaction, interval: swarms.interval(chance), answer.counts,
                    listLength: answer.own * (isV4 ? 6 : 18), to: bytes)
            } catch {
                tally.count(error)
                return SwarmReply.refused(transaction: transaction, error.rawValue, to: bytes)
            }
        case .scrape(let id, let transaction, let count):
            guard ids.isValid(id, from: ip, at: seconds) else { return silence("udp_connection_id") }
            tally.count(.udpScrapes)
            for index in 0..<count {
                let hash = SwarmRequest.hash(index, of: UnsafeRawBufferPointer(bytes))
                SwarmReply.scraped(index, swarms.counts(of: hash), to: bytes)
            }
            return SwarmReply.scraped(transaction: transaction, count: count, to: bytes)
        }
    }

    // MARK: Peers of ours

    private mutating func native(
        _ request: UnsafeRawBufferPointer, from source: Endpoint, to bytes: UnsafeMutableRawBufferPointer
    ) throws(WireError) -> Int {
        switch try TrackerRequest(parsing: request) {
        case .connect: throw .unknownType(0)
        case .announce(let id, let transaction, let announcement):
            guard ids.isValid(id, from: source.ip, at: seconds) else { return silence("udp_connection_id") }
            do throws(Tracker.Refusal) {
                try shared.announce(
                    announcement, from: source,
                    bell: Tracker.Bell(endpoint: source, transaction: transaction, door: door), at: now, into: &welcome)
                tally.count(.nativeDatagrams)
                return TrackerAnswer.write(welcome, transaction: transaction, to: bytes)
            } catch { return SwarmReply.refused(transaction: transaction, error.rawValue, to: bytes) }
        }
    }
}
