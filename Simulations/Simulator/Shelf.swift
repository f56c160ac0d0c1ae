import PeerCore
import Vocabulary

/// What one viewer's shell keeps of one segment.
struct Shelf {
    let sequence: Int
    var hasLeaves = false
    /// Pieces that came before the leaf hashes.
    var early: [Early] = []
    /// Requests to the origin that have brought everything, which only the leaf hashes can tell.
    var unchecked: [FetchID] = []
    private var words: [UInt64]
    private var missing: Int

    struct Early {
        let index: Int
        let from: Source
        let isPolluted: Bool
    }

    init(sequence: Int, pieces: Int) {
        self.sequence = sequence
        words = Array(repeating: 0, count: (pieces + 63) / 64)
        missing = pieces
    }

    var isWhole: Bool { missing == 0 }

    /// With that a player has a picture to show.
    var hasFront: Bool { isWhole || words[0].trailingOnes >= PieceID.front }

    /// Returns whether the piece was new.
    mutating func store(_ index: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(index & 63)
        guard words[index >> 6] & bit == 0 else { return false }
        words[index >> 6] |= bit
        missing -= 1
        return true
    }
}

extension UInt64 {
    fileprivate var trailingOnes: Int { (~self).trailingZeroBitCount }
}

extension [Shelf] {
    /// The newest segments are asked for most.
    func place(of sequence: Int) -> Int? { indices.last { self[$0].sequence == sequence } }
}
