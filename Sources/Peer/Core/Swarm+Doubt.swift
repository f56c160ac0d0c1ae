import Vocabulary

/// When peers are not waited for, and how they are tried again.
extension Swarm {
    /// How long those who were asked first may take to bring the first piece of all, until the origin is asked for as much
    /// as it answers readily, and until nobody is waited for any more, however busy it is.
    private static let firstPatience = Interval.milliseconds(600)
    private static let lastPatience = Interval.milliseconds(1_500)
    /// The part of a segment's duration that peers are given to bring a stripe of it.
    private static let trialTime = 0.75
    /// A picture that has stood still for less, lately and in all, has its time back with that: a viewer who left out a swarm
    /// that is well for its sake would cost the origin segments for each tenth of a second.
    private static let shortStall = Interval.milliseconds(500)
    /// A segment that has been there for longer was not pushed from its beginning on.
    private static let trialStart = Interval.milliseconds(500)

    /// Whether peers are left out. Those who are only slow are so only while the origin has much to give: all might be slow
    /// because all ask it, and would ask it because all are slow.
    func hasLostConfidence(at now: Instant) -> Bool {
        confidence.isLost && (!confidence.isForSlowness || isOriginPlentiful(at: now))
    }

    private func isOriginPlentiful(at now: Instant) -> Bool {
        streamRate.map { origin.isPlentiful(for: $0, at: now) } ?? false
    }

    /// Why everything that is missing is asked of the origin at once, as a player does; `nil` while peers are waited for.
    func doubt(at now: Instant) -> FetchReason? {
        if hasLostConfidence(at: now) { return .lostConfidence }
        return isLetDown(for: Self.firstPatience, at: now) ? .startup : nil
    }

    /// Nobody has ever brought anything, and there has been time for it, however long the way is. In a crowd all may wait for each other.
    private func isLetDown(for time: Interval, at now: Instant) -> Bool {
        guard let firstAsked, tally.bytesFromPeers == 0, viewers < Self.crowd else { return false }
        return now - firstAsked > time + uplink.detour * 4
    }

    /// Confidence is lost before a segment is complete when nothing has come at all, and when the picture has stood still
    /// for what the origin could have given.
    mutating func reviewConfidence(at now: Instant) {
        if isLetDown(for: Self.lastPatience, at: now) { confidence.lose(forSlowness: false, at: now) }
        if playhead.stalls > stallsSeen, playhead.caution > Self.shortStall, hasGreeted, isOriginPlentiful(at: now) {
            confidence.lose(forSlowness: true, at: now)
        }
        stallsSeen = playhead.stalls
        endTrial(at: now)
    }

    /// Tries peers with a stripe of the segment, if that is new and the time has come.
    mutating func tryPeers(with place: Int, at now: Instant) {
        let sequence = segments[place].sequence
        guard sequence == chronicle.newest, now - segments[place].arrival < Self.trialStart,
            confidence.beginTrial(at: now)
        else { return }
        let first = Int(sequence % UInt64(Stripe.count))
        let order = Stripe.all[first...] + Stripe.all[..<first]
        // One that somebody is to push.
        segments[place].beginTrial(order.first { feeds[$0.number].parent != nil } ?? Stripe.all[first])
    }

    /// Neighbors hear of the stripe that they were tried with when they have had their time.
    private mutating func endTrial(at now: Instant) {
        for place in segments.indices where segments[place].trial != nil {
            guard now - segments[place].arrival >= duration(segments[place].sequence) * Self.trialTime else { continue }
            confidence.endTrial(isSuccess: segments[place].endTrial(), at: now)
            segments[place].isUntold = true
            planFlush(within: settings.gather, at: now)
        }
    }
}
