package import Vocabulary

/// What one host has sent and received, counted outside of it. Bytes are those of IP packets, headers included.
package struct Counters: Hashable, Sendable {
    package var sentBytes = 0
    package var sentPackets = 0
    /// Of the bytes sent, what TCP and UDP carried, sent again or not.
    package var sentPayload = 0
    package var receivedBytes = 0
    package var receivedPackets = 0
    package var receivedPayload = 0
    /// Of the bytes received, those that the first host of the network sent.
    package var receivedFromFirst = 0
    /// TCP segments that begin with GET: HTTP requests that came.
    package var requests = 0
    package var lost = 0
    package var overflowedUp = 0
    package var overflowedDown = 0
    /// Packets to addresses that nobody has.
    package var unroutable = 0

    package init() {}
}

/// How late the emulator was with packets, in steps of a quarter of a millisecond.
package struct Lateness: Hashable, Sendable {
    package private(set) var worst = Interval.zero
    private var bins = [Int](repeating: 0, count: 401)

    private static let step: Int64 = 250_000

    package init() {}

    mutating func note(_ late: Interval) {
        worst = max(worst, late)
        bins[min(bins.count - 1, Int(late.nanoseconds / Self.step))] += 1
    }

    /// At most so late was this share of all packets; the last step stands for all above it.
    package func quantile(_ share: Double) -> Interval {
        let total = bins.reduce(0, +)
        guard total > 0 else { return .zero }
        var seen = 0
        for (number, count) in bins.enumerated() {
            seen += count
            if Double(seen) >= share * Double(total) {
                guard number < bins.count - 1 else { return worst }
                return min(worst, Interval(nanoseconds: Int64(number + 1) * Self.step))
            }
        }
        return worst
    }
}

/// All counters at one moment.
package struct Snapshot: Sendable {
    package var time: Instant
    package var hosts: [Counters]
    /// Since the last time that it was asked to begin anew.
    package var lateness: Lateness
    /// CPU time that the emulator has used.
    package var cpu: Interval
}
