import Vocabulary

/// Where the player is, and so when each segment is needed.
///
/// A player that got its first segment at one moment needs each later one when what lies between has played. Without a
/// player, an imagined one that starts when the first segment is complete stands in for it.
struct Playhead: Sendable {
    private struct Anchor {
        var sequence: UInt64
        var time: Instant
    }

    private let joined: Instant
    private let patience: Interval
    private var anchor: Anchor?
    private var isReal = false
    private(set) var stalls = 0
    /// How long the player has waited in all.
    private(set) var stalled = Interval.zero

    /// Lateness below this is not seen: players start a frame late, too.
    private static let tolerance = Interval.milliseconds(100)

    init(joined: Instant, patience: Interval) {
        self.joined = joined
        self.patience = patience
    }

    /// Whether anything has been played.
    var hasStarted: Bool { anchor != nil }

    /// When segment `sequence` is needed by a player that starts, or has started, at `start`.
    ///
    /// `duration` gives the playing time of a segment by number.
    func need(for sequence: UInt64, start: UInt64, duration: (UInt64) -> Interval) -> Instant {
        let anchor = anchor ?? Anchor(sequence: start, time: joined + patience)
        guard sequence > anchor.sequence else { return anchor.time }
        guard sequence - anchor.sequence <= Chronicle.depth else { return .distantFuture }
        return (anchor.sequence..<sequence).reduce(anchor.time) { $0 + duration($1) }
    }

    /// A segment is complete; nobody has asked for it yet, or the player has just got it.
    mutating func complete(_ sequence: UInt64, byPlayer: Bool, at now: Instant, duration: (UInt64) -> Interval) {
        guard let anchor else {
            self.anchor = Anchor(sequence: sequence, time: now)
            isReal = byPlayer
            return
        }
        // A player that joins, or seeks back, starts anew.
        if byPlayer, !isReal || sequence < anchor.sequence {
            self.anchor = Anchor(sequence: sequence, time: now)
            isReal = true
            return
        }
        guard byPlayer == isReal, sequence > anchor.sequence else { return }
        let need = need(for: sequence, start: sequence, duration: duration)
        let late = now - need
        guard late > Self.tolerance else {
            self.anchor = Anchor(sequence: sequence, time: need)
            return
        }
        stalls += 1
        stalled = stalled + late
        self.anchor = Anchor(sequence: sequence, time: now)
    }
}
