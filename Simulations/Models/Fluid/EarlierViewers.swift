import Vocabulary

/// Video on demand without looking ahead: a viewer can be fed only by those who came before.
package enum EarlierViewers {
    /// The rate that the origin adds when each takes from the oldest who has uplink left.
    package static func originRate(uplinks: [Double], rate: Double) -> Double {
        var left = uplinks
        var oldest = 0
        var origin = 0.0
        for viewer in uplinks.indices {
            var needed = rate
            while needed > 0, oldest < viewer {
                let taken = min(needed, left[oldest])
                left[oldest] -= taken
                needed -= taken
                if left[oldest] <= 0 { oldest += 1 }
            }
            origin += needed
        }
        return origin
    }

    /// The mean of it when each gives twice the rate with probability `giving`, else nothing; in units of the rate.
    package static func meanOriginRate(viewers: Int, giving: Double, runs: Int, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        var tally = Tally()
        for _ in 0..<runs {
            let uplinks = (0..<viewers).map { _ in random.chance(giving) ? 2.0 : 0 }
            tally.add(originRate(uplinks: uplinks, rate: 1))
        }
        return tally.estimate
    }

    /// How many are in after each generation, when newcomers are admitted one by one while there is uplink for one more.
    package static func admitted(origin: Double, uplink: Double, rate: Double, until: Int) -> [Int] {
        var present = 0
        var counts = [0]
        while present < until {
            var free = origin
            for _ in 0..<present { free += uplink }
            // All are served anew: those who are in first, then newcomers.
            var served = 0
            while free >= rate - 1e-9, served < 4 * until {
                free -= rate
                served += 1
            }
            guard served > present else { break }
            present = served
            counts.append(present)
        }
        return counts
    }
}
