import Testing
import TrackerCore
import Vocabulary

@Suite struct `A tracker` {
    private var tracker = Tracker(seed: 1)

    private func peer(_ number: Int) -> PeerID { PeerID(Word256(0, 0, 0, UInt64(number))) }

    private func source(_ number: Int) throws -> Endpoint {
        try #require(Endpoint(address: [10, 0, UInt8(number >> 8), UInt8(number & 255)], port: 9))
    }

    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @discardableResult
    private mutating func announce(
        _ number: Int, at seconds: Double, event: Announcement.Event = .none, port: UInt16 = 1_000,
        upload: UInt64 = 1, roots: [Root] = [], from address: Int? = nil, broadcast: UInt64 = 1
    ) throws -> Welcome {
        let announcement = Announcement(
            broadcast: BroadcastID(Word256(0, 0, 0, broadcast)), peer: peer(number), event: event, port: port,
            freeUpload: upload, roots: roots)
        return try tracker.announce(announcement, from: source(address ?? number), at: at(seconds))
    }

    @Test mutating func `forgets silent peers after 75 seconds`() throws {
        try announce(1, at: 0)
        try announce(2, at: 50)
        tracker.expire(at: at(75))
        #expect(tracker.peerCount == 2)
        tracker.expire(at: at(75.5))
        #expect(tracker.peerCount == 1)
        tracker.expire(at: at(126))
        #expect(tracker.peerCount == 0)
        #expect(tracker.swarmCount == 0)
    }

    @Test mutating func `lets a peer leave at once, but only from its own address`() throws {
        try announce(1, at: 0)
        try announce(1, at: 1, event: .left, from: 2)
        #expect(tracker.peerCount == 1)
        try announce(1, at: 1, event: .left)
        #expect(tracker.peerCount == 0)
    }

    @Test mutating func `introduces others that can be reached, never the asker, nobody twice`() throws {
        for number in 1...200 { try announce(number, at: 0, port: number % 2 == 0 ? 1_000 : 0) }
        for number in 1...200 {
            let neighbors = try announce(number, at: 1, port: number % 2 == 0 ? 1_000 : 0).neighbors
            #expect(neighbors.count == 30)
            #expect(Set(neighbors.map(\.endpoint)).count == 30)
            #expect(!neighbors.contains { $0.peer == peer(number) })
            #expect(neighbors.allSatisfy { $0.endpoint.port != 0 })
        }
    }

    @Test mutating func `spreads its introductions evenly`() throws {
        for number in 1...300 { try announce(number, at: 0) }
        var seen: [PeerID: Int] = [:]
        for _ in 0..<1_000 {
            for neighbor in try announce(1, at: 1).neighbors { seen[neighbor.peer, default: 0] += 1 }
        }
        // 30 of 299 in 1,000 draws: 100 each; the injectors, and who pushes on what the asker does, come more often.
        #expect(seen.count == 299)
        #expect(seen.values.allSatisfy { $0 > 50 })
    }

    @Test mutating func `elects an injector for each stripe and keeps them until they go`() throws {
        for number in 1...10 { try announce(number, at: 0) }
        var leases: [Int: Lease] = [:]
        var duties: [Int: Stripe] = [:]
        for number in 1...10 {
            let welcome = try announce(number, at: 10)
            leases[number] = welcome.lease
            duties[number] = welcome.duty
        }
        #expect(leases.keys.sorted() == Array(1...8))
        #expect(leases.allSatisfy { $1.count == 8 && duties[$0]?.number == $1.index })
        #expect(Set(leases.values.map(\.epoch)).count == 1)
        try announce(2, at: 11, event: .left)
        let first = try #require(try announce(1, at: 12).lease)
        #expect(first.epoch != leases[1]?.epoch)
        #expect(first.index == leases[1]?.index, "the others keep their places")
        #expect(try announce(3, at: 13, upload: 0).lease == nil)
        let heirs = [try announce(9, at: 14).lease, try announce(10, at: 14).lease].compactMap { $0?.index }
        #expect(Set(heirs) == Set([leases[2]?.index, leases[3]?.index].compactMap { $0 }))
    }

    @Test mutating func `prefers as injector who has most to give, and then who has been here longest`() throws {
        for number in 1...8 { try announce(number, at: 0) }
        try announce(9, at: 1, upload: 1_000_000)
        try announce(10, at: 2)
        try announce(1, at: 3, event: .left)
        #expect(try announce(9, at: 4, upload: 1_000_000).lease != nil)
        #expect(try announce(10, at: 4).lease == nil)
    }

    @Test mutating func `spreads duties evenly over those who give`() throws {
        var counts: [Stripe: Int] = [:]
        for number in 1...80 {
            let duty = try announce(number, at: 0, upload: number % 2 == 0 ? 1 : 0).duty
            if number % 2 == 0 { counts[duty, default: 0] += 1 }
        }
        #expect(counts.values.allSatisfy { $0 == 5 })
        #expect(counts.count == Stripe.count)
    }

    @Test mutating func `introduces for each stripe that is lacking somebody who pushes it on`() throws {
        var duties: [PeerID: Stripe] = [:]
        for number in 1...400 { duties[peer(number)] = try announce(number, at: 0).duty }
        for number in 1...50 {
            let neighbors = try announce(number, at: 1).neighbors
            #expect(Set(neighbors.compactMap { duties[$0.peer] }).count == Stripe.count)
        }
    }

