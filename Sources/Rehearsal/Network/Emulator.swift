import CNamespaces
import Foundation
import Glibc
import Stage
import Synchronization
import Vocabulary

/// Carries packets between TUN devices as their hosts' lines would, on a thread of its own at real-time priority.
///
/// While packets flow it wakes at most every half millisecond and then moves all that is due: delays are right to
/// about that much, at a fraction of what waking for each packet costs.
final class Emulator: Sendable {
    struct Port {
        var tunnel: Int32
        var address: UInt32
        var line: Line
    }

    private struct Mail {
        var changes: [(port: Int, line: Line)] = []
        var asked = 0
        var answered = 0
        var wantsFreshLateness = false
        var mustStop = false
        var hasStopped = false
        var snapshot: Snapshot?
    }

    /// What a host's interface may send at once (MTU).
    static let packetLength = 1_500

    private let mail = Mutex(Mail())

    init(_ ports: [Port], seed: UInt64) {
        let thread = Thread { [self] in
            var loop = Loop(ports, seed: seed)
            loop.run { loop in attend(to: &loop) }
            loop.close()
            mail.withLock { $0.hasStopped = true }
        }
        thread.stackSize = 1 << 20
        thread.start()
    }

    func change(_ port: Int, to line: Line) { mail.withLock { $0.changes.append((port, line)) } }

    func ask(forFreshLateness: Bool) -> Int {
        mail.withLock { mail in
            mail.asked += 1
            if forFreshLateness { mail.wantsFreshLateness = true }
            return mail.asked
        }
    }

    func answer(to number: Int) -> Snapshot? {
        mail.withLock { $0.answered >= number ? $0.snapshot : nil }
    }

    func stop() { mail.withLock { $0.mustStop = true } }
    var hasStopped: Bool { mail.withLock { $0.hasStopped } }

    /// Returns whether to go on. Whoever holds the lock right now is served the next time: packets do not wait for it.
    private func attend(to loop: inout Loop) -> Bool {
        mail.withLockIfAvailable { mail in
            for change in mail.changes { loop.shapers[change.port].line = change.line }
            mail.changes = []
            if mail.asked > mail.answered {
                mail.snapshot = Snapshot(
                    time: .now, hosts: loop.counters, lateness: loop.lateness,
                    cpu: Interval(nanoseconds: Int64(thread_cpu())))
                mail.answered = mail.asked
                if mail.wantsFreshLateness { loop.lateness = Lateness() }
                mail.wantsFreshLateness = false
            }
            return !mail.mustStop
        } ?? true
    }
}

/// The emulator's thread from inside.
private struct Loop {
    private let ports: [Emulator.Port]
    var shapers: [LinkShaper]
    var counters: [Counters]
    var lateness = Lateness()
    /// By the low half of an address: the port that has it.
    private var routes = [Int16](repeating: -1, count: 1 << 16)
    private var agenda = Agenda()
    private var pool = PacketPool()
    private let readiness: Int32

    private static let tick = Interval.microseconds(500)
    /// How often changes and questions are looked for when no packet comes.
    private static let patience = Interval.milliseconds(20)
    /// Packets that are read from one host before the next one has its turn.
    private static let turn = 32

    init(_ ports: [Emulator.Port], seed: UInt64) {
        self.ports = ports
        shapers = ports.enumerated().map { LinkShaper($1.line, seed: Randomness.mix(seed &+ UInt64($0) &* 7_919)) }
        counters = ports.map { _ in Counters() }
        readiness = readiness_create()
        for (number, port) in ports.enumerated() {
            routes[Int(port.address & 0xffff)] = Int16(number)
            _ = readiness_add(readiness, port.tunnel, UInt32(number))
        }
    }

    mutating func close() {
        for port in ports { _ = Glibc.close(port.tunnel) }
        _ = Glibc.close(readiness)
        pool.deallocate()
    }

