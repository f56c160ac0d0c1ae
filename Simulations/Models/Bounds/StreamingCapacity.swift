/// How fast a swarm can stream to everybody (Kumar, Liu, Ross, INFOCOM 2007).
package enum StreamingCapacity {
    /// The highest rate that all of `viewers` can receive: no scheduler beats it.
    package static func maximumRate(origin: Double, uplinks: Double, viewers: Int) -> Double {
        viewers == 0 ? .infinity : min(origin, (origin + uplinks) / Double(viewers))
    }

    /// Two classes of viewers come and go: who gives more than the stream's rate, and who gives less.
    package struct TwoClasses: Hashable, Sendable {
        package var rate: Double
        package var origin: Double
        /// Uplinks of the giving and of the taking class: `giving > rate > taking`.
        package var giving: Double
        package var taking: Double
        /// Mean numbers of viewers present; the numbers themselves are Poisson, whatever the law of sessions.
        package var givers: Double
        package var takers: Double

        package init(rate: Double, origin: Double, giving: Double, taking: Double, givers: Double, takers: Double) {
            self.rate = rate
            self.origin = origin
            self.giving = giving
            self.taking = taking
            self.givers = givers
            self.takers = takers
        }

        /// The probability that everybody can be given the whole stream.
        package var universalStreaming: Double {
            guard origin >= rate else { return Elementary.exp(-givers - takers) }
            let takers = Poisson(mean: takers)
            return Poisson(mean: givers).expectation { k in
                takers.distribution(Int(((origin + Double(k) * (giving - rate)) / (rate - taking)).rounded(.down)))
            }
        }

        /// The same with normal instead of Poisson numbers: the large-swarm limit.
        package var universalStreamingOfLargeSwarms: Double {
            let up = giving - rate
            let down = rate - taking
            return Elementary.normalDistribution(
                (origin + givers * up - takers * down) / (givers * up * up + takers * down * down).squareRoot())
        }

        /// Bytes delivered over bytes wanted when nobody is preferred.
        package var deliveredRatio: Double {
            let takersLaw = Poisson(mean: takers)
            let delivered = Poisson(mean: givers).expectation { k in
                takersLaw.expectation { l in
                    let viewers = Double(k + l)
                    guard viewers > 0 else { return 0 }
                    let share = (origin + Double(k) * giving + Double(l) * taking) / viewers
                    return viewers * min(1, min(origin, share) / rate)
                }
            }
            return delivered / (givers + takers)
        }
    }
}
