import Vocabulary

/// Pieces that we ask neighbors for, because nobody pushes them or pushing missed them.
extension Swarm {
    /// How much time must be left so that what a parent will push is waited for.
    private static let pushSlack = Interval.milliseconds(800)

    mutating func pull(at now: Instant, into commands: inout [Command]) {
        guard shares, !neighbors.isEmpty else { return }
        let isReversed = settings.policies.pieces.prefersNewest
        for step in segments.indices {
            pull(from: isReversed ? segments.count - 1 - step : step, at: now, into: &commands)
        }
    }

    /// Asks for the missing pieces of one segment that neighbors have, each of the one that will bring it soonest.
    mutating func pull(from place: Int, at now: Instant, into commands: inout [Command]) {
        guard var open = pullable(from: place, at: now) else { return }
        var helpers = helpers(with: open, of: place, at: now)
        guard !helpers.isEmpty else { return }
        var union = PieceSet(count: open.count)
        for number in helpers.indices { union.formUnion(helpers[number].pieces) }
        open.formIntersection(union)
        var order = Array(open)
        let sequence = segments[place].sequence
        let slack = slack(sequence, at: now).seconds / max(0.1, duration(sequence).seconds)
        settings.policies.pieces.sort(
            &order, holders: { Self.count($0, among: helpers) }, slack: slack, using: &random)
        for index in order {
            var best: (time: Interval, helper: Int)?
            for number in helpers.indices where helpers[number].room > 0 && helpers[number].pieces.contains(index) {
                let pace = neighbors[helpers[number].seat].health.pieceTime
                let time = pace * (1 + Double(helpers[number].asked) / 4)
                if time < best?.time ?? Interval(nanoseconds: .max) { best = (time, number) }
            }
            guard let helper = best?.helper else { continue }
            helpers[helper].room -= 1
            helpers[helper].asked += 1
            helpers[helper].wished.append(index)
            if helpers.allSatisfy({ $0.room == 0 }) { break }
        }
        for number in helpers.indices where !helpers[number].wished.isEmpty {
            ask(helpers[number].seat, for: helpers[number].wished, of: place, at: now, into: &commands)
        }
    }

    /// What is missing of a segment, was asked of nobody, and will not be pushed in time.
    ///
    /// Not inlined, as what follows: where the swarm is not being changed, nothing of it has to be copied.
    @inline(never)
    private func pullable(from place: Int, at now: Instant) -> PieceSet? {
        guard shares, wantsSegment(place), segments[place].hasLeaves, !hasLostConfidence(at: now) else { return nil }
        var open = segments[place].pieces.unasked
        guard !open.isEmpty else { return nil }
        if slack(segments[place].sequence, at: now) > Self.pushSlack { leaveToPush(of: place, &open) }
        return open.isEmpty ? nil : open
    }

    /// A neighbor that has some of the missing pieces: how many more it may be asked for, and for how many it has been.
    private struct Helper {
        let seat: Int
        var room: Int
        var asked: Int
        let pieces: PieceSet
        /// What it is to be asked for.
        var wished: [Int] = []
    }

    @inline(never)
    private func helpers(with open: PieceSet, of place: Int, at now: Instant) -> [Helper] {
        var helpers: [Helper] = []
        for seat in segments[place].holders.seats(withAnyOf: open).seats {
            let room = neighbors[seat].health.window - neighbors[seat].asked
            guard room > 0, neighbors[seat].brings(at: now), let held = segments[place].holders[seat] else { continue }
            helpers.append(Helper(seat: seat, room: room, asked: neighbors[seat].asked, pieces: held))
        }
        return helpers
    }

    /// How many of them have the piece.
    private static func count(_ index: Int, among helpers: [Helper]) -> Int {
        var count = 0
        for number in helpers.indices where helpers[number].pieces.contains(index) { count += 1 }
        return count
    }

