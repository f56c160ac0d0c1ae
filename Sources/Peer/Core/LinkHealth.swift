import Vocabulary

/// How well a neighbor brings what it is asked for, and so how much it is asked for at once.
///
/// The window grows by one with each piece that comes in time and is halved by one that does not (AIMD, as TCP does).
struct LinkHealth: Sendable {
    private(set) var window = 8
    /// Moving average of the time from want to piece.
    private(set) var pieceTime = Interval.milliseconds(200)
    private var strikes = 0
    private var demotedUntil = Instant.zero

    static let windowRange = 2...64

    /// How long a wanted piece may take before it is asked of somebody else.
    var patience: Interval { max(.milliseconds(800), pieceTime * 3) }

    /// Slow links come last until they have had time to recover.
    func isDemoted(at now: Instant) -> Bool { now < demotedUntil }

    mutating func delivered(after time: Interval) {
        pieceTime = pieceTime * 0.875 + time * 0.125
        window = min(window + 1, Self.windowRange.upperBound)
        strikes = 0
    }

    mutating func timedOut(at now: Instant) {
        window = max(window / 2, Self.windowRange.lowerBound)
        strikes += 1
        if strikes >= 2 { demotedUntil = now + .seconds(10) }
    }
}
