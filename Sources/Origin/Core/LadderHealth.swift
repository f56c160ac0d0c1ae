package import Vocabulary

/// Whether the machine keeps up with making the smaller renditions.
package struct LadderHealth: Sendable {
    /// How long a segment of the source may wait for its smaller copies.
    private let patience: Interval
    /// How long an encoder may take to begin.
    private let start: Interval
    private let begun: Instant
    private var hasOutput = false
    /// When the encoder got a picture last, and the first after a pause.
    private var fed: (last: Instant, first: Instant)
    /// Without a picture for so long it has nothing to do, and what it has taken may stay in it until more have come.
    private static let pause = Interval.milliseconds(900)

    package init(segmentDuration: Int64, at now: Instant) {
        patience = max(.seconds(4), .microseconds(2 * segmentDuration))
        start = .seconds(15)
        begun = now
        fed = (now, now)
    }

    /// The encoder is given a picture.
    package mutating func feed(at now: Instant) { fed = (now, now - fed.last > Self.pause ? now : fed.first) }

    /// - Parameter waitingSince: when the oldest segment was complete that still waits; `nil` for none.
    package mutating func isTooSlow(hasOutput: Bool, waitingSince: Instant?, at now: Instant) -> Bool {
        self.hasOutput = self.hasOutput || hasOutput
        guard self.hasOutput else { return now - begun > start }
        // What waited for the encoder's start is not held against it.
        guard let waitingSince, now - fed.last <= Self.pause else { return false }
        return now - max(waitingSince, fed.first) > (hasOutput ? patience : start)
    }
}

/// Which smaller renditions to make, and with how many bits per second.
package struct LadderPlan: Hashable, Sendable {
    package struct Rung: Hashable, Sendable {
        package var height: Int
        /// Bits per second of its pictures.
        package var bitRate: Int
    }

    /// Tallest first.
    package var rungs: [Rung]

    /// - Parameters:
    ///   - heights: what is wished for; what is not smaller than the source is left out.
    ///   - framesPerKilosecond: 0 when unknown.
    package init(heights: [Int], sourceHeight: Int, framesPerKilosecond: Int) {
        let smaller = Set(heights).filter { $0 > 0 && $0 < sourceHeight }.sorted(by: >)
        rungs = smaller.prefix(Limits.renditions - 2).map { height in
            let even = height - height % 2
            // As usual for H.264: 480 lines 1.2, 720 lines 2.5, 1080 lines 5 Mbit/s at 30 pictures a second.
            var rate = 1_200_000 * even * even / (480 * 480)
            rate = even > 480 ? rate * 94 / 100 : max(200_000, rate)
            if framesPerKilosecond > 40_000 { rate = rate * 3 / 2 }
            return Rung(height: even, bitRate: rate)
        }
    }
}
