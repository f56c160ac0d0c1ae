package import Vocabulary

/// Holds media back so that it leaves as fast as it plays, whatever the source can deliver.
package struct Pacer: Sendable {
    /// Media may run this far ahead of the clock.
    private let lead: Interval
    /// Falling this far behind (a suspended machine, a paused pipe) is forgotten instead of caught up.
    private let patience: Interval
    private var start: (media: Int64, clock: Instant)?

    package init(lead: Interval = .milliseconds(0), patience: Interval = .seconds(10)) {
        self.lead = lead
        self.patience = patience
    }

    /// How long the media stamped `time` (microseconds) has to wait.
    package mutating func delay(of time: Int64, at now: Instant) -> Interval {
        guard let start else {
            self.start = (time, now)
            return .zero
        }
        let due = start.clock + .microseconds(time - start.media) - lead
        if now - due > patience {
            self.start = (time, now)
            return .zero
        }
        return max(.zero, due - now)
    }
}
