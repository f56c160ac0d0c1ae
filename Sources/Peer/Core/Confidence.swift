import Vocabulary

/// Whether it pays to wait for peers: by what share of recent segments they brought in time.
///
/// A viewer whose peers are hostile or stalled must not be worse off than with plain HTTP. When peers have brought next
/// to nothing of what was left to them of several segments in a row, new ones are taken from the origin at once. Now and
/// then peers are not told of a stripe that is on its way from there, to see whether they have become better: they push it
/// then, and the picture does not wait for it.
struct Confidence: Sendable {
    /// How long segments that peers mostly brought have taken lately, from the record to the last piece.
    private(set) var usualTime: Interval?
    private var failures = 0
    private var nextTrial = Instant.zero
    private var pause = Self.shortestPause

    /// Peers' share of what is left to them below which they were of no use.
    private static let useful = 0.1
    private static let patience = 2
    private static let shortestPause = Interval.seconds(8)
    private static let longestPause = Interval.seconds(60)

    /// They brought much, and too late.
    private(set) var isForSlowness = false

    /// Peers are not waited for.
    var isLost: Bool { failures >= Self.patience }

    /// They have never brought anything, or the picture stood still although the origin had much to give.
    mutating func lose(forSlowness isForSlowness: Bool, at now: Instant) {
        guard !isLost else { return }
        (failures, self.isForSlowness) = (Self.patience, isForSlowness)
        nextTrial = now + pause
    }

    /// A segment is complete of which something was left to peers.
    ///
    /// - Parameter share: how much of that they have brought.
    mutating func completed(shareFromPeers share: Double, at now: Instant) {
        guard share < Self.useful else {
            guard !isLost else { return }
            failures = 0
            pause = max(Self.shortestPause, pause * 0.9)
            return
        }
        guard !isLost else { return }
        failures += 1
        isForSlowness = false
        nextTrial = now + pause
    }

    /// Peers have brought most of a segment.
    mutating func brought(after time: Interval) { usualTime = usualTime.map { $0 * 0.75 + time * 0.25 } ?? time }

    /// Whether it is time to see if they have become better. One trial is enough at a time.
    mutating func beginTrial(at now: Instant) -> Bool {
        guard isLost, now >= nextTrial else { return false }
        nextTrial = now + Self.longestPause
        return true
    }

    mutating func endTrial(isSuccess: Bool, at now: Instant) {
        guard isLost else { return }
        pause = min(pause * 2, Self.longestPause)
        nextTrial = now + pause
        if isSuccess { failures = Self.patience - 1 }
    }
}