    mutating func run(_ attend: (inout Loop) -> Bool) {
        _ = thread_hurry(10)
        var tags = [UInt32](repeating: 0, count: 128)
        var woke = Instant.zero
        while attend(&self) {
            let now = Instant.now
            deliver(until: now)
            let due = agenda.next.map { $0 - now } ?? Self.patience
            let wait = max(.zero, min(due, Self.patience))
            var count = readiness_wait(readiness, &tags, Int32(tags.count), UInt64(wait.nanoseconds))
            let rest = woke + Self.tick - .now
            if rest > .zero, count < tags.count {
                // More packets gather meanwhile.
                var sleep = timespec(tv_sec: 0, tv_nsec: Int(rest.nanoseconds))
                nanosleep(&sleep, nil)
                count = readiness_wait(readiness, &tags, Int32(tags.count), 0)
            }
            woke = .now
            var isAnybodyFull = false
            for tag in tags.prefix(Int(max(0, count))) where take(from: Int(tag), at: woke) { isAnybodyFull = true }
            if isAnybodyFull { woke = .zero }
        }
    }

    /// Reads what a host sends; returns whether there may be more.
    private mutating func take(from source: Int, at now: Instant) -> Bool {
        for _ in 0..<Self.turn {
            let slot = pool.reserve()
            let length = read(ports[source].tunnel, pool.bytes(of: slot), PacketPool.capacity)
            guard length > 0 else {
                pool.release(slot)
                return false
            }
            if !send(slot, length: length, from: source, at: now) { pool.release(slot) }
        }
        return true
    }

    /// Returns whether the packet is under way.
    private mutating func send(_ slot: Int, length: Int, from source: Int, at now: Instant) -> Bool {
        let packet = PacketView(pool.bytes(of: slot) + Int(TUNNEL_HEADER), length - Int(TUNNEL_HEADER))
        guard packet.isIPv4 else { return false }
        let target = routes[Int(packet.destination & 0xffff)]
        guard target >= 0, ports[Int(target)].address == packet.destination else {
            counters[source].unroutable += 1
            return false
        }
        switch shapers[source].send(packet.length, at: now) {
        case .lost: counters[source].lost += 1
        case .overflowed: counters[source].overflowedUp += 1
        case .through(let arrival):
            counters[source].sentBytes += packet.length
            counters[source].sentPackets += 1
            counters[source].sentPayload += packet.payload
            pool[slot] = PacketPool.Label(source: source, target: Int(target), length: length, isPastMiddle: false)
            agenda.add(slot, at: arrival)
            return true
        }
        return false
    }

    private mutating func deliver(until now: Instant) {
        while let entry = agenda.take(until: now) {
            let label = pool[entry.slot]
            guard !label.isPastMiddle else {
                hand(over: entry, label, at: now)
                continue
            }
            switch shapers[label.target].receive(label.length - Int(TUNNEL_HEADER), at: entry.due) {
            case .lost:
                counters[label.target].lost += 1
                pool.release(entry.slot)
            case .overflowed:
                counters[label.target].overflowedDown += 1
                pool.release(entry.slot)
            case .through(let arrival):
                pool[entry.slot].isPastMiddle = true
                agenda.add(entry.slot, at: arrival)
            }
        }
    }

    private mutating func hand(over entry: Agenda.Entry, _ label: PacketPool.Label, at now: Instant) {
        defer { pool.release(entry.slot) }
        lateness.note(now - entry.due)
        let bytes = pool.bytes(of: entry.slot)
        guard write(ports[label.target].tunnel, bytes, label.length) == label.length else {
            counters[label.target].overflowedDown += 1
            return
        }
        let packet = PacketView(bytes + Int(TUNNEL_HEADER), label.length - Int(TUNNEL_HEADER))
        counters[label.target].receivedBytes += packet.length
        counters[label.target].receivedPackets += 1
        counters[label.target].receivedPayload += packet.payload
        if label.source == 0 { counters[label.target].receivedFromFirst += packet.length }
        if packet.isRequest { counters[label.target].requests += 1 }
    }
}
