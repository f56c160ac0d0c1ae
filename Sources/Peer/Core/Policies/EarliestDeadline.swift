package import Vocabulary

/// Playing order.
package struct EarliestDeadline: PiecePreference {
    package init() {}

    package func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness) {}
}
