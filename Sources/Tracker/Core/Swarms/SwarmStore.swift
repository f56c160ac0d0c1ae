package import Vocabulary

/// Some of the BitTorrent swarms: those whose hashes begin alike. The shell has many stores, so that announces of
/// different swarms hardly ever wait for each other.
///
///     info-hash --> index (open addressing, 4 bytes a place) --> Swarm (80 bytes) --> PeerTable, one a family
///
/// All state is soft: who does not announce again is let go of by `sweep`, which the shell calls often and which looks
/// at a few pages each time. Times are kept in ticks of eight seconds.
package struct SwarmStore: ~Copyable {
    package struct Answer: Sendable {
        package var counts = SwarmCounts()
        /// Peers written to the list of the asker's own address family, and to the other one.
        package var own = 0
        package var other = 0
        package var change = Change()
        /// There was no room for the asker.
        package var isFull = false

        package init() {}
    }

    /// By how much a store has grown.
    package struct Change: Sendable {
        package var peers = 0
        package var swarms = 0
    }

    /// Where lists are written to, in the compact form of BEP 23 and BEP 7: as many peers as there is room for when two bytes
    /// more are left free.
    // Unchecked because it only says where one call is to write.
    package struct Lists: @unchecked Sendable {
        package let own: UnsafeMutableRawBufferPointer
        package let other: UnsafeMutableRawBufferPointer?

        package init(own: UnsafeMutableRawBufferPointer, other: UnsafeMutableRawBufferPointer? = nil) {
            self.own = own
            self.other = other
        }
    }

    private struct Swarm {
        var hash: InfoHash
        var completed: UInt32 = 0
        var v4 = PeerTable<PeerV4>()
        var v6 = PeerTable<PeerV6>()

        var count: Int { Int(v4.count) + Int(v6.count) }

        var counts: SwarmCounts {
            let seeders = v4.seeders + v6.seeders
            return SwarmCounts(seeders: seeders, leechers: UInt32(count) - seeders, completed: completed)
        }
    }

    /// How long a sweep over everything takes.
    package static let round = Interval.seconds(60)
    private static let tick = Interval.seconds(8)

    private let secret: SwarmSecret
    /// In ticks.
    private let silence: UInt16
    private var swarms: [Swarm] = []
    /// A swarm's number plus one, at the place that its hash names or at the next free one; never more than half full.
    private var index = [UInt32](repeating: 0, count: 16)
    private var peers = 0
    private var hand: (swarm: Int, isV6: Bool, hash: UInt64) = (0, false, 0)

    package init(secret: SwarmSecret, silence: Interval) {
        self.secret = secret
        self.silence = UInt16(min(0x7000, max(1, silence.nanoseconds / Self.tick.nanoseconds)))
    }

    deinit {
        for number in swarms.indices {
            var swarm = swarms[number]
            swarm.v4.free()
            swarm.v6.free()
        }
    }

    package var swarmCount: Int { swarms.count }
    package var peerCount: Int { peers }

    /// A number that names the swarm: its first bits choose the store, its last bits the place in the store's index.
    package static func place(of hash: InfoHash, _ secret: SwarmSecret) -> UInt64 {
        secret.mix(secret.mix(hash.words.0, UInt64(hash.words.2)), hash.words.1)
    }

    // MARK: Announces

    /// Takes what a peer says of itself and writes others to `lists`. A store that may not grow still answers.
    package mutating func announce(
        _ announce: SwarmAnnounce, from ip: IPAddress, place: UInt64, wanted: Int, mayGrow: Bool, at now: Instant,
        random: UInt64, into lists: Lists
    ) -> Answer {
        var answer = Answer()
        let isListed = announce.event != .stopped && announce.port != 0
        var found = find(announce.hash, place)
        if found == nil, isListed, mayGrow {
            found = add(announce.hash, place)
            answer.change.swarms = 1
        }
        guard let number = found else {
            answer.isFull = isListed
            return answer
        }
        let state = PeerState(isSeeder: announce.isSeeder, heard: Self.ticks(now))
        let before = swarms[number].count
        let change: PeerTableChange
        if ip.v4 != nil {
            let peer = PeerV4(ip, port: announce.port, state: state)
            change = Self.enter(peer, announce, mayGrow, secret, &swarms[number].v4)
            let share = Self.share(wanted, swarms[number].v4.count, lists.other == nil ? 0 : swarms[number].v6.count)
            answer.own = swarms[number].v4.choose(share.own, except: peer, random: random, into: lists.own)
            if let list = lists.other {
                answer.other = swarms[number].v6.choose(share.other, except: .empty, random: random, into: list)
            }
        } else {
            let peer = PeerV6(ip, port: announce.port, state: state)
            change = Self.enter(peer, announce, mayGrow, secret, &swarms[number].v6)
            let share = Self.share(wanted, swarms[number].v6.count, lists.other == nil ? 0 : swarms[number].v4.count)
            answer.own = swarms[number].v6.choose(share.own, except: peer, random: random, into: lists.own)
            if let list = lists.other {
                answer.other = swarms[number].v4.choose(share.other, except: .empty, random: random, into: list)
            }
        }
        switch change {
        case .full: answer.isFull = true
        case .none, .renewed(wasSeeder: true): break
        // Whoever says it twice is counted once, and who lacks something not at all.
        case .joined, .renewed(wasSeeder: false):
            if announce.event == .completed, announce.isSeeder { swarms[number].completed &+= 1 }
        }
        answer.counts = swarms[number].counts
        answer.change.peers = swarms[number].count - before
        peers += answer.change.peers
        return answer
    }

    package func counts(of hash: InfoHash, place: UInt64) -> SwarmCounts {
        find(hash, place).map { swarms[$0].counts } ?? SwarmCounts()
    }

    private static func enter<Peer>(
        _ peer: Peer, _ announce: SwarmAnnounce, _ mayGrow: Bool, _ secret: SwarmSecret,
        _ table: inout PeerTable<Peer>
    ) -> PeerTableChange {
        guard announce.port != 0 else { return .none }
        guard announce.event != .stopped else {
            table.remove(peer, secret)
            return .none
        }
        return table.put(peer, mayGrow: mayGrow, secret)
    }

    /// The other family gets a quarter, if it has as many, and whatever there are too few of the asker's own for.
    private static func share(_ wanted: Int, _ own: UInt32, _ others: UInt32) -> (own: Int, other: Int) {
        guard others > 0 else { return (wanted, 0) }
        let own = min(Int(own), wanted - min(Int(others), wanted / 4))
        return (own, wanted - own)
    }

    private static func ticks(_ now: Instant) -> UInt16 {
        UInt16(truncatingIfNeeded: now.nanoseconds / tick.nanoseconds)
    }

    // MARK: Expiry

    /// Looks at the next few of the store's pages; called once a second it has seen all of them in a `round`.
    package mutating func sweep(at now: Instant) -> Change {
        var change = Change()
        // No swarm has more than three pages besides one for every 96 of its peers.
        let due = (3 * swarms.count + peers / 96) / Int(Self.round.seconds) + 1
        for _ in 0..<due where !swarms.isEmpty {
            if hand.swarm >= swarms.count { hand = (0, false, 0) }
            let before = swarms[hand.swarm].count
            let ticks = Self.ticks(now)
            hand.hash =
                hand.isV6
                ? swarms[hand.swarm].v6.sweep(at: hand.hash, now: ticks, limit: silence, secret)
                : swarms[hand.swarm].v4.sweep(at: hand.hash, now: ticks, limit: silence, secret)
            let gone = before - swarms[hand.swarm].count
            peers -= gone
            change.peers -= gone
            guard hand.hash == 0 else { continue }
            if !hand.isV6 {
                hand.isV6 = true
            } else if swarms[hand.swarm].count == 0 {
                remove(hand.swarm)
                change.swarms -= 1
                hand.isV6 = false
            } else {
                hand = (hand.swarm + 1, false, 0)
            }
        }
        return change
    }

    // MARK: The index

    private func find(_ hash: InfoHash, _ place: UInt64) -> Int? {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: place) & mask
        while index[slot] != 0 {
            let number = Int(index[slot]) - 1
            if swarms[number].hash == hash { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func add(_ hash: InfoHash, _ place: UInt64) -> Int {
        swarms.append(Swarm(hash: hash))
        if swarms.count * 2 > index.count {
            index = [UInt32](repeating: 0, count: index.count * 2)
            for number in swarms.indices { enlist(number, Self.place(of: swarms[number].hash, secret)) }
        } else {
            enlist(swarms.count - 1, place)
        }
        return swarms.count - 1
    }

    private mutating func enlist(_ number: Int, _ place: UInt64) {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: place) & mask
        while index[slot] != 0 { slot = (slot + 1) & mask }
        index[slot] = UInt32(number + 1)
    }

    /// The last swarm takes the number of the one that goes.
    private mutating func remove(_ number: Int) {
        delist(slot(of: number))
        let last = swarms.count - 1
        if number != last {
            index[slot(of: last)] = UInt32(number + 1)
            swarms[number] = swarms[last]
        }
        swarms.removeLast()
    }

    private func slot(of number: Int) -> Int {
        let mask = index.count - 1
        var slot = Int(truncatingIfNeeded: Self.place(of: swarms[number].hash, secret)) & mask
        while index[slot] != UInt32(number + 1) { slot = (slot + 1) & mask }
        return slot
    }

    /// Closes the gap as `Page.remove` does.
    private mutating func delist(_ slot: Int) {
        let mask = index.count - 1
        var hole = slot
        var next = (slot + 1) & mask
        while index[next] != 0 {
            let home = Int(truncatingIfNeeded: Self.place(of: swarms[Int(index[next]) - 1].hash, secret)) & mask
            if (next - home) & mask >= (next - hole) & mask {
                index[hole] = index[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        index[hole] = 0
    }
}
