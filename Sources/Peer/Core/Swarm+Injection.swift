import Vocabulary

/// Injection: what we take from the origin for the swarm's sake, as soon as it is there.
extension Swarm {
    /// How long a newcomer with a lease leaves older segments to what neighbors have.
    private static let oldPatience = Interval.seconds(1)
    /// By then what a root has is with several others, of whom we know some.
    var spreadTime: Interval { .milliseconds(2_500 + 500 * Int64(max(0, Self.doublings(to: viewers) - 5))) }
    /// Those who stand in for one root hear from each other within this time, as far as they are linked.
    private static let standInTime = Interval.milliseconds(500)

    mutating func inject(_ place: Int, at now: Instant, into commands: inout [Command]) {
        let sequence = segments[place].sequence
        let alone = isAlone(at: now)
        guard alone || shares else { return }
        // Who has just got a lease finds out first what neighbors have of segments that were there before.
        let isOld = lease != nil && sequence <= leaseFrom ?? .max
        guard alone || !isOld || now - joined > Self.oldPatience else { return }
        let missing = segments[place].pieces.unasked
        guard !missing.isEmpty else { return }
        let age = now - segments[place].arrival
        let count = segments[place].count
        let chance = Randomness.share(segments[place].record.root.hash.words.0 ^ settings.me.key.words.0)
        var due = PieceSet(count: count)
        var backup = PieceSet(count: count)
        var forsaken = PieceSet(count: count)
        for stripe in Stripe.all {
            let pieces = stripe.pieces(among: count)
            guard missing.hasMember(in: pieces) else { continue }
            if !alone {
                let delay =
                    feeds[stripe.number].standsIn(at: now)
                    ? Self.standInTime * chance
                    : settings.policies.injection.delay(stripe, lease: lease, neighbors: links.count, chance: chance)
                guard let delay, age >= delay else { continue }
                if !isOld, age >= delay + spreadTime { forsaken.formUnion(missing, in: pieces) }
                guard delay == .zero else {
                    backup.formUnion(missing, in: pieces)
                    continue
                }
            }
            due.formUnion(missing, in: pieces)
        }
        guard !alone else { return fetch(due, of: place, because: .alone, at: now, into: &commands) }
        guard !due.isEmpty || !backup.isEmpty else { return }
        // What neighbors have of old segments will come from them, if not at once: no tree waits for it. What a single one
        // has for long, its root mostly, that one is too weak to spread: that is a share like any other.
        var elsewhere = held(sequence, count: count) { $0.uploads && (isOld || !$0.chokesUs) }
        if !forsaken.isEmpty {
            forsaken.subtract(
                neighbors.survey { seats in
                    segments[place].holders.held(by: 2) { seats[$0].uploads && !seats[$0].chokesUs }
                })
            elsewhere.subtract(forsaken)
            due.formUnion(forsaken)
            backup.subtract(forsaken)
        }
        elsewhere.formUnion(promised(sequence, count: count, at: now))
        due.subtract(elsewhere)
        backup.subtract(elsewhere)
        fetch(due, of: place, because: .lease, at: now, into: &commands)
        fetch(backup, of: place, because: .backup, at: now, into: &commands)
    }

    /// What was there before the lease was the share of others, or is nobody's any more. Until the origin has told which
    /// segment is the newest, all count as such.
    mutating func take(_ lease: Lease?) {
        if self.lease == nil, lease != nil {
            leaseFrom = [chronicle.newest, offered?.upperBound].compactMap { $0 }.max()
        }
        if lease == nil { leaseFrom = nil }
        self.lease = lease
    }
}
