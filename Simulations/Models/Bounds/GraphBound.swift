/// What random graphs and rumours do.
package enum GraphBound {
    package static func harmonic(_ n: Int) -> Double {
        stride(from: n, through: 1, by: -1).reduce(0) { $0 + 1 / Double($1) }
    }

    /// Mean time until everybody knows, when whoever knows tells somebody at random once in a unit of time on average.
    package static func gossipTime(viewers n: Int) -> Double { 2 * Double(n - 1) / Double(n) * harmonic(n - 1) }

    /// Rounds until everybody knows, when whoever knows tells one in each round; up to O(1) (Pittel 1987).
    package static func gossipRounds(viewers n: Int) -> Double {
        Elementary.log(Double(n)) * (1 + 1 / Elementary.log(2))
    }

    /// Everybody picks `picks` of the others as neighbors.
    package static func meanDegree(nodes n: Int, picks k: Int) -> Double {
        2 * Double(k) - Double(k * k) / Double(n - 1)
    }

    /// How many nobody picks.
    package static func unpicked(nodes n: Int, picks k: Int) -> Double {
        Double(n) * Elementary.power(1 - Double(k) / Double(n - 1), Double(n - 1))
    }

    /// The probability that a graph with edge probability (ln n + excess) / n is connected, for large n (Erdős, Rényi).
    package static func connected(excess: Double) -> Double { Elementary.exp(-Elementary.exp(-excess)) }

    /// The probability that a block of `coded` packets, any `needed` of which suffice, can be decoded.
    package static func decodable(needed: Int, coded: Int, loss: Double) -> Double {
        (needed...coded).reduce(0) { sum, arrived in
            let ways =
                Elementary.logGamma(Double(coded) + 1) - Elementary.logGamma(Double(arrived) + 1)
                - Elementary.logGamma(Double(coded - arrived) + 1)
            return sum
                + Elementary.exp(
                    ways + Double(arrived) * Elementary.log(1 - loss) + Double(coded - arrived) * Elementary.log(loss))
        }
    }

    /// What is still lost when each loss is repaired up to `retries` times in time.
    package static func lost(loss: Double, retries: Int) -> Double {
        (0...retries).reduce(1) { product, _ in product * loss }
    }
}
