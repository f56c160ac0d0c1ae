import Models
import Vocabulary

/// Random graphs, and losses.
extension Checks {
    static let graphs: [Check] = picked + connected + repaired + coded

    private static let picked: [Check] = [(1_000, 5, 150), (10_000, 5, 40), (100_000, 8, 4)].map {
        (nodes: Int, picks: Int, runs: Int) in
        let degree = GraphBound.meanDegree(nodes: nodes, picks: picks)
        let unpicked = GraphBound.unpicked(nodes: nodes, picks: picks)
        // Three standard errors: double edges and nodes without picks are nearly Poisson.
        let double = Double(picks * picks) / 2
        return Check(
            "kout.\(nodes)", "everybody picks \(picks) neighbors", source: "elementary", isFast: nodes == 1_000,
            claims: [
                .init(
                    "degree", .statistical, degree,
                    within: 3 * 2 * double.squareRoot() / Double(nodes) / Double(runs).squareRoot()),
                .init("unpicked", .statistical, unpicked, within: 3 * (unpicked / Double(runs)).squareRoot()),
            ]
        ) { seed in
            var random = Randomness(seed: seed)
            var degrees = Tally()
            var counts = Tally()
            for _ in 0..<runs {
                let graph = PickedGraph(nodes: nodes, picks: picks, random: &random)
                degrees.add(graph.meanDegree)
                counts.add(Double(graph.unpicked))
            }
            return [degrees.estimate, counts.estimate]
        }
    }

    private static let connected: [Check] = [0.0, 2].map { (excess: Double) in
        Check(
            "gnp.\(Int(excess))", "1000 nodes, edge probability (ln n + \(Int(excess))) / n", source: "Erdős, Rényi",
            claims: [.init("connected", .statistical, GraphBound.connected(excess: excess), within: 0.03)]
        ) { seed in
            var random = Randomness(seed: seed)
            let runs = 4_000
            let probability = (Elementary.log(1_000) + excess) / 1_000
            var count = 0
            for _ in 0..<runs
            where PickedGraph.isConnected(nodes: 1_000, probability: probability, random: &random) { count += 1 }
            return [Estimate(share: count, of: runs)]
        }
    }

    private static let repaired: [Check] = {
        let cases: [(loss: Double, retries: Int)] = [(0.01, 0), (0.01, 1), (0.1, 3)]
        return cases.map { one in
            let runs = 2_000_000
            let expected = GraphBound.lost(loss: one.loss, retries: one.retries)
            return Check(
                "loss.retries.\(Int(one.loss * 100)).\(one.retries)", "chunks lost with all their retries",
                source: "elementary",
                claims: [
                    .init("lost", .statistical, expected, within: 3.5 * (expected / Double(runs)).squareRoot())
                ]
            ) { seed in
                var random = Randomness(seed: seed)
                var lost = 0
                for _ in 0..<runs where (0...one.retries).allSatisfy({ _ in random.chance(one.loss) }) { lost += 1 }
                return [Estimate(share: lost, of: runs)]
            }
        }
    }()

    private static let coded: [Check] = {
        let cases: [(needed: Int, coded: Int, loss: Double)] = [(10, 12, 0.05), (20, 25, 0.1)]
        return cases.map { one in
            let runs = 400_000
            let expected = GraphBound.decodable(needed: one.needed, coded: one.coded, loss: one.loss)
            return Check(
                "fec.\(one.needed).\(one.coded)", "blocks of which \(one.needed) packets suffice", source: "binomial",
                claims: [
                    .init(
                        "decoded", .statistical, expected,
                        within: 3.5 * (expected * (1 - expected) / Double(runs)).squareRoot())
                ]
            ) { seed in
                var random = Randomness(seed: seed)
                var decoded = 0
                for _ in 0..<runs {
                    var arrived = 0
                    for _ in 0..<one.coded where !random.chance(one.loss) { arrived += 1 }
                    if arrived >= one.needed { decoded += 1 }
                }
                return [Estimate(share: decoded, of: runs)]
            }
        }
    }()
}
