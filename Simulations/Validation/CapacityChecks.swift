import Models
import Vocabulary

/// The highest rate that all can receive, and how often they can.
extension Checks {
    static let capacity: [Check] = highestRates + [cuts] + universalStreaming + [edmonds] + onDemand + flashCrowds

    private static let klr = "Kumar, Liu, Ross 2007"

    private static let highestRates: [Check] = {
        let cases: [(name: String, origin: Double, uplinks: [Double], rate: Double)] = [
            ("equal", 10, Array(repeating: 1.2, count: 100), 1.3),
            ("origin_limited", 1, Array(repeating: 5, count: 100), 1),
            ("unequal", 10, (0..<100).map { 0.5 + 2 * Double($0) / 99 }, 1.6),
            ("free_riders", 20, (0..<100).map { $0 % 2 == 0 ? 4 : 0 }, 2.2),
        ]
        return cases.map { one in
            Check(
                "klr.rmax.\(one.name)", "100 viewers, every sub-stream of every pair", source: klr,
                claims: [
                    .init("rate", .upperBound, one.rate, within: 1e-9), .init("excess", .upperBound, 0, within: 1e-6),
                ]
            ) { _ in
                let rate = SubStreams.highestRate(origin: one.origin, uplinks: one.uplinks)
                let figures = SubStreams(rate: rate, uplinks: one.uplinks)
                    .figures(origin: one.origin, uplinks: one.uplinks)
                return [Estimate(rate), Estimate(figures.excess)]
            }
        }
    }()

    /// No way to split uplinks carries more than the bound; the sub-streams carry it.
    private static let cuts = Check(
        "klr.cuts", "300 swarms of 5, uplinks split at random: smallest cut", source: "Edmonds 1972; \(klr)",
        claims: [.init("breaches", .property, 0), .init("best / bound", .upperBound, 1, within: 1e-9)]
    ) { seed in
        var random = Randomness(seed: seed)
        var breaches = 0
        var best = 1.0
        for _ in 0..<300 {
            let origin = 1 + 4 * random.unit()
            let uplinks = (0..<5).map { _ in 3 * random.unit() }
            let bound = StreamingCapacity.maximumRate(origin: origin, uplinks: uplinks.reduce(0, +), viewers: 5)
            let split = Network.randomlySplit(origin: origin, uplinks: uplinks, random: &random)
            if split.broadcastRate > bound + 1e-9 { breaches += 1 }
            best = min(best, SubStreams(rate: bound, uplinks: uplinks).network.broadcastRate / bound)
        }
        return [Estimate(breaches), Estimate(best)]
    }

    private static let universalStreaming: [Check] = {
        let laws: [(name: String, law: Law)] = [
            ("exponential", .exponential(mean: 1)), ("lognormal", .lognormal(mean: 1, sigma: 1)),
        ]
        let sizes: [(takers: Double, ratio: Double, isFast: Bool)] = [
            (200, 0.4, true), (200, 0.5, true), (200, 0.6, true), (50, 0.45, true), (50, 0.55, true),
            (1_000, 0.45, false), (1_000, 0.5, false), (1_000, 0.55, false),
        ]
        return sizes.flatMap { size in
            laws.map { law in
                let swarm = StreamingCapacity.TwoClasses(
                    rate: 3, origin: 30, giving: 7, taking: 1, givers: size.takers * size.ratio, takers: size.takers)
                return Check(
                    "klr.PU.\(law.name).\(Int(size.takers)).\(Int((size.ratio * 100).rounded()))",
                    "churn: rate 3, uplinks 7 and 1, origin 30, oracle", source: "\(klr), section IV",
                    isFast: size.isFast,
                    claims: [
                        .init("universal", .statistical, swarm.universalStreaming, within: 0.02),
                        .init("delivered", .statistical, swarm.deliveredRatio, within: 0.002),
                    ]
                ) { seed in
                    let figures = ChurnedSwarm(
                        rate: 3, origin: 30,
                        classes: [
                            .init(present: swarm.givers, uplink: 7), .init(present: swarm.takers, uplink: 1),
                        ],
                        sessions: law.law
                    ).run(sessions: size.takers < 100 ? 24_000 : 8_000, seed: seed)
                    return [figures.universalStreaming, figures.deliveredRatio]
                }
            }
        }
    }()

