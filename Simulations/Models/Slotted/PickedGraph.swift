package import Vocabulary

/// Everybody picks some others as neighbors; who is picked has the picker as a neighbor too.
package struct PickedGraph: Sendable {
    package let neighbors: [[Int]]
    /// How many picks each node was the object of.
    package let picked: [Int]

    package init(nodes: Int, picks: Int, random: inout Randomness) {
        var sets = [Set<Int>](repeating: [], count: nodes)
        var picked = [Int](repeating: 0, count: nodes)
        for node in 0..<nodes {
            var own: Set<Int> = []
            while own.count < min(picks, nodes - 1) {
                let other = random.below(nodes, except: node)
                guard own.insert(other).inserted else { continue }
                picked[other] += 1
                sets[node].insert(other)
                sets[other].insert(node)
            }
        }
        neighbors = sets.map { $0.sorted() }
        self.picked = picked
    }

    package var meanDegree: Double { Double(neighbors.reduce(0) { $0 + $1.count }) / Double(neighbors.count) }
    package var unpicked: Int { picked.count { $0 == 0 } }

    /// Whether a random graph, in which each pair is joined with `probability`, hangs together.
    package static func isConnected(nodes: Int, probability: Double, random: inout Randomness) -> Bool {
        var parents = Array(0..<nodes)
        var parts = nodes
        func root(_ node: Int) -> Int {
            var node = node
            while parents[node] != node {
                parents[node] = parents[parents[node]]
                node = parents[node]
            }
            return node
        }
        // Pairs that are not joined are skipped in one draw (Batagelj and Brandes, 2005).
        let logarithm = Elementary.log(1 - probability)
        var row = 1
        var column = -1
        while row < nodes {
            column += 1 + Int(Elementary.log(random.unit()) / logarithm)
            while column >= row, row < nodes {
                column -= row
                row += 1
            }
            guard row < nodes else { break }
            let a = root(row)
            let b = root(column)
            if a != b {
                parents[a] = b
                parts -= 1
            }
        }
        return parts == 1
    }
}