    private mutating func ask(
        _ seat: Int, for indices: [Int], of place: Int, at now: Instant, into commands: inout [Command]
    ) {
        let deadline = now + neighbors[seat].health.patience
        let segment = id(segments[place].sequence)
        let count = segments[place].count
        var elsewhere: [LinkID: [Int]] = [:]
        for index in indices {
            segments[place].ask(
                SegmentProgress.Want(index: index, link: links[seat], time: now, deadline: deadline))
            let stripe = Stripe.of(piece: index, among: count)
            if let parent = feeds[stripe.number].parent, parent != links[seat] {
                elsewhere[parent, default: []].append(index)
            }
        }
        firstAsked = firstAsked ?? now
        neighbors[seat].ask(indices.count, at: now)
        commands.append(.want(links[seat], segment, indices))
        // The parent that is late with it need not send it any more.
        for parent in elsewhere.keys.sorted() { commands.append(.cancel(parent, segment, elsewhere[parent] ?? [])) }
    }

    /// Takes out what will be pushed, if it is not late. A parent pushes what it gets; what it had when we came to it, it
    /// does not. To a root nobody pushes what another has taken in its stead.
    private func leaveToPush(of place: Int, _ open: inout PieceSet) {
        let (arrival, count) = (segments[place].arrival, segments[place].count)
        var kept = segments[place].pieces[.overdue]
        for number in 0..<Stripe.count where feeds[number].parent == nil || feeds[number].since >= arrival {
            let stripe = Stripe.all[number]
            if let parent = feeds[number].parent.flatMap({ seat($0) }) {
                guard let had = segments[place].holders[parent] else { continue }
                kept.formUnion(had, in: stripe.pieces(among: count))
            } else {
                kept.formUnion(open, in: stripe.pieces(among: count))
            }
        }
        open.formIntersection(kept)
    }

    /// What several neighbors have had for a while and nobody has pushed is late: from then on it is pulled. Several of
    /// those who keep up: a crowd of newcomers has nothing yet, and says nothing of what is late. What one of many has is
    /// still on its way, and where a tree begins a queue: were all to pull it from there, pushing would stop.
    mutating func sight(at now: Instant) {
        guard now - lastSighting >= settings.pushPatience else { return }
        lastSighting = now
        let givers = neighbors.count { $0.uploads && !$0.chokesUs && !$0.isBehind }
        let several = max(1, min(3, givers / 4))
        for place in segments.indices where wantsSegment(place) {
            segments[place].pieces[.overdue] = segments[place].pieces[.sighted]
            let held = neighbors.survey { seats in
                segments[place].holders.held(by: several) { seats[$0].uploads && !seats[$0].chokesUs }
            }
            segments[place].pieces[.sighted].formUnion(held)
        }
    }

    mutating func declined(
        _ link: LinkID, _ segment: SegmentID, _ indices: [Int], at now: Instant, into commands: inout [Command]
    ) {
        guard let place = place(segment), let seat = seat(link) else { return }
        let refused = segments[place].settle { $0.link == link && indices.contains($0.index) }
        for want in refused {
            neighbors[seat].takeBack(1)
            segments[place].holders.remove(want.index, of: seat)
        }
        pull(from: place, at: now, into: &commands)
    }

    mutating func choked(_ link: LinkID, at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link) else { return }
        neighbors[seat].chokesUs = true
        neighbors[seat].takeBack(.max)
        for place in segments.indices { _ = segments[place].settle { $0.link == link } }
        pull(at: now, into: &commands)
    }

    /// Wants that took too long are taken back, once for a neighbor, however many they are.
    mutating func expireWants(at now: Instant, into commands: inout [Command]) {
        sight(at: now)
        var slow: [LinkID] = []
        for place in segments.indices {
            let late = segments[place].settle { now >= $0.deadline }
            for want in late {
                tally.wantsTimedOut += 1
                if !slow.contains(want.link) { slow.append(want.link) }
                commands.append(.cancel(want.link, id(segments[place].sequence), [want.index]))
                guard let seat = seat(want.link) else { continue }
                neighbors[seat].takeBack(1)
                segments[place].holders.remove(want.index, of: seat)
            }
        }
        for link in slow { with(link) { $0.health.timedOut(at: now) } }
    }
}
