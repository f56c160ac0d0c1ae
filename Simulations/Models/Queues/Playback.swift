import Vocabulary

/// One player whose chunks come at random, a little faster than they are played.
package struct Playback: Sendable {
    /// Chunks that come while one is played.
    package var rate: Double
    /// Chunks that wait before the first is played.
    package var prefetched: Double
    package var gaps = Law.exponential(mean: 1)

    package init(rate: Double, prefetched: Double) {
        self.rate = rate
        self.prefetched = prefetched
    }

    /// The share of runs in which the player ever stops.
    ///
    /// A run ends when it stalls, or when so many chunks wait that it stalls later with a probability below 1e-6.
    package func stallProbability(runs: Int, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        let safe = prefetched + 14 / StallBound.exponent(rate: rate)
        var stalls = 0
        for _ in 0..<runs {
            var waiting = prefetched
            while waiting < safe {
                let gap = gaps.draw(&random) / rate
                waiting -= gap
                guard waiting >= 0 else {
                    stalls += 1
                    break
                }
                waiting += 1
            }
        }
        return Estimate(share: stalls, of: runs)
    }

    /// Seconds from the click to the first picture, event by event: handshakes, then a buffer that fills.
    package static func startup(
        handshakes: Int, roundTrip: Double, buffer: Double, speed: Double, piece: Double = 0.01
    ) -> Double {
        var now = 0.0
        for _ in 0..<handshakes { now += roundTrip }
        var line = Line()
        var ready = now
        // A piece is `piece` seconds of the stream and takes `piece / speed` seconds to come.
        for _ in 0..<Int((buffer / piece).rounded()) { ready = line.send(piece / speed, at: now) }
        return ready
    }
}
