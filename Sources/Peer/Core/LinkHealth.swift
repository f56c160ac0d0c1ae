import Vocabulary

/// How well a neighbor brings what it is asked for, and so how much it is asked for at once.
///
/// The window is steered by delay, as LEDBAT's is (RFC 6817): pieces that take much longer than the best ones wait in
/// the neighbor's queue, where they can go to nobody else. So each neighbor is asked for little, and all for different
/// pieces.
struct LinkHealth: Sendable {
    var window: Int { Int(reach) }
    private var reach: Int32 = 4
    private var strikes: Int32 = 0
    /// Moving average of the time from want to piece.
    private(set) var pieceTime = Interval.milliseconds(200)
    /// The shortest such time lately.
    private var bestTime = Interval.seconds(1)
    private var demotedUntil = Instant.zero
    private var pause = Self.shortestPause

    private static let shortestPause = Interval.seconds(10)
    private static let longestPause = Interval.seconds(160)
    private static let windowRange = 2...64
    /// Waiting time in the neighbor's queue that is still worth it.
    private static let target = Interval.milliseconds(150)

    /// How long a wanted piece may take before it is asked of somebody else.
    var patience: Interval { max(.milliseconds(1_500), pieceTime * 4) }

    /// Slow links come last until they have had time to recover, longer each time that nothing came of it.
    func isDemoted(at now: Instant) -> Bool { now < demotedUntil }

    /// A small question takes so long to the neighbor and back. A connection that has rested sends a piece in two parts
    /// (RFC 6928), a way and a half after the want has come.
    mutating func isAway(by way: Interval) { pieceTime = max(pieceTime, way * 3) }

    mutating func delivered(after time: Interval) {
        pieceTime = pieceTime * 0.875 + time * 0.125
        bestTime = min(time, bestTime + bestTime * 0.01)
        let step = time < bestTime + Self.target ? 1 : -1
        reach = Int32(min(max(window + step, Self.windowRange.lowerBound), Self.windowRange.upperBound))
    }

    /// A piece has come, asked for or not.
    mutating func brought() {
        strikes = 0
        pause = Self.shortestPause
    }

    mutating func timedOut(at now: Instant) {
        reach = Int32(max(window / 2, Self.windowRange.lowerBound))
        strikes += 1
        guard strikes >= 2, now >= demotedUntil else { return }
        demotedUntil = now + pause
        pause = min(pause * 2, Self.longestPause)
    }
}
