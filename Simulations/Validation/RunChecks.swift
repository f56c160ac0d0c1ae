import Models
import Scenarios
import Simulator
import Tiers

/// Whole runs of the events tier: the real cores under the bounds that no scheduler can beat.
extension Checks {
    static let runs: [Check] = worlds.flatMap { world in
        [
            check(world, "small", viewers: 12, length: 20, seeds: 2, isFast: true),
            check(world, "large", viewers: 30, length: 40, seeds: 2, isFast: false),
        ]
    }

    private typealias World = (name: String, words: String, lines: [String])

    private static let worlds: [World] = [
        ("rich", "everybody gives twice the bitrate", ["uplink = 2 x"]),
        ("scarce", "everybody gives half the bitrate", ["uplink = 0.5 x"]),
        ("mixed", "uplinks differ, lognormal", ["uplink = lognormal(1.5 x, 0.7)"]),
        ("riders", "half of the viewers give nothing", ["uplink = 1.5 x", "free-riders = 50 %"]),
    ]

    private static func check(
        _ world: World, _ size: String, viewers: Int, length: Int, seeds: UInt64, isFast: Bool
    ) -> Check {
        Check(
            "run.\(world.name).\(size)", "\(viewers) real cores, \(length) s, \(seeds) seeds; \(world.words)",
            source: "Kumar, Liu, Ross 2007; Huang, Li, Ross 2007", isFast: isFast, claims: RunAudit.claims
        ) { seed in
            let lines = [
                "viewers = \(viewers)", "length = \(length) s", "segment-size = 256 KiB", "segment-duration = 1 s",
                "origin-uplink = unlimited", "downlink = 40 Mbit/s", "delay = 20 ms", "arrivals = at-once",
            ]
            var audit = RunAudit()
            for run in 0..<seeds {
                guard
                    let scenario = try? Catalog.scenario(
                        "steady", overrides: lines + world.lines + ["seed = \((seed &+ run) % 1_000_000_007)"])
                else { return RunAudit.unanswered }
                var simulation = Simulation(scenario)
                let result = simulation.run()
                audit.add(result, of: scenario)
                if run == 0 {
                    var again = Simulation(scenario)
                    audit.compare(again.run(), with: result)
                }
            }
            return audit.figures
        }
    }
}
