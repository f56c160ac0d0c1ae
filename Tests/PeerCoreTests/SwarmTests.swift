import PeerCore
import Testing
import Vocabulary

@Suite struct `A swarm` {
    @Test func `asks for the head first, then for the records from where a player starts`() {
        var rig = Rig()
        #expect(rig.welcome(among: 1).contains(.fetchHead(after: nil)))
        let commands = rig.feed(.headArrived(oldest: 3, newest: 9, targetDuration: 2, isClosed: false))
        #expect(commands.contains(.fetchRecords(rendition: 0, 7...9)))
    }

    @Test func `asks for the head without the word of a tracker that does not answer`() {
        var silent = Rig()
        #expect(!silent.pass(.milliseconds(200)).contains(.fetchHead(after: nil)))
        #expect(silent.pass(.milliseconds(400)).contains(.fetchHead(after: nil)))
        var gone = Rig()
        #expect(gone.feed(.announceFailed).contains(.fetchHead(after: nil)))
        var none = Rig { $0.hasTracker = false }
        #expect(none.feed(.timePassed).contains(.fetchHead(after: nil)))
    }

    @Test func `asks the origin for a record that is missing between known ones`() {
        var rig = Rig()
        rig.publish(7...7)
        let link = rig.link(1)
        rig.feed(.recordVerified(Rig.record(10), digest: Rig.digest(10), from: .neighbor(link)))
        let asked = rig.pass(.seconds(1)).compactMap {
            if case .fetchRecords(_, let range) = $0 { range } else { nil }
        }
        #expect(asked.contains { $0.contains(8) && $0.contains(9) })
    }

    @Test func `does not ask for ever for a record that the origin does not have`() {
        var rig = Rig()
        rig.publish(7...7)
        let link = rig.link(1)
        rig.feed(.recordVerified(Rig.record(10), digest: Rig.digest(10), from: .neighbor(link)))
        var asked = 0
        for _ in 0..<150 {
            let requests = rig.pass(.milliseconds(200)).count { if case .fetchRecords = $0 { true } else { false } }
            guard requests > 0 else { continue }
            asked += requests
            rig.feed(.recordsDone)
        }
        #expect((1...20).contains(asked), "half a minute, and pauses that grow to four seconds")
    }

    @Test func `leaves to others what it asked for while it knew of nobody`() {
        var rig = Rig()
        rig.feed(.announceFailed)
        _ = rig.pass(.seconds(1))
        let alone = (rig.publish(0...1) + rig.pass(.seconds(1))).fetches
        #expect(alone.contains { $0.reason == .alone })
        rig.welcome(among: 9)
        rig.feed(.linked(LinkID(1), PeerID(Word256(0, 0, 1, 1)), endpoint: nil))
        let commands = rig.feed(.greeted(LinkID(1), uploads: true, endpoint: nil))
        #expect(commands.contains { if case .abandonFetch = $0 { true } else { false } })
        let promised = commands.flatMap { command -> [Int] in
            if case .sendFetching(_, _, let indices) = command { indices } else { [] }
        }
        #expect(promised.count < alone.count, "it does not say that it is getting what it has given up")
        #expect(rig.pass(.seconds(9)).fetches.contains { $0.reason != .alone }, "what nobody brings it asks for again")
    }

    @Test(arguments: [(1, 0.1, true), (8, 0.1, false), (1, 15, true)])
    func `asks the tracker for its part once more viewers have come than share with it`(
        holders: Int, silence: Double, asks: Bool
    ) {
        var rig = Rig()
        _ = rig.pass(.seconds(silence))
        rig.lease(0, of: holders)
        #expect(!rig.pass(.seconds(1)).contains { if case .announce = $0 { true } else { false } })
        rig.link(1)
        let commands = rig.pass(.milliseconds(700))
        #expect(commands.contains { if case .announce = $0 { true } else { false } } == asks)
    }

    @Test(arguments: [(1.0, false), (4.0, true)])
    func `leaves to those who share it now what an origin that is overrun has not given it for all`(
        wait: Double, leaves: Bool
    ) {
        var rig = Rig()
        rig.feed(
            .welcomed(Welcome(interval: 30, viewers: 1, newest: 0, lease: nil, duty: Stripe.all[0], neighbors: [])))
        rig.publish(7...7)
        rig.link(1)
        _ = rig.pass(.seconds(wait))
        let commands = rig.welcome(among: 9)
        #expect(commands.contains { if case .abandonFetch = $0 { true } else { false } } == leaves)
    }

    @Test func `asks for little at a time until the tracker has said that nobody else watches`() {
        var rig = Rig()
        rig.feed(.announceFailed)
        _ = rig.pass(.seconds(1))
        func requests(_ commands: [Swarm.Command]) -> Int {
            commands.count { if case .fetchPieces = $0 { true } else { false } }
        }
        #expect(requests(rig.publish(0...7)) == 2)
        let welcome = Welcome(interval: 30, viewers: 1, newest: 0, lease: nil, duty: Stripe.all[0], neighbors: [])
        #expect(requests(rig.feed(.welcomed(welcome))) > 0)
    }

    @Test func `asks a tracker that was away every few seconds while it has nobody, and seldom with neighbors`() {
        func announces(neighbors: Int) -> Int {
            var rig = Rig()
            for number in 0..<neighbors { rig.link(number + 1) }
            var count = 0
            for _ in 0..<600 {
                for case .announce in rig.pass(.milliseconds(100)) {
                    count += 1
                    rig.feed(.announceFailed)
                }
                for number in 0..<neighbors { rig.feed(.heard(LinkID(number + 1))) }
            }
            return count
        }
        #expect(announces(neighbors: 0) > 18 && announces(neighbors: 3) < 18)
    }

