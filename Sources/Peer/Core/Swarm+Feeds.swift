import Vocabulary

/// Stripes that come to us: who pushes them, and when to look for somebody better.
extension Swarm {
    /// The origin's stripe by our lease: we are where its tree begins.
    func isRoot(of stripe: Stripe) -> Bool { gives && lease?.rank(for: stripe) == 0 }

    /// Whether others depend on us for the stripe, or will.
    func relays(_ stripe: Stripe) -> Bool { relayed.contains(stripe) }

    /// All such stripes.
    private var relayed: StripeSet {
        guard gives else { return StripeSet() }
        var relayed = pushed
        for stripe in Stripe.all where duty == stripe || isRoot(of: stripe) { relayed.insert(stripe) }
        return relayed
    }

    /// Stripes that we push to somebody.
    private var pushed: StripeSet {
        neighbors.survey { seats in
            var bits: UInt8 = 0
            for seat in seats.indices { bits |= seats[seat].children.bits }
            return StripeSet(bits: bits)
        }
    }

    /// How many peers the stripe passes before us.
    func depth(of stripe: Stripe) -> UInt8 { isRoot(of: stripe) ? 0 : feeds[stripe.number].depth }

    /// Whether the stripe reaches us from its root.
    func isRooted(_ stripe: Stripe) -> Bool { feeds[stripe.number].parent != nil && depth(of: stripe) < Feed.deepest }

    var childCount: Int {
        neighbors.survey { seats in
            var count = 0
            for seat in seats.indices { count += seats[seat].children.count }
            return count
        }
    }

    /// How many stripes we can push to one neighbor each: what the uplink carries, in stripes of the stream.
    var slots: Int {
        guard gives, let stream = streamRate, stream > 0 else { return 0 }
        var rate = uplink.rate(of: stream)
        if let limit = settings.uploadLimit { rate = min(rate, Double(limit)) }
        return min(64, max(1, Int(rate * supply.pace / stream * Double(Stripe.count))))
    }

    private var offers: [Offer] {
        guard gives, settings.policies.pushes else { return [] }
        let children = UInt8(clamping: childCount)
        let slots = UInt8(clamping: slots)
        let relayed = relayed
        return Stripe.all.compactMap { stripe in
            let (depth, isRelay) = (depth(of: stripe), relayed.contains(stripe))
            guard isRelay || depth <= Feed.deepestVolunteer else { return nil }
            return Offer(stripe: stripe, depth: depth, children: children, slots: slots, isRelay: isRelay)
        }
    }

    mutating func tellOffers(into commands: inout [Command]) {
        let offers = offers
        let table = OfferTable(offers)
        let (isNews, isNothing) = (table != toldOffers, table == OfferTable())
        for seat in neighbors.indices where neighbors[seat].isGreeted {
            if neighbors[seat].knowsOffers ? isNews : !isNothing { commands.append(.offer(links[seat], offers)) }
            neighbors[seat].knowsOffers = true
        }
        toldOffers = table
    }

