import Vocabulary

/// Whether peers could bring everything, and what they bring if they cannot.
///
/// Where uplinks carry less than the stream for each viewer, some stripes find nobody to push them, and what is pulled
/// instead fills what is left of the uplinks. What comes then is all that peers have to give.
struct Supply: Sendable {
    /// Bytes from peers in a second, over the last few segments.
    private var rate = 0.0
    private var watched = 0.0
    private var total = 0
    private var lastLook: Instant?
    private var shortSince: Instant?

    /// Segments come in bursts: what one second shows says little.
    private static let memory = 12.0
    private static let leastWatched = 4.0
    private static let patience = Interval.seconds(1)
    /// The part of a segment's duration in which all children are to have it. A segment comes at once and as fast as the
    /// origin gives it, not over the time that it plays: who pushes as many stripes as its uplink carries in that time has
    /// its last child wait for all of it, and that child's stripe is the one that its segment waits for.
    private static let rush = 0.6
    /// The same where peers cannot bring everything: all of an uplink counts, and nobody has its segment early.
    private static let amble = 0.9

    /// Peers cannot bring all that is wanted.
    private(set) var isShort = false

    /// The part of a segment's duration in which those we push to are to have it.
    var pace: Double { isShort ? Self.amble : Self.rush }

    /// Whether neighbors with so many slots on the average could each push the stream once, had they all of a segment's
    /// duration for it.
    func isEnough(_ slots: Double) -> Bool { slots >= Double(Stripe.count) * pace }

    /// - Parameters:
    ///   - total: bytes from peers so far.
    ///   - slots: how many stripes a neighbor says that it can push, on the average.
    mutating func observe(_ total: Int, slots: Double, at now: Instant) {
        shortSince = isEnough(slots) ? nil : shortSince ?? now
        isShort = shortSince.map { now - $0 >= Self.patience } ?? false
        defer { (self.total, lastLook) = (total, now) }
        guard let lastLook, now > lastLook else { return }
        let seconds = (now - lastLook).seconds
        watched = min(watched + seconds, Self.memory)
        rate += (Double(total - self.total) / seconds - rate) * min(1, seconds / watched)
    }

    /// Bytes that peers will bring within `time`; `nil` while they can bring everything, or it is not known yet.
    func limit(within time: Interval) -> Int? {
        isShort && watched >= Self.leastWatched ? Int(rate * max(0, time.seconds)) : nil
    }
}
