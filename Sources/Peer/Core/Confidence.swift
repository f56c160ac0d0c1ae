import Vocabulary

/// Whether it pays to wait for peers: by what share of recent segments they brought in time.
///
/// A viewer whose peers are hostile or stalled must not be worse off than with plain HTTP. When peers have brought next
/// to nothing of several segments in a row, new ones are taken from the origin at once; now and then one is left to the
/// peers again, to see whether they have become better.
struct Confidence: Sendable {
    /// How long segments that peers mostly brought have taken lately, from the record to the last piece.
    private(set) var usualTime: Interval?
    private var failures = 0
    private var nextTrial = Instant.zero
    private var pause = Interval.seconds(8)

    /// Peers' share of a segment below which they were of no use.
    private static let useful = 0.1
    private static let patience = 2
    private static let longestPause = Interval.seconds(60)

    /// Peers are not waited for.
    func isLost(at now: Instant) -> Bool { isDoubtful && now < nextTrial }

    /// They have been of no use, and may have become better.
    var isDoubtful: Bool { failures >= Self.patience }

    mutating func completed(shareFromPeers share: Double, after time: Interval, wasTrial: Bool, at now: Instant) {
        if share > 0.8 { usualTime = usualTime.map { $0 * 0.75 + time * 0.25 } ?? time }
        guard share < Self.useful else {
            failures = 0
            pause = .seconds(8)
            return
        }
        guard wasTrial else { return }
        failures += 1
        guard failures >= Self.patience else { return }
        if failures > Self.patience { pause = min(pause * 2, Self.longestPause) }
        nextTrial = now + pause
    }
}
