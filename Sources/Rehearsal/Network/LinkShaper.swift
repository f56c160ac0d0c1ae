package import Vocabulary

/// Says of each packet of one host when it comes through, or why it does not.
///
///     host --(loss)--(uplink: rate, queue)--(delay, jitter)--> middle
///     host <--(downlink: rate, queue)--(loss)----------------- middle
///
/// A value that is told packets and time, and so the same packets at the same times fare the same.
package struct LinkShaper: Sendable {
    package enum Fate: Hashable, Sendable {
        case through(at: Instant)
        case lost
        case overflowed
    }

    /// May change while packets are under way; those keep their times.
    package var line: Line
    private var uplink = RateQueue()
    private var downlink = RateQueue()
    /// When the newest packet reaches the middle: a shorter delay must not let the next one overtake it.
    private var newestArrival = Instant.zero
    private var randomness: Randomness

    package init(_ line: Line, seed: UInt64) {
        self.line = line
        randomness = Randomness(seed: seed)
    }

    /// The host sends a packet; when does it reach the middle?
    package mutating func send(_ bytes: Int, at now: Instant) -> Fate {
        guard !isLost() else { return .lost }
        guard let departure = uplink.pass(bytes, at: now, rate: line.up, longest: line.queue) else {
            return .overflowed
        }
        var arrival = departure + line.delay
        if line.jitter > .zero {
            arrival = arrival + Interval(nanoseconds: Int64.random(in: 0..<line.jitter.nanoseconds, using: &randomness))
        }
        newestArrival = max(newestArrival, arrival)
        return .through(at: newestArrival)
    }

    /// A packet for the host is in the middle; when does the host have it?
    package mutating func receive(_ bytes: Int, at now: Instant) -> Fate {
        guard !isLost() else { return .lost }
        guard let arrival = downlink.pass(bytes, at: now, rate: line.down, longest: line.queue) else {
            return .overflowed
        }
        return .through(at: arrival)
    }

    private mutating func isLost() -> Bool {
        line.loss > 0 && Double.random(in: 0..<1, using: &randomness) < line.loss
    }
}

/// One way of a line: packets leave it in their order, at its rate, and a full queue drops the newest.
struct RateQueue: Sendable {
    /// When the line has sent all that it has been told of.
    private var free = Instant.zero

    /// No queue is shorter than this many bytes, or a slow line would hold no whole window of packets.
    static let smallest = 32_768.0

    mutating func pass(_ bytes: Int, at now: Instant, rate: Double, longest: Interval) -> Instant? {
        guard rate > 0 else { return now }
        let start = max(free, now)
        guard start - now <= max(longest, .seconds(Self.smallest * 8 / rate)) else { return nil }
        free = start + Interval(nanoseconds: Int64(Double(bytes) * 8e9 / rate))
        return free
    }
}
