package import Vocabulary

/// One question about a swarm, with the imagined world in which it is asked.
package struct Scenario: Sendable {
    package var name: String
    package var question: String
    package var viewers = 30
    /// How long the broadcast is watched.
    package var length = Interval.seconds(60)
    package var segmentDuration = Interval.seconds(2)
    /// Bytes of one segment.
    package var segmentLength = 1 << 20
    /// Bytes per second.
    package var originUplink = 16.0e6 / 8
    package var uplink = 8.0e6 / 8
    package var downlink = 40.0e6 / 8
    /// What a host's packets take to any other host: a round trip takes twice as long.
    package var delay = Interval.milliseconds(20)
    /// Viewers join evenly over this time.
    package var arrivals = Interval.seconds(5)
    /// Share of viewers that give nothing.
    package var freeRiders = 0.0
    /// Share of viewers that send bytes that do not verify.
    package var polluters = 0.0
    /// When some viewers vanish without a word, and which share of them.
    package var exodus: (time: Interval, share: Double)?
    /// When the tracker does not answer.
    package var trackerOutage: Range<Instant>?
    /// When the origin neither publishes nor answers.
    package var originOutage: Range<Instant>?
    package var seed: UInt64 = 1

    package init(name: String, question: String, _ change: (inout Scenario) -> Void = { _ in }) {
        self.name = name
        self.question = question
        change(&self)
    }

    /// Bytes per second of the stream.
    package var rate: Double { Double(segmentLength) / segmentDuration.seconds }
}
