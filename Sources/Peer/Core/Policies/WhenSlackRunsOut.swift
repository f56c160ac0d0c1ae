package import Vocabulary

/// When only the origin can still bring it in time, by the time that it was measured to take.
package struct WhenSlackRunsOut: FallbackRule {
    /// What is kept in hand beyond the expected time.
    private static let margin = Interval.milliseconds(400)

    package init() {}

    /// The swarm is left the time that it usually takes, if there is so much, and else half of what there is: when the
    /// origin is slow because everybody asks it, asking it earlier makes it slower still.
    package func threshold(fetch: Interval, slack: Interval, wait: Interval, usual: Interval?) -> Interval {
        let budget = slack + wait
        let rest = usual.map { budget - $0 * 1.1 } ?? .zero
        return min(fetch + Self.margin, rest > Self.margin ? rest : budget * 0.5)
    }
}
