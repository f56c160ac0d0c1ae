package import Vocabulary

/// When only the origin can still bring it in time, by the time that it was measured to take.
package struct WhenSlackRunsOut: FallbackRule {
    /// What is kept in hand beyond the expected time.
    private static let margin = Interval.milliseconds(400)

    package init() {}

    /// Half of the time is the peers', however slow the origin seems: when it is slow because everybody asks it, asking
    /// it earlier makes it slower still.
    package func threshold(fetch: Interval, slack: Interval, wait: Interval) -> Interval {
        min(fetch + Self.margin, (slack + wait) * 0.5)
    }
}
