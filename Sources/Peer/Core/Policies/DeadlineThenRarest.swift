package import Vocabulary

/// Segments in playing order; of one segment its front, so that something can be seen, and then what fewest neighbors
/// have. A player needs a segment as a whole, so pieces of one segment have about the same deadline, and newcomers who all
/// take them in playing order have nothing to give to each other.
package struct DeadlineThenRarest: PiecePreference {
    package init() {}

    package func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness) {
        var rest = pieces.filter { $0 >= PieceID.front }
        RarestFirst().sort(&rest, holders: holders, slack: slack, using: &random)
        pieces = pieces.filter { $0 < PieceID.front } + rest
    }
}
