package import Vocabulary

/// Playing order when the segment is needed soon; before that, what fewest neighbors have.
package struct DeadlineThenRarest: PiecePreference {
    package init() {}

    package func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness) {
        guard slack > 1 else { return }
        RarestFirst().sort(&pieces, holders: holders, slack: slack, using: &random)
    }
}
