import Testing
import TrackerCore
import Vocabulary

@Suite struct `A tracker` {
    /// Injectors that may be silent for ten seconds, so that what else takes that long can be seen with them in their seats.
    private static var settings: Tracker.Settings {
        var settings = Tracker.Settings()
        settings.injectorSilence = .seconds(10)
        return settings
    }

    private var tracker = Tracker(settings: Self.settings, seed: 1)

    private func peer(_ number: Int) -> PeerID { PeerID(Word256(0, 0, 0, UInt64(number))) }

    private func source(_ number: Int) throws -> Endpoint {
        try #require(Endpoint(address: [10, 0, UInt8(number >> 8), UInt8(number & 255)], port: 9))
    }

    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @discardableResult
    private mutating func announce(
        _ number: Int, at seconds: Double, event: Announcement.Event = .none, port: UInt16 = 1_000,
        upload: UInt64 = 1, roots: [Root] = [], from address: Int? = nil, broadcast: UInt64 = 1,
        newest: UInt64 = 0, lacking: StripeSet = .all
    ) throws -> Welcome {
        let announcement = Announcement(
            broadcast: BroadcastID(Word256(0, 0, 0, broadcast)), peer: peer(number), event: event, port: port,
            newest: newest, freeUpload: upload, lacking: lacking, roots: roots)
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

    @Test mutating func `spreads its introductions evenly over all who ask`() throws {
        for number in 1...300 { try announce(number, at: 0) }
        var seen: [PeerID: Int] = [:]
        for _ in 0..<4 {
            for number in 1...300 {
                for neighbor in try announce(number, at: 1).neighbors { seen[neighbor.peer, default: 0] += 1 }
            }
        }
        // 120 each; the injectors, and who pushes on what the asker does, come more often.
        #expect(seen.count == 300)
        #expect(seen.values.allSatisfy { $0 > 50 })
    }

    @Test mutating func `lets no address collect a large swarm, however often and as whom it asks`() throws {
        for number in 1...1_300 { try announce(number, at: 0) }
        var met: Set<PeerID> = []
        for turn in 0..<500 {
            let mask = 5_000 + turn % 100
            met.formUnion(try announce(mask, at: 1, port: UInt16(mask), from: 60_000).neighbors.map(\.peer))
        }
        let masks = Set((5_000..<5_100).map(peer))
        // Eight answers of 30, those whose place a newcomer has taken meanwhile, and the injectors.
        #expect(met.subtracting(masks).count <= 8 * (30 + 8) + 8)
        #expect(met.count > 150, "who asks again hears of others too")
        let other = Set(try announce(2_000, at: 1).neighbors.map(\.peer))
        #expect(!other.isSubset(of: met))
        for turn in 0..<2_000 {
            let mask = 5_000 + turn % 100
            let lacking = StripeSet(bits: UInt8(turn % 256))
            met.formUnion(
                try announce(mask, at: 1, port: UInt16(mask), from: 60_000, lacking: lacking).neighbors.map(\.peer))
        }
        // Those too who were looked at for an answer and had not been welcome enough.
        #expect(met.subtracting(masks).count <= 8 * (45 + 8) + 8, "nor whatever it says that it lacks")
    }

    @Test mutating func `nor by asking who has which segment`() throws {
        func met(by asker: UInt32) -> Set<PeerID> {
            Set(
                (0..<50 as Range<UInt64>).flatMap { segment in
                    tracker.holders(of: Root(Word256(segment, 0, 0, 0)), for: IPAddress(v4: asker), at: at(1))
                        .map(\.peer)
                })
        }
        for number in 1...200 { try announce(number, at: 0, roots: [Root(Word256(UInt64(number % 50), 0, 0, 0))]) }
        #expect(met(by: 9).count == 200, "a small swarm is no secret")
        for number in 201...3_000 { try announce(number, at: 0, roots: [Root(Word256(UInt64(number % 50), 0, 0, 0))]) }
        // 256 on average.
        #expect((150...350).contains(met(by: 9).count) && (150...350).contains(met(by: 10).count))
        #expect(met(by: 9).intersection(met(by: 10)).count < 80, "others are told of others")
    }

    @Test mutating func `introduces for a stripe that is lacking several who push it on, and others too`() throws {
        var duties: [PeerID: Stripe] = [:]
        // Each in a network of its own.
        for number in 1...200 { duties[peer(number * 256)] = try announce(number * 256, at: 0).duty }
        for stripe in Stripe.all {
            for number in 21...40 {
                let neighbors = try announce(number * 256, at: 1, lacking: StripeSet([stripe])).neighbors
                #expect(neighbors.count == 30)
                // The first may be an injector.
                #expect(neighbors.prefix(5).count { duties[$0.peer] == stripe } >= 3)
                #expect(Set(neighbors.compactMap { duties[$0.peer] }).count == Stripe.count)
            }
        }
    }

    @Test mutating func `introduces evenly and enough where most who pushed on a stripe have gone`() throws {
        var duties: [Int: Stripe] = [:]
        for number in 1...800 { duties[number] = try announce(number * 64, at: 0).duty }
        let gone = duties.keys.sorted().filter { (duties[$0]?.number ?? 0) < 4 && $0 % 5 > 0 }
        for number in gone { try announce(number * 64, at: 1, event: .left) }
        let rest = Set(duties.keys).subtracting(gone)
        var seen: [PeerID: Int] = [:]
        for _ in 0..<4 {
            for number in rest.sorted() {
                let neighbors = try announce(number * 64, at: 2).neighbors
                #expect(neighbors.count == 30 && Set(neighbors.map(\.peer)).count == 30)
                for neighbor in neighbors { seen[neighbor.peer, default: 0] += 1 }
            }
        }
        #expect(Set(seen.keys) == Set(rest.map { peer($0 * 64) }))
    }

    @Test mutating func `counts a few viewers for one address, however many peers it names`() throws {
        func viewers() -> Int { tracker.viewers(of: BroadcastID(Word256(0, 0, 0, 1))) }
        for number in 1...100 { try announce(number, at: 0, port: UInt16(number), from: 1) }
        #expect(viewers() == 8)
        #expect(try announce(101, at: 0, from: 2).viewers == 9)
        for number in 1...95 { try announce(number, at: 0, event: .left, port: UInt16(number), from: 1) }
        #expect(viewers() == 6)
        #expect(tracker.audiences.map(\.viewers) == [6])
        #expect(tracker.peerCount == 6)
        for number in 200...300 {
            let announcement = Announcement(
                broadcast: BroadcastID(Word256(0, 0, 0, 1)), peer: peer(number), port: 1, freeUpload: 1)
            let source = Endpoint(ip: IPAddress(high: 0x2001_0db8, low: UInt64(number)), port: 1)
            _ = try tracker.announce(announcement, from: source, at: at(0))
        }
        #expect(viewers() == 14, "an IPv6 host has a /64")
    }

    @Test mutating func `introduces peers of different networks before many of one`() throws {
        for number in 1...80 { try announce(number, at: 0) }
        let far = (1...5).map { 1_000 + $0 * 256 }
        for number in far { try announce(number, at: 0) }
        for _ in 0..<20 {
            let met = Set(try announce(1, at: 1).neighbors.map(\.peer))
            #expect(met.isSuperset(of: far.map { peer($0) }))
            #expect(met.count == 30)
        }
    }

    @Test mutating func `introduces first who plays what the asker plays`() throws {
        // Each in a network of its own.
        for number in 1...80 { try announce(number * 256, at: 0, newest: number % 2 == 0 ? 1_000 : 5_000) }
        let near = Set((1...40).map { peer($0 * 512) })
        let met = try announce(1, at: 1, newest: 1_010).neighbors.map(\.peer)
        #expect(met.count == 30)
        #expect(met.filter { !near.contains($0) }.count <= 1, "an injector at most")
    }

    @Test mutating func `has peers dialled where they announce from, and then tells of who answers first`() throws {
        var settings = Tracker.Settings()
        settings.checksReachability = true
        tracker = Tracker(settings: settings, seed: 1)
        for number in 1...80 { try announce(number * 256, at: 0) }
        try announce(1, at: 0, port: 0)
        let checks = tracker.takeChecks()
        #expect(Set(checks.map(\.endpoint.ip)).count == 80)
        #expect(checks.allSatisfy { $0.endpoint.port == 1_000 && $0.endpoint.ip != IPAddress(v4: 0x0a00_0001) })
        for number in 1...80 { try announce(number * 256, at: 5) }
        #expect(tracker.takeChecks().isEmpty, "not again so soon")
        let dead = Set(checks.prefix(40).map(\.endpoint))
        for check in checks { tracker.note(check, isReachable: !dead.contains(check.endpoint)) }
        #expect(try announce(1, at: 6, port: 0).neighbors.count { dead.contains($0.endpoint) } == 0)
        for check in checks { tracker.note(check, isReachable: false) }
        #expect(try announce(1, at: 6, port: 0).neighbors.count == 30, "better than nobody")
        // Another port is another door.
        try announce(256, at: 10, port: 2_000)
        #expect(tracker.takeChecks().map(\.endpoint.port) == [2_000])
        tracker.note(checks[0], isReachable: true)
    }

    /// A peer that answers no dial, and takes calls unless said otherwise.
    private mutating func hide(_ number: Int, at seconds: Double, takesCalls: Bool = true) throws {
        try announceWithBell(number, at: seconds, takesCalls: takesCalls)
        let endpoint = Endpoint(ip: try source(number).ip, port: 1_000)
        for check in tracker.takeChecks() where check.endpoint == endpoint {
            tracker.note(check, isReachable: false)
        }
        _ = tracker.takeCalls()
    }

    @discardableResult
    private mutating func announceWithBell(
        _ number: Int, at seconds: Double, port: UInt16 = 1_000, takesCalls: Bool = true, from address: Int? = nil
    ) throws -> Welcome {
        var welcome = Welcome()
        let source = try source(address ?? number)
        try tracker.announce(
            Announcement(
                broadcast: BroadcastID(Word256(0, 0, 0, 1)), peer: peer(number), port: port, freeUpload: 1),
            from: source,
            bell: takesCalls ? Tracker.Bell(endpoint: source, transaction: UInt32(number), door: 7) : nil,
            at: at(seconds), into: &welcome)
        return welcome
    }

    private mutating func checking(_ change: (inout Tracker.Settings) -> Void = { _ in }) {
        var settings = Tracker.Settings()
        settings.checksReachability = true
        change(&settings)
        tracker = Tracker(settings: settings, seed: 1)
    }

    @Test mutating func `calls a peer that cannot be dialled to meet an asker who is told of it`() throws {
        checking()
        try hide(1, at: 0)
        #expect(try announceWithBell(1, at: 1).isUnreachable)
        #expect(tracker.takeCalls().isEmpty, "nobody is here whom it could meet")
        let welcome = try announceWithBell(2, at: 2)
        #expect(welcome.neighbors.map(\.peer) == [peer(1)] && !welcome.isUnreachable)
        let call = try #require(tracker.takeCalls().first)
        #expect(call.bell == Tracker.Bell(endpoint: try source(1), transaction: 1, door: 7))
        #expect(call.caller == Introduction(peer: peer(2), endpoint: Endpoint(ip: try source(2).ip, port: 1_000)))
        #expect(tracker.takeCalls().isEmpty, "it is called once")
        for check in tracker.takeChecks() { tracker.note(check, isReachable: true) }
        #expect(try announceWithBell(1, at: 3).neighbors.map(\.peer) == [peer(2)])
        #expect(tracker.takeCalls().isEmpty, "who can be dialled is not called")
    }

    @Test mutating func `calls nobody who cannot be told, has gone, or shares the asker's address`() throws {
        checking()
        try hide(1, at: 0, takesCalls: false)
        try hide(2, at: 0)
        try announce(2, at: 1, event: .left)
        try announceWithBell(3, at: 1)
        #expect(tracker.takeCalls().isEmpty)
        try hide(4, at: 2)
        try announceWithBell(5, at: 3, port: 2_000, from: 4)
        #expect(tracker.takeCalls().isEmpty)
        try announceWithBell(6, at: 3, port: 0)
        #expect(tracker.takeCalls().isEmpty, "who takes no links can be called by nobody")
        tracker.expire(at: at(100))
        try announceWithBell(7, at: 101)
        #expect(tracker.takeCalls().isEmpty)
    }

    @Test
    mutating func `takes a peer that could not be dialled for unreachable at a new port too, until it has looked`()
        throws
    {
        checking()
        try hide(1, at: 0)
        #expect(try announceWithBell(1, at: 1, port: 2_000).isUnreachable)
        _ = try announceWithBell(2, at: 2)
        #expect(tracker.takeCalls().map(\.bell.endpoint) == [try source(1)])
        for check in tracker.takeChecks() { tracker.note(check, isReachable: true) }
        #expect(try !announceWithBell(1, at: 3, port: 2_000).isUnreachable)
    }

    @Test mutating func `bounds how many are called for one address, and how often one is called`() throws {
        checking()
        for number in 1...40 { try hide(number, at: 0) }
        var calls: [Tracker.Call] = []
        for turn in 0..<50 {
            // One address under many names.
            try announceWithBell(1_000 + turn, at: 1, port: UInt16(2_000 + turn), from: 9_999)
            let now = tracker.takeCalls()
            #expect(now.count <= 4)
            calls += now
        }
        #expect(calls.count == 10, "the burst that an address has")
        #expect(Set(calls.map(\.caller.endpoint.ip)) == [try source(9_999).ip])
        // Many addresses after one peer.
        checking()
        try hide(1, at: 0)
        calls = []
        for asker in 1...100 {
            try announceWithBell(asker * 256, at: 1)
            calls += tracker.takeCalls()
        }
        #expect(calls.count == 10)
    }

    @Test mutating func `says nothing of reachability and calls nobody when it is told not to`() throws {
        checking { $0.callsPerSecond = 0 }
        try hide(1, at: 0)
        #expect(try !announceWithBell(1, at: 1).isUnreachable)
        #expect(try announceWithBell(2, at: 2).neighbors.count == 1)
        #expect(tracker.takeCalls().isEmpty)
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

    @Test mutating func `gives no seat more to a crowd that has just come to an old swarm`() throws {
        for seconds in [0.0, 8] { for number in 1...3 { try announce(number, at: seconds) } }
        for number in 4...20 { #expect(try announce(number, at: 15).lease == nil) }
        for number in 1...3 { #expect(try announce(number, at: 16).lease?.count == 3) }
        for number in 1...3 { try announce(number, at: 25) }
        for number in 4...20 { try announce(number, at: 26) }
        #expect(try announce(1, at: 27).lease?.count == 8)
    }

    @Test mutating func `makes an injector of who asks first, unless somebody has much more to give`() throws {
        for number in 1...8 { try announce(number, at: 0) }
        for number in 9...11 { try announce(number, at: 1, upload: number == 9 ? 1_000_000 : 1) }
        try announce(1, at: 3, event: .left)
        #expect(try announce(10, at: 4).lease == nil)
        #expect(try announce(9, at: 4.1, upload: 1_000_000).lease != nil)
        try announce(2, at: 5, event: .left)
        #expect(try announce(11, at: 7.5).lease != nil)
    }

    @Test mutating func `makes an injector of a weak peer, too, when nobody stronger asks`() throws {
        var duties: [Int: Stripe] = [:]
        for number in 1...17 { duties[number] = try announce(number, at: 0, upload: number == 17 ? 100 : 1).duty }
        #expect(duties[9] == duties[1] && duties[17] == duties[1])
        try announce(1, at: 2, event: .left)
        #expect(try announce(9, at: 4.5).lease == nil)
        #expect(try announce(9, at: 9).lease != nil)
    }

    @Test mutating func `gives a weak injector's seat to who pushes its stripe on, if many are stronger`() throws {
        for number in 1...16 { try announce(number, at: 0, upload: number == 2 ? 1 : 100) }
        let lost = try #require(try announce(1, at: 7, upload: 10).lease)
        #expect(try announce(16, at: 8, upload: 100).lease == nil, "there is somebody with that stripe")
        #expect(try announce(9, at: 8, upload: 100).lease?.index == lost.index)
        #expect(try announce(1, at: 9, upload: 10).lease == nil)
        #expect(try announce(10, at: 9, upload: 100).lease == nil, "2 does not know yet what it has")
    }

    @Test mutating func `takes nobody's seat because a few say that they have much to give`() throws {
        for number in 1...16 { try announce(number, at: 0, upload: 100) }
        for number in 13...16 { #expect(try announce(number, at: 8, upload: .max).lease == nil) }
        for number in 1...8 { #expect(try announce(number, at: 9, upload: 100).lease != nil) }
    }

    @Test mutating func `gives a seat to another when most have said twice that its stripe does not come`() throws {
        var duties: [Int: Stripe] = [:]
        for number in 1...16 { duties[number] = try announce(number, at: 0).duty }
        let missing = StripeSet([Stripe.all[0]])
        #expect(duties[9] == duties[1] && duties[1] == Stripe.all[0])
        for number in 1...16 { try announce(number, at: 7, lacking: number == 1 ? StripeSet() : missing) }
        for number in 10...16 { try announce(number, at: 12, lacking: missing) }
        #expect(try announce(1, at: 12.1, lacking: StripeSet()).lease != nil, "there may be something wrong with those")
        for number in 2...8 { try announce(number, at: 12.2, lacking: missing) }
        #expect(try announce(1, at: 12.3, lacking: StripeSet()).lease != nil, "who pushes it on has not said so")
        #expect(try announce(9, at: 12.4, lacking: missing).lease?.index == 0)
        #expect(try announce(1, at: 13, lacking: StripeSet()).lease == nil)

        for number in 3...8 { try announce(number, at: 20, lacking: StripeSet()) }
        try announce(2, at: 20, event: .left)
        #expect(try announce(1, at: 29, lacking: StripeSet()).lease == nil, "it gets no other for a minute")
        #expect(try announce(10, at: 29.1, lacking: StripeSet()).lease?.index == 1)
    }

    @Test mutating func `takes nobody's seat because some say that its stripe does not come`() throws {
        for number in 1...16 { try announce(number, at: 0) }
        let missing = StripeSet([Stripe.all[0]])
        for time in [7.0, 12, 17] {
            for number in 1...16 { try announce(number, at: time, lacking: number > 8 ? missing : StripeSet()) }
            for mask in 100..<150 { try announce(mask, at: time, from: 500, lacking: missing) }
        }
        for number in 1...8 { #expect(try announce(number, at: 18, lacking: StripeSet()).lease != nil) }
    }

    @Test mutating func `takes nobody's seat because a crowd of newcomers or the whole swarm lacks stripes`() throws {
        for number in 1...16 { try announce(number, at: 0) }
        for time in [9.0, 18, 27] { for number in 1...16 { try announce(number, at: time) } }
        for number in 1...8 { #expect(try announce(number, at: 28, lacking: StripeSet()).lease != nil) }
        let missing = StripeSet([Stripe.all[0]])
        for time in [30.0, 36, 42, 48] {
            for number in 1...8 { try announce(number, at: time, lacking: StripeSet()) }
            for number in 100..<200 { try announce(number, at: time, lacking: missing) }
        }
        for number in 1...8 { #expect(try announce(number, at: 49, lacking: StripeSet()).lease != nil) }
    }

    @Test mutating func `keeps a vacant seat for those who push its stripe on, for a moment`() throws {
        var duties: [Int: Stripe] = [:]
        for number in 1...24 { duties[number] = try announce(number, at: 0).duty }
        let own = try #require((9...24).first { duties[$0] == duties[1] })
        let other = try #require((9...24).first { duties[$0] != duties[1] })
        try announce(1, at: 1, event: .left)
        #expect(try announce(other, at: 1.5).lease == nil)
        #expect(try announce(own, at: 1.6).lease?.index == duties[1]?.number)
        try announce(own, at: 2, event: .left)
        #expect(try announce(other, at: 5).lease?.index == duties[1]?.number)
    }

    @Test mutating func `introduces a stripe's new root to all who push the stripe on and lack it`() throws {
        var duties: [Int: Stripe] = [:]
        for number in 1...800 { duties[number] = try announce(number, at: 0).duty }
        let own = (9...800).filter { duties[$0] == duties[1] }
        try announce(1, at: 1, event: .left)
        let heir = try #require(own.first)
        #expect(try announce(heir, at: 2).lease != nil)
        for number in own.dropFirst() {
            #expect(try announce(number, at: 3).neighbors.contains { $0.peer == peer(heir) })
        }
        let later = try own.dropFirst().count { number in
            try announce(number, at: 20).neighbors.contains { $0.peer == peer(heir) }
        }
        #expect(later < own.count / 2, "there is no room for all in the long run")
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

    @Test mutating func `names injectors to each other first, wherever they are`() throws {
        for number in 1...300 { try announce(number, at: 0) }
        for number in 1...8 {
            let first = try announce(number, at: 1).neighbors.prefix(7).map(\.peer)
            #expect(Set(first) == Set((1...8).filter { $0 != number }.map(peer)))
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
        #expect(tracker.holders(of: root, for: IPAddress(v4: 1), at: .zero).map(\.peer) == [peer(2), peer(1)])
        try announce(1, at: 1, event: .left)
        #expect(tracker.holders(of: root, for: IPAddress(v4: 1), at: .zero).map(\.peer) == [peer(2)])
        tracker.expire(at: at(100))
        #expect(tracker.holders(of: root, for: IPAddress(v4: 1), at: .zero).isEmpty)
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
        #expect(tracker.holders(of: Root(Word256(10, 0, 0, 0)), for: IPAddress(v4: 1), at: .zero).count == 1)
        try announce(3, at: 0)
        #expect(throws: Tracker.Refusal.tooManyPeers) { try announce(4, at: 0) }
    }

    @Test mutating func `calls newcomers of a small swarm back soon and others with jitter`() throws {
        #expect(try announce(1, at: 0).interval == 2)
        for second in 1...10 { try announce(1, at: Double(second), upload: 0) }
        let intervals = try (11...60).map { try announce(1, at: Double($0), upload: 0).interval }
        #expect(try announce(1, at: 61).interval == 2, "an injector is heard often")
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
