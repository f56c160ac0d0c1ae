import Models

/// Links with queues, and who gets how much of them.
extension Checks {
    static let links: [Check] = shared + capped + serialWaits + fairRates

    private static let shared: [Check] = {
        let laws: [(name: String, law: Law)] = [
            ("exponential", .exponential(mean: 1)), ("constant", .constant(1)),
            ("pareto", .pareto(shape: 2.2, mean: 1)),
        ]
        return [0.5, 0.8].flatMap { (load: Double) in
            laws.map { law in
                Check(
                    "ps.mg1.\(law.name).\(Int(load * 10))", "one link that all share, load \(load)",
                    source: "M/G/1 processor sharing",
                    claims: [
                        .init(
                            "slowdown", .statistical, Waiting.sharedSlowdown(load: load),
                            within: 0.02 * Waiting.sharedSlowdown(load: load)),
                        .init("flows", .statistical, load / (1 - load), within: 0.04 * load / (1 - load)),
                    ]
                ) { seed in
                    let figures = SharedLink(load: load, sizes: law.law).run(flows: 4_000_000, seed: seed)
                    return [figures.slowdown, figures.present]
                }
            }
        }
    }()

    private static let capped: [Check] = [(4, 0.8), (10, 0.9)].map { (slots: Int, load: Double) in
        Check(
            "ps.capped.\(slots)", "a link for \(slots) access-limited flows, load \(load)", source: "Erlang C",
            claims: [
                .init(
                    "slowdown", .statistical, Waiting.cappedSlowdown(load: load, slots: slots),
                    within: 0.02 * Waiting.cappedSlowdown(load: load, slots: slots))
            ]
        ) { seed in
            var link = SharedLink(load: load, sizes: .exponential(mean: 1))
            link.slots = slots
            return [link.run(flows: 4_000_000, seed: seed).slowdown]
        }
    }

    private static let serialWaits: [Check] = [0.5, 0.8].map { (load: Double) in
        Check(
            "fifo.md1.\(Int(load * 10))", "equal transfers queue for one uplink, load \(load)",
            source: "Pollaczek, Khinchine",
            claims: [.init("wait", .statistical, Waiting.fifo(load: load), within: 0.02 * Waiting.fifo(load: load))]
        ) { seed in [Line.meanWait(load: load, transfers: 4_000_000, seed: seed)] }
    }

    private static let fairRates: [Check] = [
        Check(
            "maxmin.star", "seven flows, three uplinks, three downlinks", source: "progressive filling",
            claims: zip(
                ["a->x", "a->y", "a->z", "b->x", "b->y", "c->z", "c->x"], [1.25, 4.375, 4.375, 1.25, 2.75, 0.5, 0.5]
            ).map { .init($0, .exact, $1) }
        ) { _ in
            ProgressiveFilling.rates(
                capacities: [10, 4, 1, 3, 8, 100],
                flows: [[0, 3], [0, 4], [0, 5], [1, 3], [1, 4], [2, 5], [2, 3]]
            ).map { Estimate($0) }
        },
        Check(
            "maxmin.parking_lot", "one flow over five unit links, one on each", source: "progressive filling",
            claims: [.init("long", .exact, 0.5), .init("short", .exact, 0.5)]
        ) { _ in
            let rates = ProgressiveFilling.rates(
                capacities: Array(repeating: 1, count: 5), flows: [Array(0..<5)] + (0..<5).map { [$0] })
            return [Estimate(rates[0]), Estimate(rates[3])]
        },
    ]
}
