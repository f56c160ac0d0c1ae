import Vocabulary

/// An audience that spreads over channels of falling popularity; each channel is a swarm of its own.
package struct ChannelCatalogue: Sendable {
    package var viewers: Double
    /// Of the audience, one for each channel.
    package var shares: [Double]

    package init(viewers: Double, shares: [Double]) {
        self.viewers = viewers
        self.shares = shares
    }

    /// The share of bytes that come from viewers when all but one of each channel's are fed by the others.
    package func offload(sessions time: Double, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        var edges: [Double] = []
        var sum = 0.0
        for share in shares {
            sum += share
            edges.append(sum)
        }
        func channel() -> Int {
            let drawn = random.unit() * sum
            var low = 0
            var high = edges.count - 1
            while low < high {
                let middle = (low + high) / 2
                if edges[middle] < drawn { low = middle + 1 } else { high = middle }
            }
            return low
        }
        var counts = [Int](repeating: 0, count: shares.count)
        var leaving = Agenda()
        var present = 0
        var fed = 0
        func join(_ channel: Int) {
            if counts[channel] > 0 { fed += 1 }
            counts[channel] += 1
            present += 1
        }
        for _ in 0..<random.poisson(mean: viewers) {
            let chosen = channel()
            join(chosen)
            leaving.plan(chosen, at: random.exponential(mean: 1))
        }
        let batches = 20
        var wanted = [Double](repeating: 0, count: batches)
        var given = wanted
        var now = 0.0
        var nextArrival = random.exponential(mean: 1 / viewers)
        while now < time {
            let next = min(nextArrival, leaving.nextTime)
            let batch = min(batches - 1, Int(now / time * Double(batches)))
            wanted[batch] += Double(present) * (next - now)
            given[batch] += Double(fed) * (next - now)
            now = next
            if leaving.nextTime <= nextArrival, let (_, left) = leaving.next() {
                counts[left] -= 1
                present -= 1
                if counts[left] > 0 { fed -= 1 }
            } else {
                let chosen = channel()
                join(chosen)
                leaving.plan(chosen, at: now + random.exponential(mean: 1))
                nextArrival = now + random.exponential(mean: 1 / viewers)
            }
        }
        return Estimate(ratio: given, to: wanted, batches: batches)
    }

    /// The share of transfers between two viewers of the same provider when partners are chosen blindly.
    package static func blindLocality(shares: [Double], transfers: Int, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        let total = shares.reduce(0, +)
        func provider() -> Int {
            var choice = random.unit() * total
            for (number, share) in shares.enumerated() {
                choice -= share
                if choice <= 0 { return number }
            }
            return shares.count - 1
        }
        var local = 0
        for _ in 0..<transfers where provider() == provider() { local += 1 }
        return Estimate(share: local, of: transfers)
    }
}
