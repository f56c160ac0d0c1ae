import Models
import Vocabulary

/// How much of what viewers get comes from viewers.
extension Checks {
    static let offload: [Check] = still + poisson + participation + catalogues + [locality]

    private static let still: [Check] = {
        let cases: [(viewers: Int, uplink: Double, overhead: Double, offload: Double)] = [
            (100, 0.8, 0, 0.8), (100, 2, 0, 0.99), (10_000, 1, 0, 0.9999), (1_000, 0.4, 0, 0.4), (10, 0.5, 0, 0.5),
            (2, 1, 0, 0.5), (1, 1, 0, 0), (100, 0.8, 0.05, 0.761_904_761_9),
        ]
        return cases.map { one in
            let overhead = one.overhead == 0 ? "" : ".overhead"
            return Check(
                "offload.live.static.\(one.viewers).\(Int((one.uplink * 10).rounded()))\(overhead)",
                "nobody comes or goes, rate 1, every sub-stream", source: "conservation; Huang, Li, Ross 2007",
                claims: [
                    .init("offload", .upperBound, one.offload, within: 1e-6),
                    .init("rate", .upperBound, 1, within: 1e-9), .init("excess", .upperBound, 0, within: .infinity),
                ]
            ) { _ in
                let uplinks = (0..<one.viewers).map { viewer in
                    one.viewers % 2 == 0 ? one.uplink * (viewer % 2 == 0 ? 0.5 : 1.5) : one.uplink
                }
                let figures = SubStreams(rate: 1, uplinks: uplinks, overhead: one.overhead)
                    .figures(origin: Double(one.viewers), uplinks: uplinks, overhead: one.overhead)
                return [
                    Estimate(figures.peers / (figures.peers + figures.origin)), Estimate(figures.least),
                    Estimate(figures.excess),
                ]
            }
        }
    }()

    private static let poisson: [Check] = [1.0, 5, 20].flatMap { (mean: Double) -> [Check] in
        [
            Check(
                "offload.poisson.vod.\(Int(mean))", "Poisson swarm, one only takes, uplink = rate",
                source: "Karamshuk et al. 2015; Raman et al. 2018",
                claims: [
                    .init("offload", .statistical, OffloadBound.onDemand(mean: mean, ratio: 1), within: 0.005)
                ]
            ) { seed in
                let swarm = ChurnedSwarm(
                    rate: 1, origin: 1_000, classes: [.init(present: mean, uplink: 1)], sessions: .exponential(mean: 1))
                return [swarm.run(sessions: 400_000 / mean, seed: seed).onDemandOffload]
            },
            Check(
                "offload.poisson.live.\(Int(mean))", "Poisson swarm, all give half the rate, lognormal sessions",
                source: "conservation; Poisson numbers",
                claims: [.init("offload", .statistical, OffloadBound.live(mean: mean, ratio: 0.5), within: 0.005)]
            ) { seed in
                let swarm = ChurnedSwarm(
                    rate: 1, origin: 1_000, classes: [.init(present: mean, uplink: 0.5)],
                    sessions: .lognormal(mean: 1, sigma: 1))
                return [swarm.run(sessions: 400_000 / mean, seed: seed).liveOffload]
            },
        ]
    }

    private static let participation: [Check] = [0.25, 0.5, 0.75].map { (share: Double) in
        Check(
            "offload.participation.\(Int(share * 100))", "20 viewers on average, a share of them gives",
            source: "conservation; Poisson numbers",
            claims: [.init("offload", .statistical, OffloadBound.live(mean: 20, giving: share), within: 0.005)]
        ) { seed in
            let swarm = ChurnedSwarm(
                rate: 1, origin: 1_000,
                classes: [.init(present: 20 * share, uplink: 1), .init(present: 20 * (1 - share), uplink: 0)],
                sessions: .exponential(mean: 1))
            return [swarm.run(sessions: 20_000, seed: seed).liveOffload]
        }
    }

    private static let catalogues: [Check] = {
        let cases: [(exponent: Double, channels: Int, viewers: Double, offload: Double)] = [
            (1, 1_000, 10_000, 0.9092), (0.8, 100, 1_000, 0.9012), (1.2, 1_000, 10_000, 0.9257),
        ]
        return cases.map { one in
            Check(
                "offload.zipf.\(Int((one.exponent * 10).rounded())).\(one.channels)",
                "\(Int(one.viewers)) viewers over \(one.channels) channels, uplink = rate",
                source: "Karamshuk et al. 2015, summed over channels",
                claims: [
                    .init(
                        "offload", .statistical,
                        OffloadBound.onDemand(viewers: one.viewers, channels: one.channels, exponent: one.exponent),
                        within: 0.005)
                ]
            ) { seed in
                let shares = OffloadBound.zipf(channels: one.channels, exponent: one.exponent)
                return [ChannelCatalogue(viewers: one.viewers, shares: shares).offload(sessions: 100, seed: seed)]
            }
        }
    }()

    private static let locality = Check(
        "isp.random_locality", "five providers, partners drawn blindly", source: "sum of squared shares",
        claims: [
            .init(
                "local", .statistical, OffloadBound.blindLocality(shares: [0.35, 0.25, 0.2, 0.15, 0.05]), within: 0.01)
        ]
    ) { seed in
        [ChannelCatalogue.blindLocality(shares: [0.35, 0.25, 0.2, 0.15, 0.05], transfers: 400_000, seed: seed)]
    }
}
