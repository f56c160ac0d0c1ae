package import Vocabulary

/// Bounds what a log says of one kind of thing that strangers cause: a flood of it must not fill the disk that the broadcasts
/// need, nor hide what else is said.
package struct Brevity: Sendable {
    /// So many of a kind are told in so long.
    private static let burst = 20
    private static let span = Interval.seconds(10)

    private struct Count {
        var begin: Instant
        var told = 0
        var untold = 0
    }

    private var counts: [String: Count] = [:]

    package init() {}

    /// How many of its kind were passed over before this one; `nil` when it is to be passed over, too.
    ///
    /// - Parameter kind: one of a few that the caller knows.
    package mutating func tells(_ kind: String, at now: Instant) -> Int? {
        var count = counts[kind] ?? Count(begin: now)
        defer { counts[kind] = count }
        if now - count.begin >= Self.span { count = Count(begin: now, untold: count.untold) }
        guard count.told < Self.burst else {
            count.untold += 1
            return nil
        }
        count.told += 1
        defer { count.untold = 0 }
        return count.untold
    }
}
