/// How much of what viewers get can come from viewers.
package enum OffloadBound {
    /// For `viewers` with `uplinks` in all; `overhead` is what is sent beside each useful byte.
    ///
    /// The origin has to send every byte once, and what uplinks cannot carry (Huang, Li, Ross, SIGCOMM 2007).
    package static func ofSwarm(viewers: Int, rate: Double, uplinks: Double, overhead: Double = 0) -> Double {
        guard viewers > 0 else { return 0 }
        let demand = Double(viewers) * rate
        return max(0, min(1 - 1 / Double(viewers), uplinks / (demand * (1 + overhead))))
    }

    /// A Poisson number of viewers of mean `mean`, each giving `ratio` <= 1 times the rate; one of them gives nothing,
    /// since the first copy is what the others wait for (Karamshuk et al., INFOCOM 2015; Raman et al., ICDCS 2018).
    package static func onDemand(mean: Double, ratio: Double) -> Double {
        mean > 0 ? ratio * (mean + Elementary.exp(-mean) - 1) / mean : 0
    }

    /// As `onDemand`, when everybody gives and the origin injects one copy: E[min(N - 1, N ratio)] / mean.
    package static func live(mean: Double, ratio: Double) -> Double {
        Poisson(mean: mean).expectation { $0 == 0 ? 0 : min(Double($0 - 1), Double($0) * ratio) } / mean
    }

    /// As `onDemand`, when viewers give only while at least `least` are present.
    package static func onDemand(mean: Double, ratio: Double, least: Int) -> Double {
        Poisson(mean: mean).expectation { $0 < max(1, least) ? 0 : ratio * Double($0 - 1) } / mean
    }

    /// As `live`, when everybody takes and only a share of the viewers gives, as much as the stream's rate.
    package static func live(mean: Double, giving share: Double) -> Double {
        // The givers alone suffice but for one copy, which lacks a taker when all of them give.
        let allGive = Elementary.exp(-mean * (1 - share)) * (1 - Elementary.exp(-mean * share))
        return (mean * share - allGive) / mean
    }

    /// A catalogue of channels of falling popularity.
    package static func onDemand(viewers: Double, channels: Int, exponent: Double) -> Double {
        zipf(channels: channels, exponent: exponent).reduce(0) { $0 + $1 * onDemand(mean: viewers * $1, ratio: 1) }
    }

    /// Shares of the audience, in proportion to 1 / rank^exponent.
    package static func zipf(channels: Int, exponent: Double) -> [Double] {
        let weights = (1...channels).map { Elementary.power(Double($0), -exponent) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// The share of bytes that stay in their provider's network when partners are chosen blindly.
    package static func blindLocality(shares: [Double]) -> Double { shares.reduce(0) { $0 + $1 * $1 } }

    /// Rate that the origin adds when viewers are fed only by those who came before (Huang, Li, Ross, SIGCOMM 2007).
    package static func originRateOnDemand(uplinks: [Double], rate: Double) -> Double {
        var least = 0.0
        var given = 0.0
        for (index, uplink) in uplinks.enumerated() {
            least = max(least, Double(index + 1) * rate - given)
            given += uplink
        }
        return least
    }

    /// The same, expected, when each uplink is `2 rate` with probability `giving` and else 0; exact, in units of rate.
    package static func expectedOriginRateOnDemand(viewers: Int, giving: Double) -> Double {
        // likely[m][b] is the probability that the balance given - taken is b - viewers and has been as low as -m.
        let none = [Double](repeating: 0, count: 2 * viewers + 1)
        var likely = [[Double]](repeating: none, count: viewers + 1)
        likely[1][viewers - 1] = 1
        for _ in 1..<viewers {
            var next = [[Double]](repeating: none, count: viewers + 1)
            for deficit in 1...viewers {
                for balance in 1..<2 * viewers where likely[deficit][balance] > 0 {
                    next[deficit][balance + 1] += likely[deficit][balance] * giving
                    next[max(deficit, viewers - balance + 1)][balance - 1] += likely[deficit][balance] * (1 - giving)
                }
            }
            likely = next
        }
        return likely.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element.reduce(0, +) }
    }

    /// How many a swarm can hold at once, generation by generation, when only those who are in give (after Liu et al.,
    /// TPDS 2012): `floor((origin + present * uplink) / rate)`.
    package static func admitted(origin: Double, uplink: Double, rate: Double, generations: Int) -> [Int] {
        var counts = [0]
        for _ in 0..<generations { counts.append(Int((origin + Double(counts[counts.count - 1]) * uplink) / rate)) }
        return counts
    }
}
