import Models

/// Slotted pull: which piece to ask for.
extension Checks {
    static let pull: [Check] = {
        // Continuity and start-up by Monte Carlo: viewers, rarest places, values, tolerance of the continuity.
        typealias Row = (
            name: String, viewers: Int, rarest: Int, continuity: Double, startup: Double, within: Double, slots: Int
        )
        let rows: [Row] = [
            ("rf.1000", 1_000, 64, 0.973408, 27.47, 0.002, 20_000),
            ("greedy.1000", 1_000, 0, 0.868104, 6.68, 0.0028, 30_000),
            ("mixed.1000", 1_000, 10, 0.999369, 22.21, 0.002, 60_000),
            ("rf.100", 100, 64, 0.97183, 30.61, 0.002, 200_000),
            ("greedy.100", 100, 0, 0.94509, 9.03, 0.003, 200_000),
            ("mixed.100", 100, 7, 0.99913, 26.04, 0.002, 100_000),
            ("rf.10000", 10_000, 64, 0.97145, 24.28, 0.0035, 20_000),
            ("greedy.10000", 10_000, 0, 0.79743, 4.96, 0.008, 20_000),
            ("mixed.10000", 10_000, 14, 0.99808, 20.97, 0.002, 10_000),
        ]
        return rows.map { row in
            let field = PullRecursion.mixed(viewers: Double(row.viewers), places: 40, rarest: min(row.rarest, 39))
            let formula = field[field.count - 1]
            return Check(
                "zhou.mc.\(row.name)", "\(row.viewers) viewers, 40 places, one asked by each in a slot",
                source: "Zhou, Chiu, Lui 2007; Monte Carlo", isFast: row.viewers == 1_000,
                claims: [
                    .init("continuity", .statistical, row.continuity, within: row.within),
                    .init("startup", .statistical, row.startup, within: 0.02 * row.startup),
                    // The independence of cells costs greedy more the larger the swarm is.
                    .init(
                        "mean field", .statistical, formula,
                        within: row.rarest == 0 && row.viewers > 1_000 ? 0.025 : 0.02),
                ]
            ) { seed in
                let swarm = PullSwarm(viewers: row.viewers, rarest: row.rarest)
                let figures = swarm.run(slots: row.slots, seed: seed)
                return [figures.continuity, figures.startup, figures.continuity]
            }
        }
    }()
}
