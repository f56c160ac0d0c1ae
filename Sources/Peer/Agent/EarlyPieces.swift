package import NIOCore
package import PeerCore
package import Vocabulary

/// Pieces that have come before the leaf hashes that can check them: kept, and shown to nobody until they are checked.
package struct EarlyPieces {
    package struct Piece {
        package let id: PieceID
        package let content: ByteBuffer
        package let source: Source
    }

    /// In the order of arrival.
    private var pieces: [Piece] = []
    /// Who has brought something of a segment.
    private var sources: [SegmentID: Set<Source>] = [:]

    package init() {}

    package var count: Int { pieces.count }

    /// Keeps a piece; the oldest make room. Returns whether it is the first of its segment from this source.
    package mutating func keep(_ id: PieceID, _ content: ByteBuffer, from source: Source) -> Bool {
        if !pieces.contains(where: { $0.id == id && $0.source == source }) {
            if case .neighbor = source, pieces.count(where: { $0.source == source }) >= Limits.earlyPiecesPerLink,
                let oldest = pieces.firstIndex(where: { $0.source == source })
            {
                pieces.remove(at: oldest)
            } else if pieces.count >= Limits.earlyPieces {
                pieces.removeFirst()
            }
            pieces.append(Piece(id: id, content: content, source: source))
        }
        return sources[id.segment, default: []].insert(source).inserted
    }

    /// Hands over what is there of a segment, in the order of arrival, and forgets it.
    package mutating func take(_ segment: SegmentID) -> [Piece] {
        guard sources.removeValue(forKey: segment) != nil else { return [] }
        defer { pieces.removeAll { $0.id.segment == segment } }
        return pieces.filter { $0.id.segment == segment }
    }

    /// Forgets what a neighbor has brought.
    package mutating func forget(_ source: Source) {
        pieces.removeAll { $0.source == source }
        for segment in sources.keys { sources[segment]?.remove(source) }
    }
}
