import Models

/// Slotted push: what to send to whom.
extension Checks {
    static let push: [Check] = schemes + graphs10 + single + limits

    private typealias Row = (
        scheme: PushSwarm.Scheme, viewers: Int, rate: (chunks: Int, slots: Int), miss: Double, delay: Double, p95: Int
    )

    private static let full = (chunks: 1, slots: 1)
    private static let most = (chunks: 9, slots: 10)
    private static let three = (chunks: 3, slots: 4)
    private static let half = (chunks: 1, slots: 2)

    /// Miss ratio, mean delay and its 95th percentile, in slots, by Monte Carlo.
    private static let table: [Row] = [
        (.latestBlind, 600, full, 0.3684, 9.69, 13), (.latestBlind, 600, most, 0.3346, 9.78, 13),
        (.latestBlind, 600, three, 0.2709, 9.92, 13), (.latestBlind, 600, half, 0.1356, 10.17, 14),
        (.latestToUseful, 600, full, 0.1357, 9.89, 13), (.latestToUseful, 600, most, 0.1051, 9.89, 13),
        (.latestToUseful, 600, three, 0.0530, 9.88, 12), (.latestToUseful, 600, half, 0, 9.76, 12),
        (.latestUseful, 600, full, 0.1026, 12.42, 25), (.latestUseful, 600, most, 0.0483, 12.84, 27),
        (.latestUseful, 600, three, 0.0050, 12.50, 24), (.latestUseful, 600, half, 0, 11.02, 17),
        (.randomUseful, 600, full, 0.0689, 38.3, 56), (.randomUseful, 600, most, 0.0121, 33.70, 53),
        (.randomUseful, 600, three, 3.5e-5, 20.9, 32), (.randomUseful, 600, half, 0, 14.06, 20),
        (.mostDeprived, 600, full, 0.1463, 11.17, 18), (.mostDeprived, 600, most, 0.0898, 11.23, 18),
        (.mostDeprived, 600, three, 0, 10.91, 16), (.mostDeprived, 600, half, 0, 10.02, 12),
        (.latestBlind, 10_000, full, 0.3679, 13.77, 17), (.latestBlind, 10_000, most, 0.3342, 13.86, 17),
        (.latestBlind, 10_000, three, 0.2704, 14.00, 18), (.latestBlind, 10_000, half, 0.1354, 14.25, 18),
        (.latestToUseful, 10_000, full, 0.1328, 13.97, 17), (.latestToUseful, 10_000, most, 0.1026, 13.97, 17),
        (.latestToUseful, 10_000, three, 0.0497, 13.95, 16), (.latestToUseful, 10_000, half, 0, 13.82, 16),
        (.latestUseful, 10_000, full, 0.1054, 16.40, 28), (.latestUseful, 10_000, most, 0.0509, 16.81, 30),
        (.latestUseful, 10_000, three, 0.0057, 16.54, 28), (.latestUseful, 10_000, half, 0, 15.09, 21),
        (.randomUseful, 10_000, full, 0.0923, 44.6, 58), (.randomUseful, 10_000, most, 0.0236, 42.98, 59),
        (.randomUseful, 10_000, three, 9e-5, 29.1, 40), (.randomUseful, 10_000, half, 0, 19.8, 26),
        (.mostDeprived, 10_000, full, 0.1493, 15.23, 22), (.mostDeprived, 10_000, most, 0.0920, 15.28, 22),
        (.mostDeprived, 10_000, three, 0, 14.99, 20), (.mostDeprived, 10_000, half, 0, 14.09, 16),
    ]

    /// rp/lu among 10 picked neighbors.
    private static let graphTable: [Row] = [
        (.latestUseful, 600, full, 0.1209, 12.9, 25), (.latestUseful, 600, most, 0.0692, 13.19, 26),
        (.latestUseful, 600, three, 0.0210, 13.1, 25), (.latestUseful, 600, half, 2e-4, 11.8, 18),
        (.latestUseful, 10_000, full, 0.1227, 17.2, 29), (.latestUseful, 10_000, most, 0.0737, 17.50, 30),
        (.latestUseful, 10_000, three, 0.0219, 17.4, 29), (.latestUseful, 10_000, half, 2e-4, 16.2, 23),
    ]

    /// rp/lu when a viewer takes one chunk in a slot.
    private static let singleTable: [Row] = [
        (.latestUseful, 600, full, 0.3669, 14.19, 23), (.latestUseful, 600, most, 0.2968, 14.80, 25),
        (.latestUseful, 600, three, 0.1578, 16.34, 31), (.latestUseful, 600, half, 8.1e-5, 14.44, 24),
        (.latestUseful, 10_000, full, 0.3677, 19.97, 28), (.latestUseful, 10_000, most, 0.2979, 20.59, 30),
        (.latestUseful, 10_000, three, 0.1594, 22.04, 36), (.latestUseful, 10_000, half, 9.5e-5, 19.69, 29),
    ]

    private static let schemes: [Check] = table.map { check("push", $0) { $0 } }

