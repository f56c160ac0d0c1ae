package import Vocabulary

/// What fewest neighbors have, ties by chance, so that neighbors get different pieces and can help each other
/// (BitTorrent; Legout, Urvoy-Keller, Michiardi, IMC 2006).
package struct RarestFirst: PiecePreference {
    package init() {}

    package func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness) {
        let keyed = pieces.shuffled(using: &random).map { ($0, holders($0)) }
        pieces = keyed.sorted { $0.1 < $1.1 }.map(\.0)
    }
}
