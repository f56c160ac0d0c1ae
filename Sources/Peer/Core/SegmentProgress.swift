import Vocabulary

/// What we hold of one segment and what is on its way.
struct SegmentProgress: Sendable {
    struct Want: Sendable {
        let index: Int
        let link: LinkID
        let time: Instant
        let deadline: Instant
    }

    let record: Record
    let arrival: Instant
    let count: Int
    var hasLeaves = false
    var leavesAsked: Instant?
    var held: PieceSet
    var heldCount = 0
    var fromOrigin: PieceSet
    /// Pieces that the origin is sending us.
    var fetching: PieceSet
    /// Pieces that a neighbor is asked for.
    private(set) var wanted: PieceSet
    private(set) var wants: [Want] = []
    /// Pieces that some neighbor has had for long enough that a push would be here, and those that one has by now.
    var overdue: PieceSet
    var sighted: PieceSet
    /// How much of each stripe was pulled from others than its parent.
    var pulled = [UInt16](repeating: 0, count: Stripe.count)
    /// Neighbors have not been told of all that is held.
    var isUntold = false
    /// Since when only the origin could bring the rest in time.
    var urgentSince: Instant?
    var isDropped = false
    /// Peers were not waited for.
    var isImpatient = false

    init(_ record: Record, at now: Instant) {
        self.record = record
        arrival = now
        count = record.pieceCount
        held = PieceSet(count: count)
        fromOrigin = held
        fetching = held
        wanted = held
        overdue = held
        sighted = held
    }

    var sequence: UInt64 { record.segment.sequence }
    var isComplete: Bool { heldCount == count }

    /// Pieces that nobody has been asked for.
    var unasked: PieceSet {
        var rest = PieceSet.full(count: count)
        rest.subtract(held)
        rest.subtract(fetching)
        rest.subtract(wanted)
        return rest
    }

    mutating func ask(_ want: Want) {
        wants.append(want)
        wanted.insert(want.index)
    }

    /// The want for a piece, taken back.
    mutating func settle(_ index: Int) -> Want? {
        guard wanted.contains(index), let place = wants.firstIndex(where: { $0.index == index }) else { return nil }
        wanted.remove(index)
        return wants.remove(at: place)
    }

    mutating func settle(where isSettled: (Want) -> Bool) -> [Want] {
        guard !wants.isEmpty else { return [] }
        let settled = wants.filter(isSettled)
        guard !settled.isEmpty else { return [] }
        wants.removeAll(where: isSettled)
        for want in settled { wanted.remove(want.index) }
        return settled
    }

    var missingBytes: Int {
        let whole = (count - heldCount) * PieceID.length
        return held.contains(count - 1) ? whole : whole - PieceID.length + record.range(ofPiece: count - 1).count
    }
}
