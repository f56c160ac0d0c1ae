import Vocabulary

/// What we hold of one segment and what is on its way.
struct SegmentProgress: Sendable {
    struct Want: Sendable {
        let link: LinkID
        let time: Instant
        let deadline: Instant
    }

    let record: Record
    let arrival: Instant
    var hasLeaves = false
    var leavesAsked: Instant?
    var held: PieceSet
    var fromOrigin: PieceSet
    /// Wants that are under way, by piece.
    var wanted: [Int: Want] = [:]
    /// Pieces that the origin is sending us.
    var fetching: PieceSet
    var isDropped = false
    /// How often each piece was sent on.
    var given: [UInt16]

    init(_ record: Record, at now: Instant) {
        self.record = record
        arrival = now
        held = PieceSet(count: record.pieceCount)
        fromOrigin = held
        fetching = held
        given = Array(repeating: 0, count: record.pieceCount)
    }

    var isComplete: Bool { held.isFull }

    /// Pieces that nobody has been asked for, ascending.
    var unasked: PieceSet {
        var rest = PieceSet.full(count: record.pieceCount).subtracting(held).subtracting(fetching)
        for index in wanted.keys { rest.remove(index) }
        return rest
    }

    mutating func takeBackWants(from link: LinkID) {
        for (index, want) in wanted where want.link == link { wanted[index] = nil }
    }

    var missingBytes: Int {
        PieceSet.full(count: record.pieceCount).subtracting(held).reduce(0) { $0 + record.range(ofPiece: $1).count }
    }
}
