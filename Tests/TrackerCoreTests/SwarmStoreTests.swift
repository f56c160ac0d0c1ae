import Testing
import TrackerCore
import Vocabulary

@Suite(.timeLimit(.minutes(2))) struct `A store of swarms` {
    /// A store, the clock beside it, and everything it has answered in readable form.
    private struct Desk: ~Copyable {
        struct Answer {
            var counts: SwarmCounts
            var peers: [Endpoint]
            var others: [Endpoint]
            var isFull: Bool
        }

        private static let secret = SwarmSecret(1, 2)

        var store = SwarmStore(secret: Self.secret, silence: .seconds(2_700))
        var now = Instant.zero
        var mayGrow = true
        private var random = Randomness(seed: 1)

        mutating func announce(
            _ peer: Endpoint, _ swarm: UInt64 = 1, isSeeder: Bool = false, event: SwarmAnnounce.Event = .none,
            wanted: Int = 50, room: Int? = nil
        ) -> Answer {
            let announce = SwarmAnnounce(
                hash: InfoHash(swarm, 0, 0), port: peer.port, isSeeder: isSeeder, event: event)
            var own = [UInt8](repeating: 0, count: room ?? 18 * wanted + 8)
            var other = own
            let now = now
            let mayGrow = mayGrow
            let chance = random.next()
            let answer = own.withUnsafeMutableBytes { own in
                other.withUnsafeMutableBytes { other -> SwarmStore.Answer in
                    store.announce(
                        announce, from: peer.ip, place: SwarmStore.place(of: announce.hash, Self.secret),
                        wanted: wanted, mayGrow: mayGrow, at: now, random: chance,
                        into: SwarmStore.Lists(own: own, other: other))
                }
            }
            let isV4 = peer.ip.v4 != nil
            return Answer(
                counts: answer.counts, peers: Self.endpoints(own, answer.own, isV4: isV4),
                others: Self.endpoints(other, answer.other, isV4: !isV4), isFull: answer.isFull)
        }

        func counts(_ swarm: UInt64 = 1) -> SwarmCounts {
            let hash = InfoHash(swarm, 0, 0)
            return store.counts(of: hash, place: SwarmStore.place(of: hash, Self.secret))
        }

        /// What the shell does once a second.
        mutating func pass(_ seconds: Int) {
            for _ in 0..<seconds {
                now = now + .seconds(1)
                _ = store.sweep(at: now)
            }
        }

        private static func endpoints(_ bytes: [UInt8], _ count: Int, isV4: Bool) -> [Endpoint] {
            let length = isV4 ? 4 : 16
            return (0..<count).compactMap { index in
                let entry = bytes[index * (length + 2)..<(index + 1) * (length + 2)]
                let port = entry.suffix(2).reduce(0 as UInt16) { $0 << 8 | UInt16($1) }
                return Endpoint(address: Array(entry.prefix(length)), port: port)
            }
        }
    }

    private func peer(_ number: Int) -> Endpoint {
        Endpoint(ip: IPAddress(v4: 0x0a00_0000 + UInt32(number)), port: UInt16(1 + number % 65_535))
    }

    private func peer6(_ number: Int) -> Endpoint {
        Endpoint(ip: IPAddress(high: 0x2001_0db8 << 32, low: UInt64(number)), port: UInt16(1 + number % 65_535))
    }

    @Test(arguments: [1, 2, 3, 4, 7, 13, 14, 100, 416, 417, 2_000, 20_000])
    func `names as many others as are wanted, each once and never the asker`(size: Int) {
        var desk = Desk()
        for number in 0..<size { _ = desk.announce(peer(number), isSeeder: number % 3 == 0, wanted: 0) }
        let all = Set((0..<size).map(peer))
        for wanted in [0, 1, 2, 50, 200] {
            for number in stride(from: 0, to: size, by: max(1, size / 40)) {
                let answer = desk.announce(peer(number), isSeeder: number % 3 == 0, wanted: wanted)
                #expect(answer.peers.count == min(wanted, size - 1))
                #expect(Set(answer.peers).count == answer.peers.count)
                #expect(all.subtracting([peer(number)]).isSuperset(of: answer.peers))
                #expect(answer.counts.seeders == UInt32((size + 2) / 3))
                #expect(answer.counts.leechers == UInt32(size - (size + 2) / 3))
            }
        }
        #expect(desk.store.peerCount == size)
    }

    @Test func `names everybody sooner or later, about equally often`() {
        var desk = Desk()
        for number in 0..<3_000 { _ = desk.announce(peer(number), wanted: 0) }
        var seen: [Endpoint: Int] = [:]
        for _ in 0..<6_000 { for other in desk.announce(peer(0)).peers { seen[other, default: 0] += 1 } }
        #expect(seen.count == 2_999)
        // 100 on average; rows of a table that is here fuller and there emptier are not perfectly fair.
        #expect(seen.values.allSatisfy { (20...300).contains($0) })
    }

    @Test(arguments: [1 as UInt64, 2, 3])
    func `holds the same peers as a set would, whatever comes and goes`(seed: UInt64) {
        var desk = Desk()
        var random = Randomness(seed: seed)
        var model: [UInt64: [Endpoint: Bool]] = [:]
        // Waves, so that tables grow, are cut, merge again and vanish.
        for wave in 0..<8 {
            for _ in 0..<4_000 {
                let number = Int(random.next() % 3_000)
                let swarm = random.next() % 3 == 0 ? random.next() % 40 : 1
                let peer = number % 5 == 0 ? peer6(number) : peer(number)
                if random.next() % 10 < (wave % 2 == 0 ? 8 : 1) {
                    let isSeeder = random.next() % 2 == 0
                    model[swarm, default: [:]][peer] = isSeeder
                    _ = desk.announce(peer, swarm, isSeeder: isSeeder, wanted: 3)
                } else {
                    model[swarm]?[peer] = nil
                    _ = desk.announce(peer, swarm, event: .stopped, wanted: 0)
                }
            }
            for swarm in 0..<40 as Range<UInt64> {
                let peers = model[swarm] ?? [:]
                let counts = desk.counts(swarm)
                #expect(counts.seeders == UInt32(peers.values.count { $0 }))
                #expect(counts.leechers == UInt32(peers.values.count { !$0 }))
            }
            #expect(desk.store.peerCount == model.values.reduce(0) { $0 + $1.count })
            let others = desk.announce(Endpoint(ip: IPAddress(v4: 1), port: 0), 1, wanted: 3_000)
            #expect(Set(others.peers + others.others) == Set((model[1] ?? [:]).keys))
        }
    }

    @Test func `forgets who is silent, within a minute of the time, and then the swarm`() {
        var desk = Desk()
        for number in 0..<5_000 { _ = desk.announce(peer(number), wanted: 0) }
        for number in 0..<300 { _ = desk.announce(peer6(number), 2, wanted: 0) }
        desk.pass(2_600)
        #expect(desk.store.peerCount == 5_300)
        for number in 0..<1_000 { _ = desk.announce(peer(number), wanted: 0) }
        desk.pass(180)
        #expect(desk.store.peerCount == 1_000)
        #expect(desk.counts().leechers == 1_000)
        #expect(desk.store.swarmCount == 1)
        #expect(Set(desk.announce(peer(0), wanted: 2_000).peers) == Set((1..<1_000).map(peer)))
        desk.pass(2_800)
        #expect(desk.store.peerCount == 0)
        #expect(desk.store.swarmCount == 0)
    }

    @Test func `lets nobody new in when it may not grow, and still answers and renews`() {
        var desk = Desk()
        _ = desk.announce(peer(1))
        desk.mayGrow = false
        let stranger = desk.announce(peer(2))
        #expect(stranger.isFull)
        #expect(stranger.peers == [peer(1)])
        #expect(desk.announce(peer(3), 2).isFull)
        #expect(desk.store.swarmCount == 1)
        let known = desk.announce(peer(1), isSeeder: true)
        #expect(!known.isFull && known.counts.seeders == 1)
        _ = desk.announce(peer(1), event: .stopped)
        #expect(desk.store.peerCount == 0)
    }

    @Test func `counts a completed download once`() {
        var desk = Desk()
        for _ in 0..<3 { _ = desk.announce(peer(1), event: .completed) }
        #expect(desk.counts() == SwarmCounts(seeders: 0, leechers: 1, completed: 0), "it lacks something")
        for _ in 0..<3 { _ = desk.announce(peer(1), isSeeder: true, event: .completed) }
        #expect(desk.counts() == SwarmCounts(seeders: 1, leechers: 0, completed: 1))
    }

    @Test func `does not list who takes no connections or has stopped`() {
        var desk = Desk()
        _ = desk.announce(Endpoint(ip: IPAddress(v4: 5), port: 0))
        _ = desk.announce(peer(1), event: .stopped)
        #expect(desk.store.peerCount == 0 && desk.store.swarmCount == 0)
    }

    @Test func `gives the other address family a share`() {
        var desk = Desk()
        for number in 0..<100 {
            _ = desk.announce(peer(number), wanted: 0)
            _ = desk.announce(peer6(number), wanted: 0)
        }
        let answer = desk.announce(peer(0), wanted: 40)
        #expect(answer.peers.count == 30 && answer.others.count == 10)
        let alone = desk.announce(peer6(1), 2, wanted: 40)
        #expect(alone.peers.isEmpty && alone.others.isEmpty)
        _ = desk.announce(peer(1), 2)
        #expect(desk.announce(peer6(1), 2, wanted: 40).others == [peer(1)])
    }

    @Test func `names no more of either family than its list has room for`() {
        var desk = Desk()
        for number in 0..<300 { _ = desk.announce(peer6(number), wanted: 0) }
        _ = desk.announce(peer(1))
        // The list ends with the array, whose end is checked when it is read.
        #expect(desk.announce(peer(1), wanted: 200, room: 66 * 18 + 2).others.count == 66)
        #expect(desk.announce(peer6(1), wanted: 200, room: 66 * 18 + 2).peers.count == 66)
        #expect(desk.announce(peer(1), wanted: 200, room: 0).others.isEmpty)
    }

    @Test func `finds each of many swarms after others have gone`() {
        var desk = Desk()
        for swarm in 0..<2_000 as Range<UInt64> { _ = desk.announce(peer(Int(swarm)), swarm) }
        for swarm in 0..<2_000 as Range<UInt64> where swarm % 3 != 0 {
            _ = desk.announce(peer(Int(swarm)), swarm, event: .stopped)
        }
        desk.pass(200)
        #expect(desk.store.swarmCount == 667)
        for swarm in 0..<2_000 as Range<UInt64> {
            #expect(desk.counts(swarm).leechers == (swarm % 3 == 0 ? 1 : 0))
        }
    }
}
