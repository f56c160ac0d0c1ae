package import Vocabulary

/// The SHA-256 Merkle tree over 16 KiB pieces, as BitTorrent v2 computes a file's `pieces root` (BEP 52):
/// leaves are hashes of pieces, missing leaves up to a power of two are zero, and an only leaf is the root itself.
///
/// A leaf cannot pass for an inner node here, although both are plain SHA-256 (BEP 52 has no domain separation): the
/// record signs the length beside the root, so the number of leaves and the depth of the tree are fixed before any
/// proof is looked at, and a peer sends all leaves, never inner nodes.
package enum MerkleTree {
    /// The hash of every piece, in order.
    package static func leaves(of segment: UnsafeRawBufferPointer) -> [Word256] {
        stride(from: 0, to: segment.count, by: PieceID.length).map { start in
            let end = min(start + PieceID.length, segment.count)
            return SHA256.hash(UnsafeRawBufferPointer(rebasing: segment[start..<end]))
        }
    }

    package static func leaves(of segment: [UInt8]) -> [Word256] {
        segment.withUnsafeBytes { leaves(of: $0) }
    }

    /// The root over all leaves; no leaves give the root of nothing, zero.
    package static func root(ofLeaves leaves: [Word256]) -> Root {
        guard var level = leaves.isEmpty ? nil : leaves else { return Root(.zero) }
        var padding = Word256.zero
        while level.count > 1 {
            var next: [Word256] = []
            next.reserveCapacity((level.count + 1) / 2)
            for left in stride(from: 0, to: level.count, by: 2) {
                next.append(SHA256.hash(level[left], left + 1 < level.count ? level[left + 1] : padding))
            }
            padding = SHA256.hash(padding, padding)
            level = next
        }
        return Root(level[0])
    }

    package static func root(of segment: [UInt8]) -> Root { root(ofLeaves: leaves(of: segment)) }
}
