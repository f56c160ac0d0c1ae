/// A tree in which everybody passes on what he gets to `arity` children, with an uplink of `arity` streams.
package struct DistributionTree: Sendable {
    package var arity: Int
    package var depth: Int

    package init(arity: Int, depth: Int) {
        self.arity = arity
        self.depth = depth
    }

    package struct Figures: Hashable, Sendable {
        package var nodes: Int
        /// Over the leaves, in the time that one stream's rate needs for a chunk.
        package var leafMean: Double
        package var leafWorst: Double
    }

    /// One chunk, from the root's uplink down, hop by hop.
    package func run(isShared: Bool) -> Figures {
        // A child's copy takes 1 / arity of a chunk time when it has the uplink for itself.
        let ends = Line.ends(of: arity, isShared: isShared).map { $0 / Double(arity) }
        var level = [0.0]
        var nodes = 0
        for _ in 0..<depth {
            level = level.flatMap { parent in ends.map { parent + $0 } }
            nodes += level.count
        }
        return Figures(
            nodes: nodes, leafMean: level.reduce(0, +) / Double(level.count), leafWorst: level.max() ?? 0)
    }
}