    @Test func `stops giving when all that it sends takes long, however late it arrives`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let links = (1...3).map { rig.link($0) }
        var underWay = links.flatMap { rig.feed(.wanted($0, Rig.id(7), Array(0..<10))) }
        var commands: [Swarm.Command] = []
        for _ in 0..<3 {
            commands += rig.pass(.seconds(15))
            for link in links { rig.feed(.heard(link)) }
            let arrived = underWay
            underWay = []
            for case .sendPiece(let link, let piece) in arrived { underWay += rig.feed(.pieceSent(link, piece)) }
            commands += underWay
        }
        #expect(links.allSatisfy { commands.contains(.choke($0)) })
    }

    @Test func `takes everything from the origin when it is alone`() {
        var rig = Rig()
        rig.feed(
            .welcomed(Welcome(interval: 30, viewers: 1, newest: 0, lease: nil, duty: Stripe.all[0], neighbors: [])))
        let commands = rig.publish(7...7) + rig.pass(.milliseconds(100))
        #expect(Set(commands.fetches.map(\.piece.index)) == Set(0..<10))
        #expect(commands.fetches.allSatisfy { $0.reason == .alone })
    }

    @Test func `asks neighbors and not the origin while there is time`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        rig.publish(8...8)
        let commands = rig.feed(.holds(link, Rig.id(8), .full(count: 10))) + rig.pass(.milliseconds(300))
        #expect(!commands.wants(from: link).isEmpty)
        #expect(commands.fetches.isEmpty)
    }

    @Test func `asks each piece of one neighbor only`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let a = rig.link(1)
        let b = rig.link(2)
        rig.publish(8...8)
        let commands =
            rig.feed(.holds(a, Rig.id(8), .full(count: 10)), .holds(b, Rig.id(8), .full(count: 10)))
            + rig.pass(.milliseconds(100))
        let pieces = commands.wants(from: a) + commands.wants(from: b)
        #expect(Set(pieces).count == pieces.count)
    }

    @Test func `falls back to the origin when a silent neighbor lets the time run out`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        rig.publish(8...8)
        rig.feed(.holds(link, Rig.id(8), .full(count: 10)))
        let commands = rig.passWithOrigin(.seconds(5))
        #expect(Set(commands.fetches.map(\.piece.index)) == Set(0..<10))
    }

    @Test func `takes only its share by its lease, and the others' shares one after the other when nobody does`() {
        var shares: [Set<Int>] = []
        for index in 0..<3 {
            var rig = Rig()
            rig.publish(7...7)
            rig.hold(7)
            rig.link(1)
            let lease = Lease(index: index, count: 3, epoch: 1)
            rig.feed(
                .welcomed(
                    Welcome(interval: 30, viewers: 9, newest: 0, lease: lease, duty: Stripe.all[0], neighbors: [])))
            shares.append(Set(rig.publish(8...8).fetches.map(\.piece.index)))
        }
        #expect(shares[0].union(shares[1]).union(shares[2]) == Set(0..<10))
        #expect(shares[0].count + shares[1].count + shares[2].count == 10)
    }

    @Test(arguments: [1, 2]) func `takes for the others what a single neighbor has had for seconds`(holders: Int) {
        var rig = Rig()
        rig.publish(5...7)
        let links = (1...12).map { rig.link($0) }
        for sequence in UInt64(5)...7 { rig.hold(sequence, from: .neighbor(links[11])) }
        // What a parent is to push is not pulled yet, with so many neighbors of whom two have it.
        rig.feed(
            .offered(
                links[11], Stripe.all.map { Offer(stripe: $0, depth: 1, children: 0, slots: 9, isRelay: false) }))
        rig.lease(1, of: 8)
        rig.publish(8...8)
        let root = Stripe.all[0].pieces(among: 10)
        for link in links.prefix(holders) { rig.feed(.holds(link, Rig.id(8), PieceSet(count: 10, root))) }
        let taken = rig.passWithOrigin(.milliseconds(3_500)).fetches.map(\.piece.index)
        #expect(taken.contains { root.contains($0) } == (holders == 1))
    }

    @Test func `leaves to the swarm the time that it usually takes, as an injector, too`() {
        func waits(asInjector: Bool) -> Interval {
            var rig = Rig()
            rig.publish(7...7)
            let link = rig.link(1)
            rig.hold(7, from: .neighbor(link))
            if asInjector { rig.lease(0, of: 8) } else { rig.feed(.welcomed(Welcome(interval: 30, viewers: 9))) }
            for sequence in UInt64(8)...11 {
                let published = rig.publish(sequence...sequence)
                rig.feed(.fetching(link, Rig.id(sequence), Array(1..<10)))
                for command in published { rig.answer(command) }
                _ = rig.passWithOrigin(.milliseconds(1_200))
                rig.hold(sequence, from: .neighbor(link))
                _ = rig.pass(.milliseconds(800))
            }
            for command in rig.publish(12...12) { rig.answer(command) }
            let published = rig.now
            while rig.now - published < .seconds(2) {
                if !rig.pass(.milliseconds(50)).fetches.filter({ $0.reason != .lease && $0.reason != .backup }).isEmpty
                {
                    break
                }
            }
            return rig.now - published
        }
        #expect(waits(asInjector: false) > .seconds(1))
        #expect(waits(asInjector: true) > .seconds(1))
    }

    @Test func `as a backup asks the origin for no more at a time than that answers readily`() {
        var rig = Rig()
        rig.publish(5...7)
        for sequence in UInt64(5)...7 { rig.hold(sequence) }
        rig.link(1)
        rig.lease(1, of: 8)
        rig.publish(8...8)
        let first = rig.pass(.seconds(3))
        #expect(first.fetches.filter { $0.reason == .backup }.count == 1)
        let later = first.flatMap { rig.answer($0) } + rig.passWithOrigin(.seconds(1))
        #expect(later.fetches.count > 3)
    }

    @Test(arguments: [1, 9]) func `asks for little at the same time when it finds none of the others`(
        viewers: Int
    ) {
        var rig = Rig()
        rig.feed(.welcomed(Welcome(interval: 30, viewers: viewers)))
        let commands = rig.publish(4...8) + rig.pass(.seconds(6))
        let fetches = commands.count { if case .fetchPieces(_, _, _, .alone) = $0 { true } else { false } }
        #expect(viewers == 1 ? fetches > 2 : (1...2).contains(fetches))
    }

    @Test(arguments: [(true, false), (true, true), (false, false)])
    func `leaves to a neighbor what that neighbor is fetching, if it gives anything, be it not on demand now`(
        gives: Bool, chokes: Bool
    ) {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1, uploads: gives)
        if chokes { rig.feed(.choked(link)) }
        let lease = Lease(index: 0, count: 1, epoch: 1)
        rig.feed(
            .recordVerified(Rig.record(8), digest: Rig.digest(8), from: .neighbor(link)),
            .fetching(link, Rig.id(8), Array(0..<10)), .leavesVerified(Rig.id(8), from: .neighbor(link)))
        let commands = rig.feed(
            .welcomed(Welcome(interval: 30, viewers: 2, newest: 0, lease: lease, duty: Stripe.all[0], neighbors: [])))
        #expect((commands.fetches + rig.pass(.seconds(2)).fetches).isEmpty == gives)
    }

    @Test func `leaves what there was before its lease to neighbors who have it, even while they choke it`() {
        var rig = Rig()
        // A newcomer gets its lease before it knows what there is.
        rig.lease(0, of: 1)
        let link = rig.link(1)
        var commands = rig.publish(7...9)
        for sequence in UInt64(7)...9 { commands += rig.feed(.holds(link, Rig.id(sequence), .full(count: 10))) }
        commands += rig.feed(.choked(link)) + rig.passWithOrigin(.seconds(2))
        #expect(!commands.fetches.contains { $0.reason == .lease })
        #expect(Set(rig.publish(10...10).fetches.filter { $0.reason == .lease }.map(\.piece.index)) == Set(0..<10))
    }

    @Test func `asks the origin for little as long as it waits for its first link, and for everything if none comes`() {
        var rig = Rig()
        rig.feed(
            .welcomed(Welcome(interval: 30, viewers: 9, newest: 9, lease: nil, duty: Stripe.all[0], neighbors: [])))
        let first = rig.publish(7...9).fetches + rig.pass(.seconds(4)).fetches
        #expect((1...2).contains(first.count), "its front is not left to chance")
        #expect(first.allSatisfy { $0.reason == .startup })
        let rest = rig.passWithOrigin(.seconds(2)).fetches.filter { $0.reason == .alone }
        #expect(rest.count > 20)
    }

    @Test func `ends the link at the first bad piece and does not take that peer back`() {
        var rig = Rig()
        let link = rig.link(1)
        #expect(rig.feed(.misbehaved(link, .badPiece)).contains(.close(link, .badPiece)))
        let again = LinkID(2)
        let commands = rig.feed(.linked(again, PeerID(Word256(0, 0, 1, 1)), endpoint: nil))
        #expect(commands == [.close(again, .badPiece)])
        #expect(rig.swarm.tally.piecesRefused == 1)
    }

    @Test func `stops sharing and stays on the origin when the origin signs two records for one number`() {
        var rig = Rig()
        rig.publish(7...7)
        let link = rig.link(1)
        let commands = rig.feed(
            .recordVerified(Rig.record(7), digest: Word256(6, 6, 6, 6), from: .neighbor(link)))
        #expect(commands.contains(.stopSharing))
        #expect(commands.contains(.close(link, .badRecord)))
        let next = LinkID(9)
        #expect(rig.feed(.linked(next, PeerID(Word256(0, 0, 5, 5)), endpoint: nil)) == [.close(next, .badPiece)])
        let later = rig.publish(8...8) + rig.pass(.seconds(1))
        #expect(Set(later.fetches.map(\.piece.index)).isSuperset(of: 0..<10))
    }

    @Test func `passes a record on at once to those that have not shown it`() {
        var rig = Rig()
        rig.publish(7...7)
        let a = rig.link(1)
        let b = rig.link(2)
        let commands = rig.feed(.recordVerified(Rig.record(8), digest: Rig.digest(8), from: .neighbor(a)))
        #expect(commands.contains(.sendRecord(b, Rig.id(8))))
        #expect(!commands.contains(.sendRecord(a, Rig.id(8))))
    }

    @Test func `sends leaf hashes down the tree whose turn it is, and to nobody else unasked`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        let child = rig.child(1, of: StripeSet(CollectionOfOne(Stripe.all[0])))
        let other = rig.child(2, of: StripeSet(CollectionOfOne(Stripe.all[1])))
        rig.feed(.recordVerified(Rig.record(8), digest: Rig.digest(8), from: .neighbor(other)))
        let commands = rig.feed(.leavesVerified(Rig.id(8), from: .neighbor(other)))
        #expect(commands.contains(.sendLeaves(child, Rig.id(8))))
        #expect(!commands.contains(.sendLeaves(other, Rig.id(8))))
        #expect(rig.feed(.leavesWanted(other, Rig.id(8))) == [.sendLeaves(other, Rig.id(8))])
    }

    @Test func `takes a segment's pieces as soon as its record is there, before the leaf hashes`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        rig.link(1)
        rig.lease(0, of: 1)
        let commands = rig.feed(.recordVerified(Rig.record(8), digest: Rig.digest(8), from: .origin))
        #expect(Set(commands.fetches.map(\.piece.index)) == Set(0..<10))
        #expect(commands.contains(.fetchRecords(rendition: 0, 8...8)))
    }

    // MARK: Stripes

    @Test func `follows for each stripe a neighbor that has it and has room`() {
        var rig = Rig()
        rig.publish(7...7)
        let full = rig.link(1)
        let free = rig.link(2)
        rig.feed(.offered(full, Stripe.all.map { Offer(stripe: $0, depth: 0, children: 9, slots: 9, isRelay: true) }))
        let commands = rig.feed(
            .offered(free, Stripe.all.map { Offer(stripe: $0, depth: 1, children: 0, slots: 9, isRelay: true) }))
        #expect(commands.contains(.subscribe(free, .all)))
        #expect(rig.swarm.feedPictures.allSatisfy { $0.depth == 2 })
    }

    @Test func `pushes a new piece to the children of its stripe before they ask, first to those that push it on`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        let stripe = Stripe.of(piece: 3, among: 10)
        let leaf = rig.child(1, of: StripeSet(CollectionOfOne(stripe)))
        let relay = rig.relay(2, of: [stripe])
        let other = rig.child(3, of: .all.subtracting(StripeSet(CollectionOfOne(stripe))))
        let commands = rig.feed(.pieceVerified(PieceID(Rig.id(7), 3), from: .origin))
        let sent = commands.filter { if case .sendPiece = $0 { true } else { false } }
        #expect(sent == [.sendPiece(relay, PieceID(Rig.id(7), 3)), .sendPiece(leaf, PieceID(Rig.id(7), 3))])
        #expect(!commands.contains(.sendPiece(other, PieceID(Rig.id(7), 3))))
    }

    @Test func `lets children go when its uplink turns out to carry less than was thought`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        rig.hold(7)
        for number in 1...8 { rig.child(number, of: StripeSet(CollectionOfOne(Stripe.all[number - 1]))) }
        var refused = 0
        var sequence: UInt64 = 8
        var underWay: [(LinkID, PieceID, Instant)] = []
        // Each piece takes 800 ms of the uplink: about a quarter of the stream's rate.
        var free = rig.now
        for step in 0..<400 {
            var commands = rig.pass(.milliseconds(50))
            if step % 40 == 0 {
                commands += rig.publish(sequence...sequence)
                for index in 0..<10 {
                    commands += rig.feed(.pieceVerified(PieceID(Rig.id(sequence), index), from: .origin))
                }
                sequence += 1
            }
            while let place = underWay.firstIndex(where: { $0.2 <= rig.now }) {
                let (link, piece, _) = underWay.remove(at: place)
                commands += rig.feed(.pieceSent(link, piece), .heard(link))
            }
            for command in commands {
                if case .sendPiece(let link, let piece) = command {
                    free = max(free, rig.now) + .milliseconds(800)
                    underWay.append((link, piece, free))
                } else if case .refuse(_, let stripes) = command {
                    refused += stripes.count
                }
            }
        }
        #expect(refused > 0)
    }

    @Test func `does not push what the child is fetching from the origin`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        let child = rig.child(1, of: .all)
        rig.feed(.fetching(child, Rig.id(7), [3]))
        let commands = rig.feed(.pieceVerified(PieceID(Rig.id(7), 3), from: .origin))
        #expect(!commands.contains(.sendPiece(child, PieceID(Rig.id(7), 3))))
    }

    @Test func `does not push what the child has shown to have`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        let child = rig.child(1, of: .all)
        rig.feed(.holds(child, Rig.id(7), PieceSet(count: 10, [3])))
        #expect(
            !rig.feed(.pieceVerified(PieceID(Rig.id(7), 3), from: .origin)).contains(
                .sendPiece(child, PieceID(Rig.id(7), 3))))
    }

    @Test func `refuses more children than its uplink carries, and lets one go for a child that pushes on`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        var refused: [LinkID] = []
        for number in 1...20 {
            let link = rig.link(number)
            let commands = rig.feed(.subscribed(link, StripeSet(CollectionOfOne(Stripe.all[number % 8]))))
            if commands.contains(where: { if case .refuse(link, _) = $0 { true } else { false } }) {
                refused.append(link)
            }
        }
        #expect((5...7).contains(20 - refused.count))
        let relay = rig.link(30)
        rig.feed(.offered(relay, [Offer(stripe: Stripe.all[5], depth: 255, children: 0, slots: 9, isRelay: true)]))
        let commands = rig.feed(.subscribed(relay, StripeSet(CollectionOfOne(Stripe.all[5]))))
        let losers = commands.compactMap { if case .refuse(let link, _) = $0 { link } else { nil } }
        #expect(losers.count == 1)
        #expect(losers != [relay])
    }

    @Test func `makes room at the root for a child of its stripe, which nobody else could push`() {
        var rig = Rig()
        rig.lease(0, of: 8)
        rig.publish(7...7)
        let parent = rig.link(1)
        rig.feed(.offered(parent, Stripe.all.map { Offer(stripe: $0, depth: 1, children: 0, slots: 9, isRelay: true) }))
        let others = rig.child(2, of: .all.subtracting(StripeSet([Stripe.all[0], Stripe.all[7]])))
        let child = rig.link(3)
        let commands = rig.feed(.subscribed(child, StripeSet([Stripe.all[0], Stripe.all[7]])))
        #expect(commands.contains(.refuse(child, StripeSet([Stripe.all[7]]))), "it is full")
        #expect(commands.contains { if case .refuse(others, let stripes) = $0 { stripes.count == 1 } else { false } })
    }

    @Test func `asks a full root for a stripe that it has from nobody for seconds`() {
        var rig = Rig()
        rig.publish(7...7)
        let root = rig.link(1)
        let offers = Stripe.all.map { Offer(stripe: $0, depth: 0, children: 9, slots: 9, isRelay: true) }
        let subscriptions = rig.feed(.offered(root, offers)) + rig.pass(.seconds(2))
        #expect(!subscriptions.contains(.subscribe(root, .all)))
        #expect(rig.pass(.seconds(2)).contains(.subscribe(root, .all)))
    }

    @Test(arguments: [1, 9])
    func `tells the tracker sooner what it could give when it sees a root that can give little`(slots: UInt8) {
        var rig = Rig()
        rig.publish(7...7)
        let (parent, root) = (rig.link(1), rig.link(2))
        rig.feed(
            .offered(parent, Stripe.all.map { Offer(stripe: $0, depth: 1, children: 0, slots: 64, isRelay: true) }),
            .offered(root, [Offer(stripe: Stripe.all[0], depth: 0, children: slots, slots: slots, isRelay: true)]))
        rig.welcome(among: 3)
        let announces = rig.pass(.seconds(8)).count { if case .announce = $0 { true } else { false } }
        #expect((announces > 0) == (slots == 1))
    }

    @Test(arguments: [true, false])
    func `tells the tracker that a stripe is missing until a parent has pushed a whole segment of it`(pushes: Bool) {
        var rig = Rig()
        let parent = rig.settle(on: 7)
        #expect(rig.swarm.feedPictures.allSatisfy { $0.parent != nil })
        _ = rig.pass(.seconds(1))
        rig.publish(8...8)
        rig.hold(8, from: pushes ? .neighbor(parent) : .origin)
        let words = rig.pass(.seconds(16)).compactMap { if case .announce(let words) = $0 { words } else { nil } }
        #expect(words.last?.lacking == (pushes ? StripeSet() : .all))
    }

    @Test(arguments: [(nil, true), (4.0, true), (0.5, false)])
    func `tells the tracker which stripe does not come, or only long after the others`(late: Double?, misses: Bool) {
        var rig = Rig()
        let parent = rig.settle(on: 7)
        _ = rig.pass(.seconds(1))
        rig.publish(8...8)
        for index in 0..<9 { rig.feed(.pieceVerified(PieceID(Rig.id(8), index), from: .neighbor(parent))) }
        if let late {
            _ = rig.pass(.seconds(late))
            rig.feed(.pieceVerified(PieceID(Rig.id(8), 9), from: .neighbor(parent)))
        }
        let words = rig.pass(.seconds(10)).compactMap { if case .announce(let words) = $0 { words } else { nil } }
        #expect(words.last?.lacking == StripeSet(misses ? [Stripe.all[7]] : []))
    }

    @Test func `does not stand in for a root that it has banned, so that all below notice`() {
        var rig = Rig()
        let duty = Stripe.all[0]
        rig.feed(.welcomed(Welcome(interval: 30, viewers: 9, duty: duty)))
        rig.publish(7...7)
        let root = rig.link(1)
        rig.feed(.offered(root, [Offer(stripe: duty, depth: 0, children: 0, slots: 9, isRelay: true)]))
        #expect(rig.swarm.feedPictures[0].depth == 1)
        rig.feed(.misbehaved(root, .badPiece))
        #expect(rig.swarm.feedPictures[0].parent == nil && rig.swarm.feedPictures[0].depth == Offer.unrooted)
    }

    @Test func `leaves a parent whose branch has been cut off, and never follows its own child`() {
        var rig = Rig()
        rig.publish(7...7)
        let stripe = Stripe.all[2]
        let offer = Offer(stripe: stripe, depth: 1, children: 0, slots: 9, isRelay: true)
        let parent = rig.link(1)
        rig.feed(.offered(parent, [offer]))
        #expect(rig.swarm.feedPictures[2].depth == 2)
        let child = rig.child(2, of: StripeSet(CollectionOfOne(stripe)))
        rig.feed(.offered(child, [Offer(stripe: stripe, depth: 3, children: 0, slots: 9, isRelay: true)]))
        rig.feed(.linkLost(parent))
        #expect(rig.pass(.seconds(3)).allSatisfy { if case .subscribe(child, _) = $0 { false } else { true } })
        #expect(rig.swarm.feedPictures[2].parent == nil)
    }

    @Test func `stands in for its stripe's root when that is lost, until the tracker names the next one`() throws {
        var rig = Rig()
        let duty = Stripe.all[0]
        rig.feed(.welcomed(Welcome(interval: 30, viewers: 9, duty: duty)))
        rig.publish(7...7)
        rig.hold(7)
        let offer = Offer(stripe: duty, depth: 0, children: 0, slots: 9, isRelay: true)
        let root = rig.link(1)
        rig.feed(.offered(root, [offer]))
        let below = rig.child(2, of: StripeSet(CollectionOfOne(duty)))
        rig.feed(.offered(below, [Offer(stripe: duty, depth: 2, children: 0, slots: 9, isRelay: true)]))
        _ = rig.pass(.seconds(2))
        rig.feed(.linkLost(root))
        #expect(rig.swarm.feedPictures[0].parent == nil && rig.swarm.feedPictures[0].depth == 1)
        let asked = rig.pass(.milliseconds(700)).contains { if case .announce = $0 { true } else { false } }
        #expect(asked, "the tracker knows who is next, or makes it of who asks")

        var commands = rig.publish(8...8) + rig.passWithOrigin(.seconds(1))
        let fetched = commands.fetches.filter { $0.reason == .backup }.map(\.piece.index)
        #expect(Set(fetched) == Set(duty.pieces(among: 10)))
        #expect(commands.contains { if case .sendPiece(below, _) = $0 { true } else { false } })

        let next = Introduction(
            peer: PeerID(Word256(0, 0, 1, 3)), endpoint: try #require(Endpoint(address: [9, 9, 9, 9], port: 9)))
        commands = rig.feed(.welcomed(Welcome(interval: 30, viewers: 9, duty: duty, neighbors: [next])))
        #expect(commands.contains(.dial(next.peer, next.endpoint)))
        let successor = rig.link(3)
        commands = rig.feed(.offered(successor, [offer]))
        #expect(commands.contains(.subscribe(successor, StripeSet(CollectionOfOne(duty)))))
        #expect(rig.publish(9...9).fetches.isEmpty)

        rig.feed(.refused(successor, StripeSet(CollectionOfOne(duty))))
        #expect(rig.swarm.feedPictures[0].depth == Offer.unrooted)
        commands = rig.publish(10...10) + rig.passWithOrigin(.seconds(1))
        #expect(commands.fetches.allSatisfy { $0.reason != .backup }, "it was refused, and stands in for nobody")
    }

    @Test func `lets its branch go when no other root is found in time`() {
        var rig = Rig()
        rig.feed(.welcomed(Welcome(interval: 30, viewers: 9, duty: Stripe.all[0])))
        rig.publish(7...7)
        let root = rig.link(1)
        rig.feed(.offered(root, [Offer(stripe: Stripe.all[0], depth: 0, children: 0, slots: 9, isRelay: true)]))
        rig.feed(.linkLost(root))
        _ = rig.pass(.seconds(14))
        #expect(rig.swarm.feedPictures[0].depth == 1)
        _ = rig.pass(.seconds(2))
        #expect(rig.swarm.feedPictures[0].depth == Offer.unrooted)
    }

    @Test func `leaves to the tree what nobody near has yet, as long as the player need not wait for it`() {
        func fetches(isRooted: Bool) -> Int {
            var rig = Rig { $0.uploads = false }
            rig.feed(.welcomed(Welcome(interval: 30, viewers: 9, duty: Stripe.all[0])))
            rig.publish(5...8)
            for sequence in 5...8 as ClosedRange<UInt64> { rig.hold(sequence) }
            let parent = rig.link(1)
            if isRooted {
                let offers = Stripe.all.map { Offer(stripe: $0, depth: 1, children: 0, slots: 9, isRelay: true) }
                rig.feed(.offered(parent, offers))
            }
            rig.publish(9...9)
            return rig.passWithOrigin(.milliseconds(7_900)).fetches.count
        }
        #expect(fetches(isRooted: false) == 10)
        #expect(fetches(isRooted: true) == 0)
    }

    @Test func `of many viewers who all miss the same few ask the origin at first`() {
        var first: [Interval] = []
        for number in 1...512 as ClosedRange<UInt64> {
            var rig = Rig { $0.me = PeerID(Word256(0, 0, 2, Randomness.mix(number))) }
            rig.feed(.welcomed(Welcome(interval: 30, viewers: 512)))
            rig.publish(7...7)
            rig.hold(7)
            rig.link(1)
            rig.publish(8...8)
            let begun = rig.now
            while rig.pass(.milliseconds(100)).fetches.isEmpty, rig.now - begun < .seconds(20) {}
            first.append(rig.now - begun)
        }
        let earliest = first.min() ?? .zero
        let early = first.count { $0 - earliest < .milliseconds(600) }
        #expect((1...20).contains(early))
        #expect(first.allSatisfy { $0 < .seconds(20) }, "in the end everybody may")
    }

    @Test func `pulls what its parent has not pushed although others have had it for a while`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let parent = rig.link(1)
        let other = rig.link(2)
        rig.feed(
            .offered(parent, Stripe.all.map { Offer(stripe: $0, depth: 0, children: 0, slots: 9, isRelay: true) }))
        rig.now = rig.now + .milliseconds(10)
        rig.publish(8...8)
        let atOnce = rig.feed(.holds(other, Rig.id(8), .full(count: 10)))
        #expect(atOnce.wants(from: other).isEmpty)
        let later = rig.pass(.milliseconds(1_600))
        #expect(!later.wants(from: other).isEmpty)
    }

    @Test func `goes on with plain HTTP when peers bring nothing, and tries them again later`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        var delays: [Interval] = []
        var commands: [Swarm.Command] = []
        for sequence in 8...30 as ClosedRange<UInt64> {
            commands += rig.publish(sequence...sequence)
            commands += rig.feed(.heard(link), .holds(link, Rig.id(sequence), .full(count: 10)))
            let published = rig.now
            var waited: Interval?
            for _ in 0..<40 {
                while !commands.fetches.isEmpty {
                    if commands.fetches.contains(where: { $0.piece.segment == Rig.id(sequence) }) {
                        waited = rig.now - published
                    }
                    commands = commands.flatMap { rig.answer($0) }
                }
                commands = rig.pass(.milliseconds(50))
            }
            delays.append(waited ?? .seconds(2))
        }
        let prompt = delays.filter { $0 <= .milliseconds(250) }.count
        #expect(prompt > delays.count / 2)
        #expect(prompt < delays.count)
    }

    @Test func `takes early from the origin what peers with little to give will not bring`() {
        func early(slots: UInt8) -> Int {
            var rig = Rig()
            rig.publish(7...7)
            rig.hold(7)
            let link = rig.link(1)
            rig.feed(
                .offered(
                    link, Stripe.all.map { Offer(stripe: $0, depth: 9, children: slots, slots: slots, isRelay: true) }))
            var early = 0
            for sequence in 8...30 as ClosedRange<UInt64> {
                var commands = rig.publish(sequence...sequence)
                for index in 0..<3 {
                    commands += rig.feed(
                        .heard(link), .pieceVerified(PieceID(Rig.id(sequence), index), from: .neighbor(link)))
                }
                for command in commands { rig.answer(command) }
                let later = rig.passWithOrigin(Rig.duration)
                let shortfall = (commands + later).fetches.filter { $0.reason == .shortfall }
                if shortfall.contains(where: { $0.piece.segment == Rig.id(sequence) }) { early += 1 }
            }
            return early
        }
        #expect(early(slots: 2) >= 12)
        #expect(early(slots: 9) == 0)
    }

    @Test func `serves what it holds and declines the rest`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.feed(.pieceVerified(PieceID(Rig.id(7), 3), from: .origin))
        let link = rig.link(1)
        let commands = rig.feed(.wanted(link, Rig.id(7), [3, 4]), .wanted(link, Rig.id(99), [0]))
        #expect(commands.contains(.sendPiece(link, PieceID(Rig.id(7), 3))))
        #expect(commands.contains(.decline(link, Rig.id(7), [4])))
        #expect(commands.contains(.decline(link, Rig.id(99), [0])))
    }

    @Test func `bounds what one neighbor may ask for`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        var sent = 0
        for _ in 0..<10_000 {
            sent += rig.feed(.wanted(link, Rig.id(7), Array(0..<10))).count {
                if case .sendPiece = $0 { true } else { false }
            }
        }
        #expect(sent <= 8)
    }

    @Test func `gives to others what they want although some acknowledge nothing`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let silent = (1...4).map { rig.link($0) }
        for link in silent { rig.feed(.wanted(link, Rig.id(7), Array(0..<10))) }
        let other = rig.link(5)
        var waiting = rig.feed(.wanted(other, Rig.id(7), Array(0..<10)))
        var given: [PieceID] = []
        for _ in 0..<20 {
            while !waiting.isEmpty {
                let sent = waiting.compactMap { if case .sendPiece(other, let piece) = $0 { piece } else { nil } }
                given += sent
                waiting = sent.flatMap { rig.feed(.pieceSent(other, $0)) }
            }
            waiting = rig.pass(.seconds(1))
            for link in silent + [other] { rig.feed(.heard(link)) }
        }
        #expect(Set(given).count == 10)
    }

    @Test func `gives nothing when uploads are off`() {
        var rig = Rig { $0.uploads = false }
        rig.publish(7...7)
        rig.hold(7)
        let link = LinkID(1)
        let commands = rig.feed(
            .linked(link, PeerID(Word256(0, 0, 1, 1)), endpoint: nil), .greeted(link, uploads: true, endpoint: nil),
            .wanted(link, Rig.id(7), [0]))
        #expect(commands.contains(.choke(link)))
        #expect(commands.contains(.decline(link, Rig.id(7), [0])))
    }

    @Test func `gives nothing for a while when its uplink carries less than a stripe`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        var underWay: [(PieceID, Instant)] = []
        var free = rig.now
        var choked: Instant?
        var declined = false
        var sentAgain = false
        for _ in 0..<1_000 {
            var commands = rig.pass(.milliseconds(100)) + rig.feed(.heard(link))
            if choked == nil || rig.now > .zero + .seconds(50) {
                commands += rig.feed(.wanted(link, Rig.id(7), Array(0..<10)))
            }
            while let (piece, time) = underWay.first, time <= rig.now {
                underWay.removeFirst()
                commands += rig.feed(.pieceSent(link, piece))
            }
            for command in commands {
                switch command {
                case .sendPiece(_, let piece):
                    free = max(free, rig.now) + .seconds(2)
                    underWay.append((piece, free))
                    sentAgain = sentAgain || declined
                case .choke: choked = choked ?? rig.now
                case .decline: declined = declined || choked != nil
                default: break
                }
            }
        }
        #expect(choked.map { $0 < .zero + .seconds(30) } == true)
        #expect(declined)
        #expect(sentAgain, "it is tried again")
    }

    @Test func `keeps its upload under the cap`() {
        var rig = Rig { $0.uploadLimit = 100_000 }
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        var bytes = 0
        for _ in 0..<100 {
            var commands = rig.feed(.wanted(link, Rig.id(7), Array(0..<10))) + rig.pass(.milliseconds(100))
            while let command = commands.popLast() {
                guard case .sendPiece(_, let piece) = command else { continue }
                bytes += Rig.record(7).range(ofPiece: piece.index).count
                commands += rig.feed(.pieceSent(link, piece))
            }
        }
        #expect(bytes <= 10 * 105_000 + 2 * PieceID.length)
        #expect(bytes > 10 * 80_000)
    }

    @Test func `sends what children push on before what was asked for, also when its cap held it up`() {
        var rig = Rig { $0.uploadLimit = 100_000 }
        rig.lease(0, of: 1)
        rig.publish(7...7)
        rig.hold(7)
        let asker = rig.link(1)
        let stripe = Stripe.of(piece: 3, among: 10)
        let relay = rig.relay(2, of: [stripe])
        var sent: [(LinkID, PieceID)] = []
        func note(_ commands: [Swarm.Command]) {
            for case .sendPiece(let link, let piece) in commands { sent.append((link, piece)) }
        }
        // Not of the front, which goes before everything.
        note(rig.feed(.wanted(asker, Rig.id(7), Array(4..<10))))
        let before = sent.count
        #expect(before < 6)
        rig.publish(8...8)
        note(rig.feed(.pieceVerified(PieceID(Rig.id(8), 3), from: .origin)))
        #expect(sent.count == before)
        for _ in 0..<10 { note(rig.pass(.milliseconds(100))) }
        #expect(sent.dropFirst(before).first?.0 == relay)
    }

    @Test func `sends one piece in four of what somebody misses, however much there is to be pushed on`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        rig.hold(7)
        let asker = rig.link(1)
        // So many that what one link may have in flight does not matter.
        for number in 2...4 {
            rig.relay(number, of: Stripe.all.filter { $0.number / 2 == number - 2 })
        }
        rig.publish(8...10)
        var commands: [Swarm.Command] = []
        for sequence in UInt64(8)...10 {
            for index in 0..<10 {
                commands += rig.feed(.pieceVerified(PieceID(Rig.id(sequence), index), from: .origin))
            }
        }
        commands += rig.feed(.wanted(asker, Rig.id(7), Array(4..<10)))
        var sent: [LinkID] = []
        while let command = commands.first, sent.count < 20 {
            commands.removeFirst()
            guard case .sendPiece(let link, let piece) = command else { continue }
            sent.append(link)
            commands += rig.feed(.pieceSent(link, piece))
        }
        #expect(sent.count == 20)
        #expect((4...6).contains(sent.count { $0 == asker }), "\(sent)")
    }

    @Test func `sends what is new to who keeps up before who is behind, even if that pushes it on`() {
        var rig = Rig { $0.uploadLimit = 100_000 }
        rig.lease(0, of: 1)
        rig.publish(7...7)
        rig.hold(7)
        let asker = rig.link(1)
        let stripe = Stripe.of(piece: 3, among: 10)
        let newcomer = rig.relay(2, of: [stripe])
        let old = rig.child(3, of: StripeSet(CollectionOfOne(stripe)))
        rig.feed(.holds(old, Rig.id(7), .full(count: 10)))
        var sent: [LinkID] = []
        func note(_ commands: [Swarm.Command]) {
            for case .sendPiece(let link, let piece) in commands {
                sent.append(link)
                note(rig.feed(.pieceSent(link, piece)))
            }
        }
        // What it may send at once is sent.
        note(rig.feed(.wanted(asker, Rig.id(7), Array(4..<10))))
        let before = sent.count
        rig.publish(8...8)
        note(rig.feed(.pieceVerified(PieceID(Rig.id(8), 3), from: .origin)))
        for _ in 0..<30 { note(rig.pass(.milliseconds(100))) }
        #expect(sent.dropFirst(before).filter { $0 != asker }.prefix(2) == [old, newcomer])
    }

    @Test func `pulls what its parent has not pushed when the player is about to need it`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let parent = rig.link(1)
        for number in 2...12 { rig.feed(.holds(rig.link(number), Rig.id(7), .full(count: 10))) }
        rig.feed(
            .offered(parent, Stripe.all.map { Offer(stripe: $0, depth: 0, children: 0, slots: 99, isRelay: true) }))
        rig.publish(8...8)
        rig.feed(.holds(LinkID(2), Rig.id(8), PieceSet(count: 10, [4])))
        // The player needs it two seconds after the one before, and begins that one after three.
        #expect(rig.pass(.milliseconds(4_000)).wants(from: LinkID(2)).isEmpty)
        #expect(rig.pass(.milliseconds(500)).wants(from: LinkID(2)) == [PieceID(Rig.id(8), 4)])
    }

    @Test func `sends the front of what a newcomer begins with before everything else`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        rig.publish(7...7)
        rig.hold(7)
        let newcomer = rig.link(1)
        for number in 2...4 { rig.child(number, of: StripeSet(Stripe.all.filter { $0.number / 2 == number - 2 })) }
        let late = rig.link(5)
        rig.publish(8...8)
        var underWay: [(LinkID, PieceID)] = []
        func sent(_ commands: [Swarm.Command]) -> [(LinkID, PieceID)] {
            commands.compactMap { if case .sendPiece(let link, let piece) = $0 { (link, piece) } else { nil } }
        }
        for index in 0..<10 { underWay += sent(rig.feed(.pieceVerified(PieceID(Rig.id(8), index), from: .origin))) }
        #expect(sent(rig.feed(.wanted(late, Rig.id(7), [9]), .wanted(newcomer, Rig.id(7), [3]))).isEmpty)
        let next = underWay.first.map { sent(rig.feed(.pieceSent($0.0, $0.1))) }?.first
        #expect(next?.0 == newcomer)
        #expect(next?.1 == PieceID(Rig.id(7), 3))
    }

    @Test(arguments: [(keepingUp: 12, wanted: [5]), (keepingUp: 3, wanted: [4, 5])])
    func `leaves to be pushed what one of many who keep up has, and pulls what several have`(
        keepingUp: Int, wanted: [Int]
    ) {
        var rig = Rig()
        // Enough to play that there is time to wait.
        rig.publish(7...9)
        for sequence in UInt64(7)...9 { rig.hold(sequence) }
        let links = (1...12).map { rig.link($0) }
        // Every stripe has a parent, so that only what is late is pulled.
        rig.feed(
            .offered(links[0], Stripe.all.map { Offer(stripe: $0, depth: 0, children: 0, slots: 99, isRelay: true) }))
        for link in links.prefix(keepingUp) { rig.feed(.holds(link, Rig.id(9), .full(count: 10))) }
        rig.publish(10...10)
        rig.feed(.holds(links[1], Rig.id(10), PieceSet(count: 10, [4, 5])))
        for link in links[2...3] { rig.feed(.holds(link, Rig.id(10), PieceSet(count: 10, [5]))) }
        let asked = rig.pass(.milliseconds(2_500)).flatMap { command -> [Int] in
            if case .want(_, _, let indices) = command { indices } else { [] }
        }
        #expect(asked.sorted() == wanted)
    }

    @Test func `pulls of its own stripe what somebody else has taken, because nobody pushes that to it`() {
        var rig = Rig()
        rig.publish(7...9)
        for sequence in UInt64(7)...9 { rig.hold(sequence) }
        let before = rig.link(1)
        rig.lease(1, of: 8)
        rig.publish(10...10)
        rig.feed(.fetching(before, Rig.id(10), Array(Stripe.all[0].pieces(among: 10))))
        // The shares are moved while the segment is under way.
        rig.lease(0, of: 8)
        let commands = rig.feed(.holds(before, Rig.id(10), .full(count: 10)))
        #expect(commands.wants(from: before).contains(PieceID(Rig.id(10), 0)))
    }

    @Test func `begins with what a neighbor knows, before the origin has answered`() {
        var rig = Rig()
        let link = rig.link(1)
        for sequence in UInt64(3)...7 {
            rig.feed(
                .recordVerified(Rig.record(sequence), digest: Rig.digest(sequence), from: .neighbor(link)),
                .holds(link, Rig.id(sequence), .full(count: 10)))
        }
        #expect(rig.swarm.listed.isEmpty)
        let commands = rig.feed(.offered(link, []))
        #expect(rig.swarm.listed.map(\.segment.sequence) == [5, 6, 7])
        #expect(commands.contains(.askLeaves(link, Rig.id(5))))
        // The origin knows of more: what was to be played would be old.
        rig.feed(.headArrived(oldest: 0, newest: 12, targetDuration: 2, isClosed: false))
        #expect(rig.swarm.listed.isEmpty)
    }

    @Test func `asks the origin for a piece once at a time, and lets the neighbor that was late with it off`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        rig.publish(8...8)
        let commands = rig.feed(.holds(link, Rig.id(8), .full(count: 10))) + rig.passWithOrigin(.seconds(5))
        let wanted = Set(commands.wants(from: link).map(\.index))
        let fetched = commands.fetches.map(\.piece.index)
        #expect(fetched.count == Set(fetched).count)
        let calledBack = commands.flatMap { command -> [Int] in
            if case .cancel(link, Rig.id(8), let indices) = command { indices } else { [] }
        }
        #expect(!wanted.intersection(fetched).isEmpty)
        #expect(wanted.intersection(fetched).isSubset(of: calledBack))
    }

    @Test func `gives wants to others when their neighbor is lost`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let a = rig.link(1)
        rig.publish(8...8)
        let asked = rig.feed(.holds(a, Rig.id(8), .full(count: 10))).wants(from: a)
        let b = rig.link(2)
        var commands = rig.feed(.holds(b, Rig.id(8), .full(count: 10)))
        commands += rig.feed(.linkLost(a))
        for _ in 0..<10 {
            for piece in commands.wants(from: b) { commands += rig.feed(.pieceVerified(piece, from: .neighbor(b))) }
        }
        #expect(Set(commands.wants(from: b)).isSuperset(of: asked))
    }

    @Test func `asks each neighbor at once how far away it is`() {
        var rig = Rig()
        let commands = rig.feed(
            .linked(LinkID(1), PeerID(Word256(0, 0, 1, 1)), endpoint: nil),
            .greeted(LinkID(1), uploads: true, endpoint: nil))
        #expect(commands.contains(.ping(LinkID(1))))
    }

    @Test func `drops a neighbor that has fallen silent`() {
        var rig = Rig()
        let link = rig.link(1)
        let commands = rig.pass(.seconds(30))
        #expect(commands.contains(.ping(link)))
        #expect(commands.contains(.close(link, .silent)))
    }

    @Test func `keeps one link when both ends dial, the one that the smaller name opened`() {
        var rig = Rig()
        guard let endpoint = Endpoint(address: [127, 0, 0, 1], port: 9) else { return }
        let other = PeerID(Word256(0, 0, 1, 1))
        rig.feed(.linked(LinkID(1), other, endpoint: nil))
        let commands = rig.feed(.linked(LinkID(2), other, endpoint: endpoint))
        #expect(commands.contains(.close(LinkID(1), .duplicate)))
        #expect(commands.contains(.greet(LinkID(2))))
    }

    @Test func `keeps the link that both ends call the smaller name's, even if both have dialled it`() {
        guard let endpoint = Endpoint(address: [127, 0, 0, 1], port: 9) else { return }
        let other = PeerID(Word256(0, 0, 1, 1))
        for (first, second, survivor) in [(false, true, 2), (true, false, 1), (false, false, 1), (true, true, 1)] {
            var rig = Rig()
            rig.feed(.linked(LinkID(1), other, endpoint: endpoint, isOurs: first))
            let commands = rig.feed(.linked(LinkID(2), other, endpoint: second ? endpoint : nil, isOurs: second))
            #expect(commands.contains(.close(LinkID(3 - survivor), .duplicate)))
        }
    }

    @Test func `dials from the port that takes links when the tracker could not dial it, and asks which that is`()
        throws
    {
        var rig = Rig()
        let endpoint = try #require(Endpoint(address: [9, 9, 9, 9], port: 9))
        let other = Introduction(peer: PeerID(Word256(0, 0, 1, 1)), endpoint: endpoint)
        var welcome = Welcome(interval: 30, viewers: 2, neighbors: [other])
        #expect(rig.feed(.welcomed(welcome)).contains(.dial(other.peer, endpoint)))
        rig.feed(.dialFailed(other.peer))
        welcome.isUnreachable = true
        let commands = rig.feed(.welcomed(welcome))
        #expect(commands.contains(.punch(other.peer, endpoint)), "at once, although it has just been dialled in vain")
        #expect(commands.contains(.askPort))
        rig.feed(.dialFailed(other.peer))
        #expect(!rig.feed(.welcomed(welcome)).contains(.askPort), "not so soon again")
        rig.feed(.portAskFailed)
        #expect(rig.feed(.welcomed(welcome)).contains(.askPort), "but with the next announce when nobody has answered")
        rig.feed(.portSeen(5_000))
        let announces = rig.pass(.seconds(1)).compactMap {
            if case .announce(let words) = $0 { words.port } else { nil }
        }
        #expect(announces == [5_000], "and tells the tracker at once")
        #expect(rig.swarm.port == 5_000)
    }

    @Test func `dials who dials it, at once, once, and a few at a time`() throws {
        var rig = Rig()
        let callers = try (1...9 as ClosedRange<UInt64>).map { number in
            Introduction(
                peer: PeerID(Word256(0, 0, 1, number)),
                endpoint: try #require(Endpoint(address: [9, 9, 9, UInt8(number)], port: 9)))
        }
        #expect(rig.feed(.called(callers[0])) == [.punch(callers[0].peer, callers[0].endpoint)])
        #expect(rig.feed(.called(callers[0])).isEmpty, "it is being dialled")
        for caller in callers[1...3] { #expect(rig.feed(.called(caller)).count == 1) }
        #expect(rig.feed(.called(callers[4])).isEmpty)
        rig.feed(.dialFailed(callers[0].peer))
        #expect(rig.feed(.called(callers[4])).count == 1)
        rig.feed(.linked(LinkID(1), callers[1].peer, endpoint: callers[1].endpoint))
        #expect(rig.feed(.called(callers[1])).isEmpty, "it is linked")
        rig.feed(.linked(LinkID(2), callers[2].peer, endpoint: callers[2].endpoint))
        rig.feed(.misbehaved(LinkID(2), .badPiece))
        #expect(rig.feed(.called(callers[2])).isEmpty, "it is banned")
        #expect(rig.feed(.called(Introduction(peer: rig.swarm.settings.me, endpoint: callers[8].endpoint))).isEmpty)
    }

    @Test func `dials a caller where it is now, although it is being dialled where it was`() throws {
        var rig = Rig()
        func place(_ port: UInt16) throws -> Endpoint { try #require(Endpoint(address: [9, 9, 9, 9], port: port)) }
        let (inside, outside) = (try place(4), try place(5))
        let peer = PeerID(Word256(0, 0, 1, 1))
        let welcome = Welcome(
            interval: 30, viewers: 2, isUnreachable: true, neighbors: [Introduction(peer: peer, endpoint: inside)])
        #expect(rig.feed(.welcomed(welcome)).contains(.punch(peer, inside)))
        let caller = Introduction(peer: peer, endpoint: outside)
        #expect(rig.feed(.called(caller)) == [.punch(peer, outside)])
        rig.feed(.dialFailed(peer))
        #expect(rig.feed(.called(caller)).isEmpty, "the first dial was in vain, the second is under way")
        rig.feed(.dialFailed(peer))
        #expect(rig.feed(.called(caller)) == [.punch(peer, outside)])
    }

    @Test func `links to all other injectors, and lets somebody idle go for one when it has no room`() throws {
        var rig = Rig()
        rig.publish(7...7)
        for number in 1...Limits.links { rig.link(number) }
        rig.feed(
            .offered(LinkID(2), [Offer(stripe: Stripe.all[0], depth: 1, children: 0, slots: 9, isRelay: true)]),
            .subscribed(LinkID(1), StripeSet(CollectionOfOne(Stripe.all[0]))))
        let endpoint = try #require(Endpoint(address: [9, 9, 9, 9], port: 9))
        let others = (1...9 as ClosedRange<UInt64>).map {
            Introduction(peer: PeerID(Word256(0, 0, 9, $0)), endpoint: endpoint)
        }
        var welcome = Welcome(interval: 3, viewers: 99, duty: Stripe.all[0], neighbors: others)
        #expect(rig.feed(.welcomed(welcome)).allSatisfy { if case .dial = $0 { false } else { true } })
        welcome.lease = Lease(index: 0, count: 8, epoch: 1)
        let commands = rig.feed(.welcomed(welcome))
        let dialled = commands.compactMap { if case .dial(let peer, _) = $0 { peer } else { nil } }
        #expect(dialled == others.prefix(7).map(\.peer), "the tracker names injectors first")
        let closed = commands.compactMap { if case .close(let link, .full) = $0 { link } else { nil } }
        #expect(closed.count == 7 && !closed.contains(LinkID(1)) && !closed.contains(LinkID(2)))
    }

    private func stranger(_ number: UInt64, port: UInt16 = 5_000) -> Introduction {
        let ip = IPAddress(v4: 0xc000_0200 + UInt32(number % 200))
        return Introduction(peer: PeerID(Word256(0, 0, 2, number)), endpoint: Endpoint(ip: ip, port: port))
    }

    private func welcome(_ neighbors: [Introduction]) -> Swarm.Fact {
        .welcomed(Welcome(interval: 30, viewers: 9, newest: 0, lease: nil, duty: Stripe.all[0], neighbors: neighbors))
    }

    @Test func `dials whom the tracker names, however many others a neighbor has named`() {
        var rig = Rig()
        let link = rig.link(1)
        for batch in 0..<20 as Range<UInt64> {
            rig.feed(.introduced(by: link, (0..<30).map { stranger(1_000 + batch * 30 + $0) }))
        }
        let named = (0..<3).map { stranger($0) }
        let commands = rig.feed(welcome(named))
        for peer in named { #expect(commands.contains(.dial(peer.peer, peer.endpoint))) }
    }

    @Test func `dials where the tracker says, whatever neighbors say`() {
        var rig = Rig()
        let link = rig.link(1)
        let named = (0..<8).map { stranger($0) }
        var commands = rig.feed(welcome(named))
        rig.feed(.introduced(by: link, (0..<8).map { stranger($0, port: 6_666) }))
        for peer in named.prefix(4) { commands += rig.feed(.dialFailed(peer.peer)) }
        commands += rig.pass(.seconds(1))
        let dialled = commands.compactMap { if case .dial(_, let endpoint) = $0 { endpoint } else { nil } }
        #expect(Set(dialled) == Set(named.map(\.endpoint)))
    }

    @Test func `keeps the end of the newest segment from a player that begins with it until others can bring the next`()
    {
        var rig = Rig()
        rig.publish(7...7)
        rig.feed(.playerAsked(Rig.id(7)))
        #expect(rig.swarm.isKeptBack(Rig.id(7), at: rig.now + .seconds(2.9)))
        #expect(!rig.swarm.isKeptBack(Rig.id(7), at: rig.now + .seconds(3)))
        // The next one plays for two seconds, and what follows it is given three.
        _ = rig.pass(.seconds(1))
        rig.publish(7...8)
        #expect(rig.swarm.isKeptBack(Rig.id(7), at: rig.now + .seconds(0.9)))
        #expect(!rig.swarm.isKeptBack(Rig.id(7), at: rig.now + .seconds(1)))
        #expect(!rig.swarm.isKeptBack(Rig.id(8), at: rig.now))
        rig.publish(7...9)
        #expect(!rig.swarm.isKeptBack(Rig.id(7), at: rig.now))
    }

    @Test func `keeps nothing from a player that has begun, nor of a broadcast that is over`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.feed(.playerAsked(Rig.id(7)), .playerReceived(Rig.id(7)), .playerAsked(Rig.id(7)))
        #expect(!rig.swarm.isKeptBack(Rig.id(7), at: rig.now))
        var last = Rig.record(8)
        last.isLast = true
        rig.feed(
            .recordVerified(last, digest: Rig.digest(8), from: .origin), .leavesVerified(Rig.id(8), from: .origin),
            .playerAsked(Rig.id(7)), .playerAsked(Rig.id(8)))
        #expect(!rig.swarm.isKeptBack(Rig.id(8), at: rig.now))
    }

    @Test func `imagines a player that begins no sooner than a real one would`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        rig.publish(7...8)
        // The second is needed when the first, begun with three seconds after it came, has played.
        #expect(rig.swarm.segmentPictures(1, at: rig.now).map(\.slack) == [.seconds(5)])
    }

    @Test func `comes back to the tracker as soon as that says`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.feed(.welcomed(Welcome(interval: 2, viewers: 1)))
        func announces(_ commands: [Swarm.Command]) -> Bool {
            commands.contains { if case .announce = $0 { true } else { false } }
        }
        #expect(!announces(rig.pass(.seconds(1.7))))
        #expect(announces(rig.pass(.seconds(0.6))))
    }

    @Test func `gives a neighbor the leaf hashes of a segment once for the asking`() {
        var rig = Rig()
        rig.publish(7...8)
        let (link, other) = (rig.link(2), rig.link(3))
        let asking = Swarm.Fact.leavesWanted(link, Rig.id(7))
        #expect(rig.feed(asking) == [.sendLeaves(link, Rig.id(7))])
        rig.link(1)
        #expect(rig.feed(asking, asking).isEmpty)
        #expect(rig.feed(.leavesWanted(link, Rig.id(8))) == [.sendLeaves(link, Rig.id(8))])
        #expect(rig.feed(.leavesWanted(other, Rig.id(7))) == [.sendLeaves(other, Rig.id(7))])
    }

    @Test func `stays within its memory`() {
        var rig = Rig { $0.storeLimit = 3 * Rig.length }
        var commands: [Swarm.Command] = []
        for sequence in 7...17 as ClosedRange<UInt64> {
            rig.publish(sequence...sequence)
            rig.hold(sequence)
            commands += rig.pass(.seconds(2))
        }
        let dropped = commands.compactMap { if case .drop(let segment) = $0 { segment.sequence } else { nil } }
        #expect(dropped == Array(7...14))
    }

    @Test func `does the same for the same facts at the same instants`() {
        func run() -> [Swarm.Command] {
            var rig = Rig()
            var commands = rig.publish(7...9)
            for number in 1...6 {
                let link = rig.link(number)
                for sequence in 7...9 as ClosedRange<UInt64> {
                    commands += rig.feed(.holds(link, Rig.id(sequence), .full(count: 10)))
                }
            }
            return commands + rig.pass(.seconds(5))
        }
        #expect(run() == run())
    }
}
