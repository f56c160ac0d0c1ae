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
    /// When a real player last got something; `nil` while the imagined one stands in.
    private var lastServed: Instant?
    /// The newest segment that the player has got without a jump.
    private var lastReceived: UInt64?
    /// Whether a first segment has been complete, so that something can be played.
    private(set) var hasStarted = false
    private(set) var stalls = 0
    /// How long the player has waited in all.
    private(set) var stalled = Interval.zero
    /// How much earlier than needed to be done with a segment, by how late others were: grows with each stall, and is
    /// forgotten slowly.
    private(set) var caution = Interval.zero

    /// Lateness below this is not seen: players start a frame late, too.
    private static let tolerance = Interval.milliseconds(100)
    private static let mostCaution = Interval.seconds(1)
    /// A player that has got nothing for so long has gone.
    private static let absence = Interval.seconds(30)

    init(joined: Instant, patience: Interval) {
        self.joined = joined
        self.patience = patience
    }

    /// When segment `sequence` is needed by a player that starts, or has started, at `start`.
    ///
    /// `duration` gives the playing time of a segment by number.
    func need(for sequence: UInt64, start: UInt64, duration: (UInt64) -> Interval) -> Instant {
        let anchor = anchor ?? Anchor(sequence: start, time: joined + patience)
        guard sequence > anchor.sequence else { return anchor.time }
        guard sequence - anchor.sequence <= Chronicle.depth else { return .distantFuture }
        return (anchor.sequence..<sequence).reduce(anchor.time) { $0 + duration($1) }
    }

    /// The player asks for a segment. If it is not the next one, the player has just come or has jumped, and waits.
    mutating func ask(_ sequence: UInt64, at now: Instant) {
        lastServed = now
        if let lastReceived, sequence == lastReceived || sequence == lastReceived + 1 { return }
        anchor = Anchor(sequence: sequence, time: now + patience)
        lastReceived = nil
    }

    /// Whether a player that gets segment `sequence` begins with it.
    func begins(with sequence: UInt64) -> Bool {
        lastReceived == nil && (lastServed == nil || anchor?.sequence == sequence)
    }

    /// A segment is complete: the player has got it, or nobody has asked for it yet.
    ///
    /// An imagined player does not begin before `opening`.
    mutating func complete(
        _ sequence: UInt64, byPlayer: Bool, at now: Instant, opening: Instant = .zero, duration: (UInt64) -> Interval
    ) {
        hasStarted = true
        if !byPlayer, let last = lastServed, now - last > Self.absence {
            lastServed = nil
            lastReceived = nil
            anchor = nil
        }
        if byPlayer {
            lastServed = now
            lastReceived = sequence
        }
        guard let anchor else {
            self.anchor = Anchor(sequence: sequence, time: max(now, opening))
            return
        }
        guard byPlayer == (lastServed != nil), sequence >= anchor.sequence else { return }
        let need = need(for: sequence, start: sequence, duration: duration)
        // What comes early is played when its turn has come; the first one is played at once.
        let isFirst = sequence == anchor.sequence
        let late = now - need
        if late > Self.tolerance, !isFirst {
            stalls += 1
            stalled = stalled + late
            caution = min(caution + late, Self.mostCaution)
        } else {
            caution = caution * 0.95
        }
        self.anchor = Anchor(sequence: sequence, time: isFirst ? max(now, opening) : late > Self.tolerance ? now : need)
    }
}
