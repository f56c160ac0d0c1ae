package import Vocabulary

/// The newest segment first, and its newest pieces: optimal in rate and delay among simple rules for pushing
/// (Bonald, Massoulie, Mathieu, Perino, Twigg, SIGMETRICS 2008).
package struct LatestUseful: PiecePreference {
    package init() {}

    package var prefersNewest: Bool { true }

    package func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness) {
        pieces.reverse()
    }
}
