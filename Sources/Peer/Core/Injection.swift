import Vocabulary

/// Which new pieces are ours to take from the origin, and when.
///
/// Pieces are shared out in blocks, so that a share is a few byte ranges and not one request a piece. The injector that
/// a hash of (root, block, lease epoch) picks takes a block at once; the others step in one after the other if nobody
/// has it or is fetching it by then, so each block leaves the origin about once without a race.
enum Injection {
    /// Pieces in a block: 64 KiB.
    static let block = 4
    /// How long each further injector waits for the one before it.
    static let stagger = Interval.milliseconds(500)

    /// How long after the record's arrival the block is due for the holder of `lease`.
    static func delay(root: Root, block: Int, lease: Lease) -> Interval {
        guard lease.count > 0 else { return .zero }
        let words = root.hash.words
        let key = words.0 ^ words.3 ^ UInt64(truncatingIfNeeded: block) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(lease.epoch)
        let owner = Int(Randomness.mix(key) % UInt64(lease.count))
        let rank = (lease.index - owner + lease.count) % lease.count
        return stagger * Double(rank)
    }
}
