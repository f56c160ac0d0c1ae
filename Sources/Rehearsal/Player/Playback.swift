package import Vocabulary

/// What somebody before the screen would see: an imagined clock plays each segment once it is whole.
///
/// The picture moves when the first segment is whole. When the next is not there in time, it freezes until it is.
package struct Playback: Hashable, Sendable {
    package struct Stall: Hashable, Sendable {
        package var from: Instant
        package var to: Instant

        package var length: Interval { to - from }
    }

    package private(set) var stalls: [Stall] = []

    /// A freeze shorter than this is not seen.
    package static let tolerance = Interval.milliseconds(100)

    /// - Parameters:
    ///   - arrivals: when each segment was whole and how long it plays, in order of their sequence numbers.
    ///   - end: until when the broadcast went on with somebody watching.
    package init(_ arrivals: [(whole: Instant, duration: Interval)], until end: Instant) {
        guard let first = arrivals.first else { return }
        var played = first.whole + first.duration
        for arrival in arrivals.dropFirst() {
            if arrival.whole - played > Self.tolerance {
                stalls.append(Stall(from: played, to: arrival.whole))
                played = arrival.whole
            }
            played = played + arrival.duration
        }
        if end - played > Self.tolerance { stalls.append(Stall(from: played, to: end)) }
    }

    package var stalled: Interval { stalls.reduce(.zero) { $0 + $1.length } }
}
