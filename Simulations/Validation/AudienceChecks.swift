import Models
import Vocabulary

/// Who is there, and for how long.
extension Checks {
    static let audiences: [Check] = present + sessions

    private static let present: [Check] = {
        let cases: [(name: String, viewers: Double, law: Law)] = [
            ("", 1_000, .exponential(mean: 1_000)), (".small", 100, .exponential(mean: 1_000)),
            (".lognormal", 1_000, .lognormal(mean: 1_000, sigma: 1)),
            (".weibull", 1_000, .weibull(shape: 0.59, scale: 1_000 / Law.weibull(shape: 0.59, scale: 1).mean)),
        ]
        return cases.map { one in
            Check(
                "churn.mginf\(one.name)", "\(Int(one.viewers)) arrivals in 1000 s, sessions of 1000 s",
                source: "M/G/inf",
                isFast: one.viewers < 1_000,
                claims: [
                    .init("mean", .statistical, one.viewers, within: 0.01 * one.viewers),
                    .init("variance", .statistical, one.viewers, within: 0.05 * one.viewers),
                ]
            ) { seed in
                let swarm = ChurnedSwarm(
                    rate: 1, origin: 1, classes: [.init(present: one.viewers, uplink: 1)], sessions: one.law)
                let figures = swarm.run(sessions: one.viewers < 1_000 ? 20_000 : 8_000, seed: seed)
                return [figures.viewers, figures.variance]
            }
        }
    }()

    private static let sessions: [Check] = {
        let laws: [(name: String, law: Law, mean: Double, median: Double, age: Double)] = [
            ("lognormal.1", .lognormal(mu: 4.383921, sigma: 1.427247), 221.9, 80.2, 850.9),
            ("lognormal.2", .lognormal(mu: 5, sigma: 1.5), 457.1, 148.4, 2_168.6),
            ("weibull.1", .weibull(shape: 0.59, scale: 40), 61.5, 21.5, 130.0),
            ("weibull.2", .weibull(shape: 0.38, scale: 42.4), 163.4, 16.2, 1_040.8),
        ]
        return laws.map { one in
            Check(
                "sessions.\(one.name)", "a million session lengths; remaining time of those present",
                source: "moments; renewal theory",
                claims: [
                    .init("mean", .statistical, one.mean, within: 0.03 * one.mean),
                    .init("median", .exact, one.median, within: 0.02 * one.median),
                    .init("remaining", .statistical, one.age, within: 0.05 * one.age),
                ]
            ) { seed in
                var random = Randomness(seed: seed)
                var lengths = Tally()
                var remaining = Tally()
                for _ in 0..<1_000_000 {
                    lengths.add(one.law.draw(&random))
                    remaining.add(one.law.drawRemaining(&random))
                }
                var sorted = (0..<100_001).map { _ in one.law.draw(&random) }
                sorted.sort()
                return [lengths.estimate, Estimate(sorted[50_000]), remaining.estimate]
            }
        }
    }()
}
