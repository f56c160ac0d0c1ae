import Vocabulary

/// Viewers of some classes who come at random and stay as long as they like; an oracle divides uplinks at every moment.
package struct ChurnedSwarm: Sendable {
    package struct Class: Hashable, Sendable {
        /// Mean number present.
        package var present: Double
        package var uplink: Double

        package init(present: Double, uplink: Double) {
            self.present = present
            self.uplink = uplink
        }
    }

    package var rate: Double
    package var origin: Double
    package var classes: [Class]
    package var sessions: Law

    package init(rate: Double, origin: Double, classes: [Class], sessions: Law) {
        self.rate = rate
        self.origin = origin
        self.classes = classes
        self.sessions = sessions
    }

    package struct Figures: Hashable, Sendable {
        /// The share of time in which everybody can have the whole stream.
        package var universalStreaming: Estimate
        /// Bytes delivered over bytes wanted.
        package var deliveredRatio: Estimate
        /// The share of delivered bytes that came from viewers, when viewers give to all, and when one of them only takes.
        package var liveOffload: Estimate
        package var onDemandOffload: Estimate
        package var viewers: Estimate
        package var variance: Estimate
        package var sessions: Int
    }

    /// Watches for `time` mean sessions, beginning in equilibrium.
    package func run(sessions time: Double, seed: UInt64, batches: Int = 40) -> Figures {
        var random = Randomness(seed: seed)
        var counts = classes.map { random.poisson(mean: $0.present) }
        var leaving = Agenda()
        for (number, count) in counts.enumerated() {
            for _ in 0..<count { leaving.plan(number, at: sessions.drawRemaining(&random)) }
        }
        let end = time * sessions.mean
        let length = end / Double(batches)
        let perSecond = classes.map { $0.present / sessions.mean }
        let arrivals = perSecond.reduce(0, +)
        var sums = [Sums](repeating: Sums(), count: batches)
        var nextArrival = random.exponential(mean: 1 / arrivals)
        var now = 0.0
        var came = 0
        while now < end {
            let next = min(nextArrival, leaving.nextTime, end)
            add(counts, for: next - now, to: &sums[min(batches - 1, Int(now / length))])
            now = next
            guard now < end else { break }
            if leaving.nextTime <= nextArrival, let (_, number) = leaving.next() {
                counts[number] -= 1
            } else {
                var choice = random.unit() * arrivals
                var number = 0
                while number < classes.count - 1, choice > perSecond[number] {
                    choice -= perSecond[number]
                    number += 1
                }
                counts[number] += 1
                came += 1
                leaving.plan(number, at: now + sessions.draw(&random))
                nextArrival = now + random.exponential(mean: 1 / arrivals)
            }
        }
        let mean = Estimate(ratio: sums.map(\.viewers), to: sums.map(\.time), batches: batches)
        // About the mean of the whole run: one of each batch would hide what is slower than a batch.
        let squares = sums.map { $0.squares - 2 * mean.value * $0.viewers + mean.value * mean.value * $0.time }
        return Figures(
            universalStreaming: Estimate(ratio: sums.map(\.universal), to: sums.map(\.time), batches: batches),
            deliveredRatio: Estimate(ratio: sums.map(\.delivered), to: sums.map(\.wanted), batches: batches),
            liveOffload: Estimate(ratio: sums.map(\.live), to: sums.map(\.wanted), batches: batches),
            onDemandOffload: Estimate(ratio: sums.map(\.onDemand), to: sums.map(\.wanted), batches: batches),
            viewers: mean, variance: Estimate(ratio: squares, to: sums.map(\.time), batches: batches), sessions: came)
    }

    private struct Sums {
        var time = 0.0
        var universal = 0.0
        var wanted = 0.0
        var delivered = 0.0
        var live = 0.0
        var onDemand = 0.0
        var viewers = 0.0
        var squares = 0.0
    }

    private func add(_ counts: [Int], for time: Double, to sums: inout Sums) {
        var viewers = 0.0
        var uplinks = 0.0
        for (number, count) in counts.enumerated() {
            viewers += Double(count)
            uplinks += Double(count) * classes[number].uplink
        }
        sums.time += time
        sums.viewers += viewers * time
        sums.squares += viewers * viewers * time
        guard viewers > 0 else {
            sums.universal += time
            return
        }
        let wanted = viewers * rate
        let each = min(rate, origin, (origin + uplinks) / viewers)
        if origin >= rate, origin + uplinks >= wanted { sums.universal += time }
        sums.wanted += wanted * time
        sums.delivered += viewers * each * time
        // The origin sends each byte at least once, and what uplinks do not carry.
        sums.live += (wanted - max(rate, wanted - uplinks)) * time
        sums.onDemand += min(wanted - rate, uplinks * (viewers - 1) / viewers) * time
    }
}