    mutating func offered(_ link: LinkID, _ offers: [Offer], at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link) else { return }
        neighbors[seat].offers = OfferTable(offers)
        for stripe in neighbors[seat].follows where feeds[stripe.number].parent == link {
            let before = feeds[stripe.number].depth
            guard let offer = neighbors[seat].offer(of: stripe) else {
                leave(stripe, for: .seconds(3), at: now, into: &commands)
                continue
            }
            if offer.depth < Feed.deepest {
                feeds[stripe.number].rise(to: offer.depth + 1, at: now)
            } else {
                feeds[stripe.number].depth = Offer.unrooted
            }
            // Those below must hear at once that they hang in the air, before they offer us their own branch.
            if feeds[stripe.number].depth != before, relays(stripe) { planFlush(within: .zero, at: now) }
        }
        if flushAt.map({ $0 <= now }) == true { tellOffers(into: &commands) }
        if start == nil {
            // What it knows of the broadcast it has told before.
            startWithoutHead(hasHeardAll: true, at: now)
            askForLateLeaves(at: now, into: &commands)
        }
        seekParents(at: now, into: &commands)
    }

    mutating func refused(_ link: LinkID, _ stripes: StripeSet, at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link) else { return }
        neighbors[seat].follows = neighbors[seat].follows.subtracting(stripes)
        // What we said while the refusal was on its way may have been taken for a new wish.
        commands.append(.subscribe(link, neighbors[seat].follows))
        for stripe in stripes where feeds[stripe.number].parent == link {
            feeds[stripe.number].leave(for: .seconds(2), at: now)
            if relays(stripe) { planFlush(within: .zero, at: now) }
        }
        seekParents(at: now, into: &commands)
    }

    /// Lets go of a stripe's parent, and says so.
    private mutating func leave(
        _ stripe: Stripe, for pause: Interval, at now: Instant, into commands: inout [Command]
    ) {
        guard let parent = feeds[stripe.number].parent else { return }
        feeds[stripe.number].leave(for: pause, at: now)
        if relays(stripe) { planFlush(within: .zero, at: now) }
        guard let seat = seat(parent) else { return }
        neighbors[seat].follows.remove(stripe)
        commands.append(.subscribe(parent, neighbors[seat].follows))
    }

    /// Finds a parent for each stripe that has none.
    mutating func seekParents(at now: Instant, into commands: inout [Command]) {
        guard shares, settings.policies.pushes, start != nil else { return }
        var changed: [Int] = []
        for stripe in Stripe.all where feeds[stripe.number].parent == nil && !isRoot(of: stripe) {
            guard let best = bestParent(stripe, at: now) else { continue }
            follow(best.seat, stripe, best.offer, at: now)
            if !changed.contains(best.seat) { changed.append(best.seat) }
        }
        for seat in changed { commands.append(.subscribe(links[seat], neighbors[seat].follows)) }
    }

    private mutating func bestParent(_ stripe: Stripe, at now: Instant) -> (seat: Int, offer: Offer, cost: Double)? {
        let relays = relays(stripe)
        let hasChildren = pushed.contains(stripe)
        let isForsaken = now - max(feeds[stripe.number].lastRooted, joined) > Self.rootPatience
        var best: (seat: Int, offer: Offer, cost: Double)?
        for seat in neighbors.indices {
            guard neighbors[seat].offers.stripes.contains(stripe), neighbors[seat].isGreeted, neighbors[seat].uploads,
                let offer = neighbors[seat].offer(of: stripe),
                offer.depth < Feed.deepest, !neighbors[seat].children.contains(stripe),
                !feeds[stripe.number].avoids(links[seat], at: now), !neighbors[seat].health.isDemoted(at: now),
                !hasChildren || feeds[stripe.number].isFeasible(offer.depth, at: now),
                // Who is full takes nobody but those who push the stripe on; a root that nobody follows makes room.
                relays || offer.children < offer.slots || offer.depth == 0 && isForsaken
            else { continue }
            let cost = cost(seat, offer, relays: relays)
            if cost < best?.cost ?? .infinity { best = (seat, offer, cost) }
        }
        return best
    }

    /// After so long without a stripe its root is asked, however many it has to push to.
    private static let rootPatience = Interval.seconds(3)

    private mutating func cost(_ seat: Int, _ offer: Offer, relays: Bool) -> Double {
        let candidate = ParentCandidate(
            link: links[seat], offer: offer, pieceTime: neighbors[seat].health.pieceTime,
            isBehind: neighbors[seat].isBehind)
        return settings.policies.parents.cost(candidate, relays: relays, using: &random)
    }

    /// Between two segments, when nothing is on its way, changes one parent for a clearly better one.
    private mutating func improveParent(at now: Instant, into commands: inout [Command]) {
        guard now - lastImprovement > .seconds(1), segments.last?.isComplete == true,
            let stripe = Stripe.all.randomElement(using: &random)
        else { return }
        lastImprovement = now
        // Not all at once to whoever is free now.
        guard random.next() % 3 == 0 else { return }
        // Whoever pushes a stripe on looks after its own place first: it is the place of all below it, too.
        for stripe in [duty ?? stripe, stripe] where !isRoot(of: stripe) {
            guard let parent = feeds[stripe.number].parent, let seat = seat(parent),
                let offer = neighbors[seat].offer(of: stripe), let best = bestParent(stripe, at: now),
                best.seat != seat, offer.depth < Feed.deepest,
                best.cost + (relays(stripe) ? 0.5 : 0.1) < cost(seat, offer, relays: relays(stripe))
            else { continue }
            leave(stripe, for: .zero, at: now, into: &commands)
            follow(best.seat, stripe, best.offer, at: now)
            commands.append(.subscribe(links[best.seat], neighbors[best.seat].follows))
            return
        }
    }

    private mutating func follow(_ seat: Int, _ stripe: Stripe, _ offer: Offer, at now: Instant) {
        feeds[stripe.number].follow(links[seat], depth: offer.depth, at: now)
        neighbors[seat].follows.insert(stripe)
        // Counted at once, so that not all our stripes go to whoever is free now.
        neighbors[seat].offers.addChild()
        if relays(stripe) { planFlush(within: .zero, at: now) }
    }

    /// Stripes that reach us in no tree.
    var unpushed: StripeSet {
        StripeSet(Stripe.all.lazy.filter { !isRoot(of: $0) && feeds[$0.number].parent == nil })
    }

    /// Stripes that do not come, whether nobody can be asked or whoever was asked does not push: what the tracker is told.
    var lacking: StripeSet { StripeSet(Stripe.all.lazy.filter { !isRoot(of: $0) && feeds[$0.number].missed != nil }) }

    /// Stripes for which there are not enough neighbors who could be asked.
    var scarce: StripeSet {
        var scarce = unpushed
        let relayed = relayed
        // Who pushes a stripe on needs several to choose from, and so do others when there is a single one.
        for stripe in Stripe.all where !isRoot(of: stripe) {
            let known = neighbors.survey { seats in
                var known = 0
                for seat in seats.indices where seats[seat].offers.relays.contains(stripe) { known += 1 }
                return known
            }
            if known < (relayed.contains(stripe) ? 3 : 2) { scarce.insert(stripe) }
        }
        return scarce
    }

    /// Leaves parents that are silent or hang in the air, and looks for missing ones.
    mutating func reviewFeeds(at now: Instant, into commands: inout [Command]) {
        for stripe in Stripe.all {
            let number = stripe.number
            if feeds[number].giveUpStandingIn(at: now) { planFlush(within: .zero, at: now) }
            guard let parent = feeds[number].parent else { continue }
            if isRoot(of: stripe) {
                leave(stripe, for: .zero, at: now, into: &commands)
            } else if feeds[number].depth == Offer.unrooted, now - feeds[number].lastRooted > Feed.grace {
                leave(stripe, for: .seconds(3), at: now, into: &commands)
            } else if isSilent(stripe, at: now) {
                with(parent) { $0.health.timedOut(at: now) }
                tally.parentsLeft += 1
                leave(stripe, for: .seconds(10), at: now, into: &commands)
            }
        }
        seekParents(at: now, into: &commands)
        improveParent(at: now, into: &commands)
    }

    /// The parent has had a piece of the stripe for long and pushes nothing.
    private func isSilent(_ stripe: Stripe, at now: Instant) -> Bool {
        let since = feeds[stripe.number].since
        guard now - max(feeds[stripe.number].lastPiece, since) > .seconds(1) else { return false }
        guard let seat = feeds[stripe.number].parent.flatMap({ seat($0) }) else { return false }
        return segments.suffix(3).contains { segment in
            guard !segment.isComplete, segment.arrival > since, now - segment.arrival > .seconds(1) else {
                return false
            }
            return stripe.pieces(among: segment.count).contains {
                segment.pieces.contains($0, .overdue) && !segment.pieces.contains($0, .held)
                    && segment.holders.contains($0, of: seat)
            }
        }
    }

    /// A stripe of a segment is complete: a parent is too slow if most had to be pulled from others, again and again. What
    /// other stripes of the segment wait for says nothing of this one's parent and root.
    mutating func judgeParent(of stripe: Stripe, at place: Int, now: Instant, into commands: inout [Command]) {
        let (segment, number) = (segments[place], stripe.number)
        guard feeds[number].parent != nil, feeds[number].since < segment.arrival else { return }
        let pieces = stripe.pieces(among: segment.count)
        let pulled = Int(segment.pulled[number])
        let fetched = pieces.count { segment.pieces.contains($0, .fromOrigin) }
        // What comes much later than half of the segment has found a way round its root.
        let usual = (segment.halfway ?? now) - segment.arrival
        let isInTime = now - segment.arrival < max(spreadTime, usual * 2)
        feeds[number].judge(isPushed: isInTime && (pulled + fetched) * 2 <= pieces.count, at: now)
        feeds[number].lags = pulled * 2 > pieces.count ? feeds[number].lags + 1 : 0
        guard feeds[number].lags >= 2 else { return }
        tally.parentsLeft += 1
        leave(stripe, for: .seconds(10), at: now, into: &commands)
        seekParents(at: now, into: &commands)
    }
}
