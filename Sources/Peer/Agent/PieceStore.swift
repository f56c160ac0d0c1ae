import Integrity
package import NIOCore
package import Vocabulary

/// The verified part of the broadcast that is in memory: records, leaf hashes and pieces.
///
/// Nothing gets in that has not been checked: leaf hashes against the record's root, pieces against their leaf hash.
package struct PieceStore {
    package enum Verdict: Hashable, Sendable {
        case new
        /// It matches, and is here already.
        case known
        /// No honest sender has such a piece.
        case bad
        /// The segment is known and its leaf hashes are not, so nothing can be said yet.
        case early
        /// There is no record of the segment.
        case unknown
        case full
    }

    private struct Entry {
        let record: Record
        let sealed: [UInt8]
        var leaves: [Word256] = []
        var pieces: [ByteBuffer?] = []
    }

    private let limit: Int
    private var entries: [SegmentID: Entry] = [:]
    package private(set) var bytes = 0

    /// `limit` bounds the bytes of pieces.
    package init(limit: Int) { self.limit = limit }

    package func record(_ segment: SegmentID) -> Record? { entries[segment]?.record }

    package func sealedRecord(_ segment: SegmentID) -> [UInt8]? { entries[segment]?.sealed }

    /// Whether a segment begins with this initialization section.
    package func needs(_ initialization: Root) -> Bool {
        entries.values.contains { $0.record.initialization == initialization }
    }

    package func leaves(_ segment: SegmentID) -> [Word256]? {
        guard let leaves = entries[segment]?.leaves, !leaves.isEmpty else { return nil }
        return leaves
    }

    package subscript(_ piece: PieceID) -> ByteBuffer? {
        guard let pieces = entries[piece.segment]?.pieces, pieces.indices.contains(piece.index) else { return nil }
        return pieces[piece.index]
    }

    /// Keeps a record whose signature has been checked.
    package mutating func keep(_ record: Record, sealed: [UInt8]) {
        forget(record.segment)
        entries[record.segment] = Entry(record: record, sealed: sealed)
    }

    /// Keeps leaf hashes if they are those of the record's root; `nil` when there is no such record.
    package mutating func keep(leaves: [Word256], of segment: SegmentID) -> Bool? {
        guard let place = entries.index(forKey: segment) else { return nil }
        let known = entries.values[place].leaves
        guard known.isEmpty else { return leaves == known }
        let record = entries.values[place].record
        guard leaves.count == record.pieceCount, MerkleTree.root(ofLeaves: leaves) == record.root else { return false }
        entries.values[place].leaves = leaves
        entries.values[place].pieces = Array(repeating: nil, count: leaves.count)
        return true
    }

    /// Everything is changed in place: a copy of the entry beside it would make the change copy the segment's arrays.
    package mutating func admit(_ piece: PieceID, _ content: ByteBuffer) -> Verdict {
        guard let place = entries.index(forKey: piece.segment) else { return .unknown }
        let index = piece.index
        guard (0..<entries.values[place].record.pieceCount).contains(index),
            content.readableBytes == entries.values[place].record.range(ofPiece: index).count
        else { return .bad }
        guard !entries.values[place].leaves.isEmpty else { return .early }
        guard content.withUnsafeReadableBytes({ SHA256.hash($0) }) == entries.values[place].leaves[index] else {
            return .bad
        }
        guard entries.values[place].pieces[index] == nil else { return .known }
        guard bytes + content.readableBytes <= limit else { return .full }
        entries.values[place].pieces[index] = content
        bytes += content.readableBytes
        return .new
    }

    /// Forgets the bytes of a segment.
    package mutating func drop(_ segment: SegmentID) {
        guard let entry = entries[segment] else { return }
        bytes -= entry.pieces.reduce(0) { $0 + ($1?.readableBytes ?? 0) }
        entries[segment]?.pieces = Array(repeating: nil, count: entry.leaves.count)
    }

    /// Forgets a segment altogether.
    package mutating func forget(_ segment: SegmentID) {
        drop(segment)
        entries[segment] = nil
    }
}
