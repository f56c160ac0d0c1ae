/// Who sends what to whom when the stream is cut into sub-streams, one for each viewer to pass on to all others.
///
/// The schedule that attains the highest rate (Kumar, Liu, Ross, INFOCOM 2007) and, at any lower one, costs the origin
/// least: viewers carry what they can in proportion to their uplinks, and the origin sends the rest to each of them.
package struct SubStreams: Sendable {
    /// The rate at which the origin sends to each viewer what this one passes on to all others.
    package let passedOn: [Double]
    /// The rate of the sub-stream that the origin sends to everybody itself.
    package let direct: Double

    package init(rate: Double, uplinks: [Double], overhead: Double = 0) {
        let n = Double(uplinks.count)
        let useful = uplinks.reduce(0, +) / (1 + overhead)
        if n < 2 || useful <= 0 {
            passedOn = uplinks.map { _ in 0 }
            direct = rate
        } else if useful >= (n - 1) * rate {
            passedOn = uplinks.map { rate * $0 / (1 + overhead) / useful }
            direct = 0
        } else {
            passedOn = uplinks.map { $0 / (1 + overhead) / (n - 1) }
            direct = rate - useful / (n - 1)
        }
    }

    package struct Figures: Hashable, Sendable {
        /// The rate of who receives least.
        package var least: Double
        package var origin: Double
        package var peers: Double
        /// By how much the uplink that is exceeded most is exceeded.
        package var excess: Double
    }

    /// Adds up every transfer of every pair.
    package func figures(origin: Double, uplinks: [Double], overhead: Double = 0) -> Figures {
        var received = [Double](repeating: direct, count: passedOn.count)
        var fromOrigin = direct * Double(passedOn.count)
        var fromPeers = 0.0
        var excess = -Double.infinity
        for (sender, rate) in passedOn.enumerated() {
            fromOrigin += rate
            received[sender] += rate
            var sent = 0.0
            for receiver in passedOn.indices where receiver != sender {
                received[receiver] += rate
                sent += rate
            }
            fromPeers += sent
            excess = max(excess, sent * (1 + overhead) - uplinks[sender])
        }
        return Figures(
            least: received.min() ?? 0, origin: fromOrigin, peers: fromPeers,
            excess: max(excess, fromOrigin - origin))
    }

    /// The highest rate whose schedule exceeds no uplink, by bisection.
    package static func highestRate(origin: Double, uplinks: [Double]) -> Double {
        var low = 0.0
        var high = origin + uplinks.reduce(0, +)
        for _ in 0..<100 {
            let rate = (low + high) / 2
            let figures = SubStreams(rate: rate, uplinks: uplinks).figures(origin: origin, uplinks: uplinks)
            if figures.excess <= 1e-12, figures.least >= rate * (1 - 1e-12) { low = rate } else { high = rate }
        }
        return low
    }

    /// The rate of each pair, as a network of edges: the origin is node 0, viewer i node i + 1.
    package var network: Network {
        var network = Network(nodes: passedOn.count + 1)
        for (sender, rate) in passedOn.enumerated() {
            network.capacities[0][sender + 1] = rate + direct
            for receiver in passedOn.indices where receiver != sender {
                network.capacities[sender + 1][receiver + 1] = rate
            }
        }
        return network
    }
}
