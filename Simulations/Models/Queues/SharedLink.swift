import Vocabulary

/// One link that shares its unit rate evenly among the flows that are on it, each at most `1 / slots` of it.
///
/// With one slot this is the M/G/1 processor-sharing queue: a flow of size x takes x / (1 - load) on average, whatever
/// the law of sizes. With more it is the link of access-limited flows (Bonald and Proutiere).
package struct SharedLink: Sendable {
    package enum Discipline: Sendable {
        case fairShare
        case firstComeFirstServed
    }

    package var load: Double
    /// Mean 1, in units of what the link carries in one unit of time.
    package var sizes: Law
    package var slots = 1
    package var discipline = Discipline.fairShare

    package init(load: Double, sizes: Law) {
        self.load = load
        self.sizes = sizes
    }

    /// The mean time that flows take over the mean time they would take alone, and the mean number of flows present.
    package func run(flows: Int, seed: UInt64) -> (slowdown: Estimate, present: Estimate) {
        discipline == .fairShare ? share(flows: flows, seed: seed) : queue(flows: flows, seed: seed)
    }

    /// Alone a flow gets 1 / slots of the link; flows finish in the order of arrival service + size (virtual time).
    private func share(flows: Int, seed: UInt64) -> (slowdown: Estimate, present: Estimate) {
        var random = Randomness(seed: seed)
        var agenda = Agenda()
        // Numbers of flows on the link are used again: memory follows those present.
        var arrivals: [Double] = []
        var free: [Int] = []
        let alone = Double(slots) * sizes.mean
        let gap = sizes.mean / load
        let warmUp = flows / 20
        var times: [Double] = []
        times.reserveCapacity(flows)
        var now = 0.0
        var served = 0.0
        var nextArrival = random.exponential(mean: gap)
        var finished = 0
        var area = 0.0
        var areaFrom = 0.0
        while finished < flows + warmUp {
            let present = agenda.count
            let rate = present == 0 ? 0 : 1 / Double(max(present, slots))
            let departure = present == 0 ? Double.infinity : now + (agenda.nextTime - served) / rate
            let next = min(nextArrival, departure)
            if finished >= warmUp { area += Double(present) * (next - now) } else { areaFrom = next }
            served += rate * (next - now)
            now = next
            if departure <= nextArrival, let (mark, flow) = agenda.next() {
                served = mark
                finished += 1
                if finished > warmUp { times.append((now - arrivals[flow]) / alone) }
                free.append(flow)
            } else {
                let flow = free.popLast() ?? arrivals.count
                if flow == arrivals.count { arrivals.append(now) } else { arrivals[flow] = now }
                agenda.plan(flow, at: served + sizes.draw(&random))
                nextArrival = now + random.exponential(mean: gap)
            }
        }
        let mean = area / (now - areaFrom)
        let slowdown = Tally.batches(50, of: times).estimate
        return (slowdown, Estimate(mean, standardError: slowdown.standardError.map { $0 * load }, samples: 50))
    }

    private func queue(flows: Int, seed: UInt64) -> (slowdown: Estimate, present: Estimate) {
        var line = Line()
        var random = Randomness(seed: seed)
        var now = 0.0
        var times: [Double] = []
        for _ in 0..<flows {
            now += random.exponential(mean: sizes.mean / load)
            times.append((line.send(sizes.draw(&random), at: now) - now) / sizes.mean)
        }
        let slowdown = Tally.batches(50, of: times).estimate
        return (slowdown, Estimate(slowdown.value * load, standardError: slowdown.standardError, samples: 50))
    }
}
