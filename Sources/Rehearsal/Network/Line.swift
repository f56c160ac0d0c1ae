package import Vocabulary

/// How one host is connected: its access line, as seen from the middle of the network.
package struct Line: Hashable, Sendable {
    /// Bits per second that leave the host; zero for no bound.
    package var up: Double
    /// Bits per second that come to the host; zero for no bound.
    package var down: Double
    /// What each packet takes that the host sends: the round trip of two hosts is the sum of their delays.
    package var delay: Interval
    /// Up to so much more, evenly drawn for each packet; no packet overtakes another.
    package var jitter: Interval
    /// The share of packets that is lost, on the way out and on the way in.
    package var loss: Double
    /// How long a packet may wait for the uplink or the downlink; what would wait longer is dropped.
    package var queue: Interval

    package init(
        up: Double = 0, down: Double = 0, delay: Interval = .zero, jitter: Interval = .zero, loss: Double = 0,
        queue: Interval = .milliseconds(100)
    ) {
        self.up = up
        self.down = down
        self.delay = delay
        self.jitter = jitter
        self.loss = loss
        self.queue = queue
    }
}