    @Test mutating func `gives a lease to nobody who cannot be reached or has nothing to give`() throws {
        #expect(try announce(1, at: 0, port: 0).lease == nil)
        #expect(try announce(2, at: 0, upload: 0).lease == nil)
        #expect(
            try announce(3, at: 0).lease == Lease(index: 0, count: 1, epoch: try announce(3, at: 0).lease?.epoch ?? 0))
    }

    @Test mutating func `takes the lease of an injector that falls silent`() throws {
        try announce(1, at: 0)
        for second in stride(from: 1.0, through: 21, by: 5) { try announce(2, at: second) }
        let lease = try announce(2, at: 22).lease
        #expect(lease?.count == 1)
    }

    @Test mutating func `knows who has a segment until they go`() throws {
        let root = Root(Word256(7, 7, 7, 7))
        try announce(1, at: 0, roots: [root])
        try announce(2, at: 0, roots: [root])
        try announce(3, at: 0, port: 0, roots: [root])
        #expect(tracker.holders(of: root).map(\.peer) == [peer(2), peer(1)])
        try announce(1, at: 1, event: .left)
        #expect(tracker.holders(of: root).map(\.peer) == [peer(2)])
        tracker.expire(at: at(100))
        #expect(tracker.holders(of: root).isEmpty)
        #expect(tracker.rootCount == 0)
    }

    @Test mutating func `refuses more than 200 peers of one address`() throws {
        for number in 1...200 { try announce(number, at: 0, port: UInt16(number), from: 1) }
        #expect(throws: Tracker.Refusal.tooManyFromAddress) { try announce(201, at: 0, port: 201, from: 1) }
        #expect(tracker.peerCount == 200)
    }

    @Test mutating func `refuses to hand a peer's name to another address while the peer is there`() throws {
        try announce(1, at: 0)
        #expect(throws: Tracker.Refusal.peerIsElsewhere) { try announce(1, at: 1, from: 2) }
        try announce(1, at: 50, from: 2)
        #expect(tracker.peerCount == 1)
    }

    @Test mutating func `stays within its bounds`() throws {
        var settings = Tracker.Settings()
        settings.broadcasts = 2
        settings.peers = 4
        settings.roots = 3
        tracker = Tracker(settings: settings, seed: 1)
        for broadcast: UInt64 in 1...2 { try announce(1, at: 0, broadcast: broadcast) }
        #expect(throws: Tracker.Refusal.tooManyBroadcasts) { try announce(1, at: 0, broadcast: 3) }
        try announce(2, at: 0, roots: (1...10).map { Root(Word256($0, 0, 0, 0)) })
        #expect(tracker.rootCount == 3)
        #expect(tracker.holders(of: Root(Word256(10, 0, 0, 0))).count == 1)
        try announce(3, at: 0)
        #expect(throws: Tracker.Refusal.tooManyPeers) { try announce(4, at: 0) }
    }

    @Test mutating func `calls newcomers of a small swarm back soon and others with jitter`() throws {
        #expect(try announce(1, at: 0).interval == 5)
        for second in 1...10 { try announce(1, at: Double(second), upload: 0) }
        let intervals = try (11...60).map { try announce(1, at: Double($0), upload: 0).interval }
        #expect(try announce(1, at: 61).interval == 5, "an injector is heard often")
        #expect(intervals.allSatisfy { (27...33).contains($0) })
        #expect(Set(intervals).count > 3)
    }

    @Test func `answers the same when it is told the same`() throws {
        var first = self
        var second = self
        for number in 1...100 {
            let answer = try first.announce(number, at: Double(number))
            #expect(try second.announce(number, at: Double(number)) == answer)
        }
    }

    @Test mutating func `believes no peer that is far beyond what the origin has signed`() throws {
        let broadcast = BroadcastID(Word256(0, 0, 0, 1))
        func newest(_ number: UInt64) throws -> UInt64 {
            let announcement = Announcement(
                broadcast: broadcast, peer: peer(1), port: 1_000, newest: number, freeUpload: 1)
            return try tracker.announce(announcement, from: source(1), at: at(0)).newest
        }
        tracker.note(newest: 100, of: broadcast)
        #expect(try newest(110) == 110)
        #expect(try newest(1_000_000) == 164)
        tracker.forget(broadcast)
        #expect(try newest(1_000_000) == 1_000_000)
    }
}

@Suite struct `A rate limit` {
    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @Test func `lets an address ask at its rate after a burst, and others as they like`() {
        var limit = RateLimit(perSecond: 5, seed: 1)
        let taken = (0..<100).count { _ in limit.admits(IPAddress(v4: 1), at: at(1)) }
        #expect(taken == 20)
        let isOtherAdmitted = limit.admits(IPAddress(v4: 2), at: at(1))
        #expect(isOtherAdmitted)
        let later = (0..<1_000).count { step in limit.admits(IPAddress(v4: 1), at: at(1 + Double(step) / 100)) }
        #expect((48...51).contains(later))
    }

    @Test func `takes an IPv6 host's half of the address for one`() {
        var limit = RateLimit(perSecond: 5, seed: 1)
        let taken = (0..<100).count { number in
            limit.admits(IPAddress(high: 32, low: UInt64(number)), at: at(1))
        }
        #expect(taken == 20)
    }

    @Test func `admits everybody when there is none`() {
        var limit = RateLimit(perSecond: 0, seed: 1)
        let admitted = (0..<1_000).count { _ in limit.admits(IPAddress(v4: 1), at: at(0)) }
        #expect(admitted == 1_000)
    }
}
