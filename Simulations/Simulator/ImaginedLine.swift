package import Vocabulary

/// One host's line to the network: a FIFO uplink and a FIFO downlink of fixed rates, and a delay between.
///
/// The sender's uplink is the bottleneck of nearly every access network; what waits there waits its turn.
package struct ImaginedLine {
    /// Bytes per second.
    let up: Double
    let down: Double
    /// What a packet takes to leave the access network.
    let delay: Interval
    private var upFree = Instant.zero
    private var downFree = Instant.zero
    private(set) var sent = 0
    private(set) var received = 0

    package init(up: Double, down: Double, delay: Interval) {
        self.up = up
        self.down = down
        self.delay = delay
    }

    /// Puts `bytes` on the uplink; returns when the last of them has left.
    package mutating func send(_ bytes: Int, at now: Instant) -> Instant {
        upFree = max(upFree, now) + .seconds(Double(bytes) / up)
        sent += bytes
        return upFree
    }

    /// Takes `bytes` whose last has reached the downlink at `time`; returns when it is through.
    package mutating func receive(_ bytes: Int, at time: Instant) -> Instant {
        let duration = Interval.seconds(Double(bytes) / down)
        downFree = max(downFree, time - duration) + duration
        received += bytes
        return downFree
    }
}
