import Vocabulary

/// The timeline's own speed, by the hold model: the earliest event is taken and planned again a while later.
package enum TimelineMeasure {
    /// Events per second of `now`, with so many pending.
    package static func eventsPerSecond(pending: Int, now: () -> Double) -> Double {
        var timeline = Timeline<Happening>(crowd: pending)
        var random = Randomness(seed: 1)
        for _ in 0..<pending {
            timeline.plan(
                Happening(kind: .wake), at: Instant(nanoseconds: Int64.random(in: 0..<1_000_000, using: &random)))
        }
        let rounds = 2_000_000
        let start = now()
        for _ in 0..<rounds {
            guard let (time, event) = timeline.next() else { break }
            let pause = Interval(nanoseconds: Int64.random(in: 0..<2_000_000, using: &random))
            timeline.plan(event, at: time + pause)
        }
        return Double(rounds) / max(1e-9, now() - start)
    }
}
