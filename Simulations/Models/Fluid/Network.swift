package import Vocabulary

/// Nodes joined by edges of limited rates; node 0 is the source of a broadcast.
package struct Network: Sendable {
    package var capacities: [[Double]]

    package init(nodes: Int) { capacities = Array(repeating: Array(repeating: 0, count: nodes), count: nodes) }

    package init(edges: [(from: Int, to: Int, rate: Double)]) {
        self.init(nodes: (edges.flatMap { [$0.from, $0.to] }.max() ?? 0) + 1)
        for edge in edges { capacities[edge.from][edge.to] = edge.rate }
    }

    /// What the source can send to everybody at once: the smallest of the largest flows (Edmonds 1972).
    package var broadcastRate: Double {
        capacities.indices.dropFirst().map { maximumFlow(to: $0) }.min() ?? .infinity
    }

    /// Shortest augmenting paths (Edmonds and Karp 1972).
    package func maximumFlow(to sink: Int) -> Double {
        var rest = capacities
        var flow = 0.0
        while true {
            var parents = [Int](repeating: -1, count: rest.count)
            parents[0] = 0
            var queue = [0]
            var head = 0
            while head < queue.count, parents[sink] < 0 {
                let node = queue[head]
                head += 1
                for next in rest.indices where parents[next] < 0 && rest[node][next] > 1e-12 {
                    parents[next] = node
                    queue.append(next)
                }
            }
            guard parents[sink] >= 0 else { return flow }
            var step = Double.infinity
            var node = sink
            while node != 0 {
                step = min(step, rest[parents[node]][node])
                node = parents[node]
            }
            node = sink
            while node != 0 {
                rest[parents[node]][node] -= step
                rest[node][parents[node]] += step
                node = parents[node]
            }
            flow += step
        }
    }

    /// A swarm whose uplinks are split among all others at random.
    package static func randomlySplit(origin: Double, uplinks: [Double], random: inout Randomness) -> Network {
        var network = Network(nodes: uplinks.count + 1)
        for (node, uplink) in ([origin] + uplinks).enumerated() {
            let others = network.capacities.indices.filter { $0 != node && $0 != 0 }
            let parts = others.map { _ in random.exponential(mean: 1) }
            let sum = parts.reduce(0, +)
            for (other, part) in zip(others, parts) { network.capacities[node][other] = uplink * part / sum }
        }
        return network
    }

    /// Packets that come to the source at `rate`, while each edge passes on a random one that its end lacks.
    ///
    /// Returns how fast the number of packets grows that somebody lacks, per unit of time, over the second half.
    package func backlogGrowth(rate: Double, time: Double, seed: UInt64) -> (growth: Double, peak: Int) {
        var random = Randomness(seed: seed)
        let nodes = capacities.count
        let edges = capacities.indices.flatMap { from in
            capacities.indices.filter { capacities[from][$0] > 0 }.map { (from: from, to: $0) }
        }
        let rates = edges.map { capacities[$0.from][$0.to] }
        let total = rate + rates.reduce(0, +)
        var has: [UInt8] = []
        var useful = [[Int32]](repeating: [], count: edges.count)
        var places = [[Int32]](repeating: [], count: edges.count)
        let everybody = UInt8((1 << nodes) - 1)
        var backlog = 0
        var peak = 0
        var backlogAtHalf = 0
        var now = 0.0
        var isSecondHalf = false
        func give(_ packet: Int, to node: Int) {
            has[packet] |= 1 << UInt8(node)
            if has[packet] == everybody { backlog -= 1 }
            for (edge, ends) in edges.enumerated() {
                if ends.to == node, has[packet] & (1 << UInt8(ends.from)) != 0 {
                    let place = Int(places[edge][packet])
                    let last = useful[edge].removeLast()
                    if Int(last) != packet {
                        useful[edge][place] = last
                        places[edge][Int(last)] = Int32(place)
                    }
                } else if ends.from == node, has[packet] & (1 << UInt8(ends.to)) == 0 {
                    places[edge][packet] = Int32(useful[edge].count)
                    useful[edge].append(Int32(packet))
                }
            }
        }
        while now < time {
            now += random.exponential(mean: 1 / total)
            if !isSecondHalf, now > time / 2 {
                isSecondHalf = true
                backlogAtHalf = backlog
            }
            var choice = random.unit() * total - rate
            if choice <= 0 {
                has.append(0)
                for edge in edges.indices { places[edge].append(0) }
                backlog += 1
                peak = max(peak, backlog)
                give(has.count - 1, to: 0)
                continue
            }
            var edge = 0
            while edge < edges.count - 1, choice > rates[edge] {
                choice -= rates[edge]
                edge += 1
            }
            guard !useful[edge].isEmpty else { continue }
            give(Int(useful[edge][random.below(useful[edge].count)]), to: edges[edge].to)
        }
        return (Double(backlog - backlogAtHalf) / (time / 2), peak)
    }
}