    private static let graphs10: [Check] = graphTable.map { row in
        check("push.graph", row) {
            var swarm = $0
            swarm.picks = 10
            return swarm
        }
    }

    private static let single: [Check] = singleTable.map { row in
        check("push.single", row) {
            var swarm = $0
            swarm.takesOne = true
            // As in the run that the figures are from; drawn anew, the delays are a hundredth shorter.
            swarm.drawsOrder = false
            return swarm
        }
    }

    private static func check(
        _ family: String, _ row: Row, _ change: @escaping @Sendable (PushSwarm) -> PushSwarm
    ) -> Check {
        let rate = "\(row.rate.chunks * 100 / row.rate.slots)"
        let scheme = row.scheme.rawValue.split(separator: "/").joined(separator: "_")
        let isRandom = row.scheme == .randomUseful
        let isLarge = row.viewers == 10_000
        let isGraph = family == "push.graph"
        var miss = 0.002
        var delay = 0.05
        switch (row.scheme, isLarge, rate) {
        case (.latestToUseful, false, "75"): miss = 0.0022
        case (.randomUseful, true, "100"): (miss, delay) = (0.0079, 0.26)
        case (.randomUseful, true, "90"): (miss, delay) = (0.005, 0.6)
        case (.randomUseful, true, "75"): delay = 0.18
        case (.randomUseful, true, _): delay = 0.16
        case (.randomUseful, false, "100"): (miss, delay) = (0.0022, 0.20)
        case (.randomUseful, false, "90"): delay = 0.4
        case (.randomUseful, false, "75"): delay = 0.15
        case (.randomUseful, false, _): delay = 0.08
        default: break
        }
        // A graph of 600 moves the miss ratio by 0.0018 (standard deviation), and the figures are those of one graph.
        if isGraph { (miss, delay) = (isLarge ? 0.002 : 0.0045, 0.12) }
        if family == "push.single" { (miss, delay) = (0.004, 0.2) }
        let chunks = isLarge ? (isRandom ? 8_000 : 1_500) : (isRandom ? 10_000 : isGraph ? 12_000 : 6_000)
        let runs = isGraph ? (isLarge ? 3 : 24) : 1
        return Check(
            "\(family).\(scheme).\(row.viewers).\(rate)",
            "\(row.viewers) viewers, \(row.rate.chunks) chunks in \(row.rate.slots) slots, window 60",
            source: "Bonald et al. 2008; Monte Carlo", isFast: !isLarge && family == "push" && rate != "90",
            claims: [
                .init("miss", .statistical, row.miss, within: miss),
                .init("delay", .statistical, row.delay, within: delay),
                .init("p95", .exact, Double(row.p95), within: 1),
            ]
        ) { seed in
            let swarm = change(
                PushSwarm(
                    viewers: row.viewers, scheme: row.scheme, chunks: row.rate.chunks, slots: row.rate.slots))
            guard runs > 1 else {
                let figures = swarm.run(chunks: chunks, warmUp: isRandom ? 1_000 : 200, seed: seed)
                return [figures.missRatio, figures.meanDelay, Estimate(figures.delayP95)]
            }
            var misses = Tally()
            var delays = Tally()
            var last = Tally()
            for run in 0..<runs {
                let figures = swarm.run(chunks: chunks / runs, warmUp: 200, seed: seed &+ UInt64(run))
                misses.add(figures.missRatio.value)
                delays.add(figures.meanDelay.value)
                last.add(Double(figures.delayP95))
            }
            return [misses.estimate, delays.estimate, Estimate(last.mean)]
        }
    }

    private static let limits: [Check] =
        [(full, 1), (half, 2)].map { (rate: (chunks: Int, slots: Int), gap: Int) in
            Check(
                "push.lb_rp.limit.\(gap)",
                "10000 viewers, each chunk is sent \(gap) times as often as there are viewers",
                source: "exp(-g)", isFast: false,
                claims: [.init("miss", .statistical, Elementary.exp(-Double(gap)), within: 0.002)]
            ) { seed in
                let swarm = PushSwarm(
                    viewers: 10_000, scheme: .latestBlind, chunks: rate.chunks, slots: rate.slots)
                return [swarm.run(chunks: 1_500, warmUp: 200, seed: seed).missRatio]
            }
        }
        + [false, true].map { (isUseful: Bool) in
            Check(
                "push.field.\(isUseful ? "lb_rup" : "lb_rp")", "10000 viewers, a chunk in each slot",
                source: "Bonald et al. 2008, mean field", isFast: false,
                claims: [
                    .init(
                        "miss", .statistical,
                        PushRecursion.missRatio(viewers: 10_000, gap: 1, isUseful: isUseful), within: 0.002)
                ]
            ) { seed in
                let swarm = PushSwarm(viewers: 10_000, scheme: isUseful ? .latestToUseful : .latestBlind)
                return [swarm.run(chunks: 1_500, warmUp: 200, seed: seed).missRatio]
            }
        }
}
