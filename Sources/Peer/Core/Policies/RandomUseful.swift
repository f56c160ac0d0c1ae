package import Vocabulary

/// Any missing piece (Massoulie, Twigg, Gkantsidis, Rodriguez, INFOCOM 2007).
package struct RandomUseful: PiecePreference {
    package init() {}

    package func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness) {
        pieces.shuffle(using: &random)
    }
}