    private static let edmonds = Check(
        "edmonds.example", "six edges, random useful packets", source: "Edmonds 1972; Massoulié et al. 2007",
        claims: [
            .init("smallest cut", .exact, 2), .init("growth at 1.9", .property, 0, within: 0.02),
            .init("growth at 2.1", .property, 0.1, within: 0.03),
        ]
    ) { seed in
        let network = Network(edges: [(0, 1, 2), (0, 2, 1), (1, 2, 1), (2, 1, 1), (1, 3, 1), (2, 3, 2)])
        return [
            Estimate(network.broadcastRate),
            Estimate(network.backlogGrowth(rate: 1.9, time: 100_000, seed: seed).growth),
            Estimate(network.backlogGrowth(rate: 2.1, time: 100_000, seed: seed).growth),
        ]
    }

    private static let onDemand: [Check] = {
        let patterns: [(name: String, uplinks: [Double], rate: Double)] = [
            ("half", Array(repeating: 0.5, count: 10), 5.5), ("double", Array(repeating: 2, count: 10), 1),
            ("alternating", (0..<10).map { $0 % 2 == 0 ? 0 : 3 }, 2),
        ]
        let chances: [(giving: Double, rate: Double)] = [(0.3, 41.35), (0.5, 8.46), (0.7, 1.75)]
        let source = "Huang, Li, Ross 2007"
        return patterns.map { pattern in
            Check(
                "vod.\(pattern.name)", "10 viewers fed by earlier ones, oldest first", source: source,
                claims: [.init("origin / rate", .lowerBound, pattern.rate)]
            ) { _ in [Estimate(EarlierViewers.originRate(uplinks: pattern.uplinks, rate: 1))] }
        }
            + chances.map { chance in
                Check(
                    "vod.chance.\(Int(chance.giving * 10))", "100 viewers, uplink 2 or 0 times the rate",
                    source: source,
                    claims: [
                        .init(
                            "origin / rate", .statistical,
                            OffloadBound.expectedOriginRateOnDemand(viewers: 100, giving: chance.giving), within: 0.1)
                    ]
                ) { seed in
                    [EarlierViewers.meanOriginRate(viewers: 100, giving: chance.giving, runs: 100_000, seed: seed)]
                }
            }
    }()

    private static let flashCrowds: [Check] = {
        let cases: [(origin: Double, uplink: Double, until: Int, generations: Int, last: Int)] = [
            (10, 1.5, 10_000, 16, 10_000), (10, 1, 10_000, 1_000, 10_000), (100, 1.2, 10_000, 17, 10_000),
            (50, 0.8, 10_000, 0, 250),
        ]
        return cases.map { one in
            Check(
                "crowd.\(Int(one.origin)).\(Int((one.uplink * 10).rounded()))",
                "viewers only, admitted one by one while there is uplink", source: "after Liu et al. 2012",
                claims: [
                    .init("generations", .exact, Double(generations(one))),
                    // Whole viewers stop where the next would need a part of one.
                    .init(
                        "viewers", .upperBound, Double(one.last),
                        within: one.uplink < 1 ? 1 / (1 - one.uplink) : 0),
                    .init("differences", .property, 0),
                ]
            ) { _ in
                let counts = EarlierViewers.admitted(
                    origin: one.origin, uplink: one.uplink, rate: 1, until: one.until)
                let expected = OffloadBound.admitted(
                    origin: one.origin, uplink: one.uplink, rate: 1, generations: counts.count - 1)
                return [
                    Estimate(counts.count - 1), Estimate(min(one.until, counts[counts.count - 1])),
                    Estimate(zip(counts, expected).count { $0 != $1 }),
                ]
            }
        }
    }()

    /// Where the crowd never gets so large, as many generations as the recurrence moves.
    private static func generations(
        _ one: (origin: Double, uplink: Double, until: Int, generations: Int, last: Int)
    ) -> Int {
        guard one.generations == 0 else { return one.generations }
        let counts = OffloadBound.admitted(origin: one.origin, uplink: one.uplink, rate: 1, generations: 1_000)
        return zip(counts, counts.dropFirst()).count { $0 != $1 }
    }
}
