import PeerCore

/// What one viewer's shell keeps of one segment.
struct Shelf {
    let sequence: Int
    var hasLeaves = false
    /// Pieces that came before the leaf hashes.
    var early: [Early] = []
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

    /// The first 64 KiB: with them a player has a picture to show.
    var hasFront: Bool {
        let front: UInt64 = missing == 0 ? 0 : 0b1111
        return words[0] & front == front
    }

    /// Returns whether the piece was new.
    mutating func store(_ index: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(index & 63)
        guard words[index >> 6] & bit == 0 else { return false }
        words[index >> 6] |= bit
        missing -= 1
        return true
    }
}

extension [Shelf] {
    /// The newest segments are asked for most.
    func place(of sequence: Int) -> Int? { indices.last { self[$0].sequence == sequence } }
}
