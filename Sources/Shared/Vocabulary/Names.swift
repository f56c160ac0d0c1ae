/// A broadcast's name: the origin's Ed25519 public key, so that the name proves the content.
@usableFromInline package struct BroadcastID: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let key: Word256

    @inlinable package init(_ key: Word256) { self.key = key }

    package init?(hex: some StringProtocol) {
        guard let key = Word256(hex: hex) else { return nil }
        self.key = key
    }

    @usableFromInline package var description: String { key.hex }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.key < b.key }
}

/// A peer's name: the X25519 static public key of its links.
@usableFromInline package struct PeerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let key: Word256

    @inlinable package init(_ key: Word256) { self.key = key }

    @usableFromInline package var description: String { key.hex }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.key < b.key }
}

/// The SHA-256 Merkle root of a segment's bytes (BEP 52 `pieces root`): the segment's name by content.
@usableFromInline package struct Root: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let hash: Word256

    @inlinable package init(_ hash: Word256) { self.hash = hash }

    package init?(hex: some StringProtocol) {
        guard let hash = Word256(hex: hex) else { return nil }
        self.hash = hash
    }

    @usableFromInline package var description: String { hash.hex }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.hash < b.hash }
}

/// One HLS media segment of one rendition, by number.
@usableFromInline package struct SegmentID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The quality, numbered from 0.
    @usableFromInline package let rendition: UInt8
    /// The place in the rendition; HLS calls it the media sequence number.
    @usableFromInline package let sequence: UInt64

    @inlinable package init(rendition: UInt8, sequence: UInt64) {
        self.rendition = rendition
        self.sequence = sequence
    }

    @usableFromInline package var description: String { "\(rendition)/\(sequence)" }

    @inlinable package static func < (a: Self, b: Self) -> Bool {
        (a.sequence, a.rendition) < (b.sequence, b.rendition)
    }
}

/// One piece of a segment: the leaf of its Merkle tree and the unit that peers exchange.
@usableFromInline package struct PieceID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The length of every piece but the last, in bytes.
    @inlinable package static var length: Int { 16_384 }
    /// How many pieces at the front of a segment hold a first picture: 64 KiB.
    @inlinable package static var front: Int { 4 }

    @usableFromInline package let segment: SegmentID
    @usableFromInline package let index: Int

    @inlinable package init(_ segment: SegmentID, _ index: Int) {
        self.segment = segment
        self.index = index
    }

    @usableFromInline package var description: String { "\(segment)#\(index)" }

    @inlinable package static func < (a: Self, b: Self) -> Bool { (a.segment, a.index) < (b.segment, b.index) }
}
