import Vocabulary

/// What waits to be sent to one neighbor, and what is on its way there.
struct Outbox: Sendable {
    /// Pieces to push that the neighbor pushes on itself, those that it does not, and those that it asked for.
    var relays = PieceQueue()
    var pushes = PieceQueue()
    var wants = PieceQueue()
    private var inFlight: [Errand] = []
    private(set) var inFlightCount = 0

    /// A piece that is on its way to the neighbor.
    struct Errand: Sendable {
        let piece: PieceID
        let time: Instant
        /// Nothing else was on its way to anybody.
        let isAlone: Bool
    }

    var isEmpty: Bool { relays.isEmpty && pushes.isEmpty && wants.isEmpty }

    mutating func send(_ errand: Errand) {
        inFlight.append(errand)
        inFlightCount += 1
    }

    /// The piece on its way, which is so no more.
    mutating func arrived(_ piece: PieceID) -> Errand? {
        guard let place = inFlight.firstIndex(where: { $0.piece == piece }) else { return nil }
        inFlightCount -= 1
        return inFlight.remove(at: place)
    }

    /// Whether the piece was asked for or is on its way.
    func isAsked(_ piece: PieceID) -> Bool { wants.contains(piece) || inFlight.contains { $0.piece == piece } }

    /// Takes pieces out of what waits.
    mutating func takeOut(where isGone: (PieceID) -> Bool) {
        relays.removeAll(where: isGone)
        pushes.removeAll(where: isGone)
        wants.removeAll(where: isGone)
    }
}

/// Pieces in the order in which they are to leave.
struct PieceQueue: Sendable {
    private var pieces: [PieceID] = []
    private var first = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    func contains(_ piece: PieceID) -> Bool { count > 0 && pieces[first...].contains(piece) }

    mutating func append(_ piece: PieceID) {
        pieces.append(piece)
        count += 1
    }

    mutating func popFirst() -> PieceID? {
        guard count > 0 else { return nil }
        let piece = pieces[first]
        first += 1
        count -= 1
        if count == 0 {
            pieces.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 64 {
            pieces.removeFirst(first)
            first = 0
        }
        return piece
    }

    mutating func removeAll(where isGone: (PieceID) -> Bool) {
        guard count > 0 else { return }
        pieces.removeFirst(first)
        first = 0
        pieces.removeAll(where: isGone)
        count = pieces.count
    }

    mutating func removeAll() { self = PieceQueue() }
}
