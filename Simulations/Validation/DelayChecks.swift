import Models

/// How soon a chunk can be everywhere.
extension Checks {
    static let delay: [Check] = single + streams + randoms + limited + trees + [serial]

    private static let source = "Liu 2007; Abeni, Kiraly, Lo Cigno 2009"

    private static let single: [Check] = {
        let cases: [(viewers: Int, worst: Int, mean: Double)] = [
            (100, 8, 6.73), (1_000, 11, 9.977), (1_024, 11, 10.000_976_562_5), (1_000_000, 21, 19.951_425),
        ]
        return cases.map { one in
            Check(
                "snowball.\(one.viewers)", "one chunk, everybody sends it on in every slot", source: source,
                claims: [
                    .init("worst", .lowerBound, Double(one.worst), within: 0),
                    .init("mean", .lowerBound, one.mean, within: 1e-9),
                ]
            ) { _ in
                let figures = Snowball.one(viewers: one.viewers)
                return [Estimate(figures.worst), Estimate(figures.mean)]
            }
        }
    }()

    private static let streams: [Check] = [2, 3, 6, 10, 12].map { (logarithm: Int) in
        let viewers = 1 << logarithm
        return Check(
            "snowball.stream.\(viewers)", "a chunk a slot, one sent and one received by each; every transfer audited",
            source: source,
            claims: [
                .init("worst", .lowerBound, Double(logarithm + 1), within: 0),
                .init("mean", .lowerBound, Double(logarithm) + 1 / Double(viewers), within: 1e-9),
                .init("breaches", .property, 0),
            ]
        ) { _ in
            let figures = Snowball.stream(logarithm: logarithm, chunks: 40)
            return [Estimate(figures.worst), Estimate(figures.mean), Estimate(figures.breaches)]
        }
    }

    /// Whoever draws lots is slower than the bound, never faster.
    private static let randoms: [Check] = [true, false].map { (isUseful: Bool) in
        Check(
            "snowball.random.\(isUseful ? "useful" : "blind")", "1000 viewers, 50 chunks, each sent on to anybody",
            source: source,
            claims: [
                .init("best worst", .lowerBound, Double(DelayBound.worst(viewers: 1_000)), within: .infinity),
                .init("best mean", .lowerBound, DelayBound.mean(viewers: 1_000), within: .infinity),
            ]
        ) { seed in
            let runs = (0..<50).map { Snowball.random(viewers: 1_000, isUseful: isUseful, seed: seed &+ $0) }
            return [
                Estimate(runs.map(\.worst).min() ?? 0), Estimate(runs.map(\.mean).min() ?? 0),
            ]
        }
    }

    private static let limited: [Check] = {
        let rows: [(forwards: Int, worst: [Int])] = [(2, [5, 10, 15, 19, 29]), (4, [5, 8, 12, 15, 22])]
        return rows.map { row in
            let sizes = [10, 100, 1_000, 10_000, 1_000_000]
            return Check(
                "kfib.\(row.forwards)", "each viewer sends a chunk on at most \(row.forwards) times",
                source: "Bianchi et al. 2009",
                claims: zip(sizes, row.worst).map { size, worst in
                    .init("worst of \(size)", .lowerBound, Double(worst), within: 0)
                }
            ) { _ in sizes.map { Estimate(Snowball.one(viewers: $0, forwards: row.forwards).worst) } }
        } + [
            Check(
                "kfib.1", "a chain", source: "Bianchi et al. 2009",
                claims: [
                    .init("worst of 1000", .lowerBound, 1_000, within: 0),
                    .init("mean of 1000", .exact, DelayBound.chainMean(viewers: 1_000)),
                ]
            ) { _ in
                let figures = Snowball.one(viewers: 1_000, forwards: 1)
                return [Estimate(figures.worst), Estimate(figures.mean)]
            }
        ]
    }()

    private static let trees: [Check] = {
        let cases: [(arity: Int, depth: Int, nodes: Int)] = [(2, 4, 30), (4, 4, 340), (8, 6, 299_592)]
        return cases.map { one in
            Check(
                "tree.\(one.arity).\(one.depth)", "uplinks of \(one.arity) streams, hop by hop", source: "elementary",
                claims: [
                    .init("nodes", .exact, Double(one.nodes)),
                    .init("shared", .exact, DelayBound.treeMean(arity: one.arity, depth: one.depth, isShared: true)),
                    .init("serial", .exact, DelayBound.treeMean(arity: one.arity, depth: one.depth, isShared: false)),
                    .init("serial worst", .exact, Double(one.depth)),
                ]
            ) { _ in
                let tree = DistributionTree(arity: one.arity, depth: one.depth)
                let shared = tree.run(isShared: true)
                let serial = tree.run(isShared: false)
                return [
                    Estimate(shared.nodes), Estimate(shared.leafMean), Estimate(serial.leafMean),
                    Estimate(serial.leafWorst),
                ]
            }
        }
    }()

    private static let serial = Check(
        "uplink.serial_vs_parallel", "ten equal transfers on one uplink", source: "elementary",
        claims: [.init("FIFO mean", .exact, 5.5), .init("shared mean", .exact, 10)]
    ) { _ in
        [false, true].map { isShared in
            Estimate(Line.ends(of: 10, isShared: isShared).reduce(0, +) / 10)
        }
    }
}
