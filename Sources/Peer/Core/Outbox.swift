import Vocabulary

/// What waits to be sent to one neighbor, and what is on its way there.
struct Outbox: Sendable {
    /// Pieces to push that the neighbor pushes on itself, those that it does not, and those that it asked for.
    var relays = PieceQueue()
    var pushes = PieceQueue()
    var wants = PieceQueue()
    private var inFlight: [Errand] = []
    private(set) var inFlightCount = 0
    /// Of those, how many have been on their way for so long that they no longer count as a load of our uplink.
    private(set) var overdueCount = 0

    /// A piece that is on its way to the neighbor.
    struct Errand: Sendable {
        fileprivate let word: UInt64
        let time: Instant
        private let before: UInt8
        fileprivate(set) var isOverdue = false

        /// Pieces that were on their way to anybody, 255 at most.
        var ahead: Int { Int(before) }

        init(_ piece: PieceID, at time: Instant, behind ahead: Int) {
            (word, self.time, before) = (piece.word, time, UInt8(clamping: ahead))
        }
    }

    var isEmpty: Bool { relays.isEmpty && pushes.isEmpty && wants.isEmpty }

    mutating func send(_ errand: Errand) {
        inFlight.makeRoom(by: 4)
        inFlight.append(errand)
        inFlightCount += 1
    }

    /// The piece on its way, which is so no more.
    mutating func arrived(_ piece: PieceID) -> Errand? {
        guard let place = inFlight.firstIndex(where: { $0.word == piece.word }) else { return nil }
        inFlightCount -= 1
        if inFlight[place].isOverdue { overdueCount -= 1 }
        let errand = inFlight.remove(at: place)
        if inFlight.isEmpty { inFlight = [] }
        return errand
    }

    /// When what has been on its way for longest was sent.
    var oldest: Instant? { inFlight.first?.time }

    /// Makes overdue what is on its way since a time for which that is so; returns how many pieces that are.
    mutating func expire(where isOverdue: (Instant) -> Bool) -> Int {
        guard inFlightCount > overdueCount else { return 0 }
        let before = overdueCount
        for place in inFlight.indices where !inFlight[place].isOverdue && isOverdue(inFlight[place].time) {
            inFlight[place].isOverdue = true
            overdueCount += 1
        }
        return overdueCount - before
    }

    /// Whether the piece was asked for or is on its way.
    func isAsked(_ piece: PieceID) -> Bool { wants.contains(piece) || inFlight.contains { $0.word == piece.word } }

    /// Takes pieces out of what waits.
    mutating func takeOut(where isGone: (PieceID) -> Bool) {
        relays.removeAll(where: isGone)
        pushes.removeAll(where: isGone)
        wants.removeAll(where: isGone)
    }
}

/// The outboxes of all neighbors, by seat. Mostly few hold anything: only those take memory, in the order of their seats.
struct Outboxes: Sendable {
    private(set) var boxes: [Outbox] = []
    /// A bit for each seat that has a box, because something waits or is on its way.
    private var used: UInt64 = 0
    /// And for each for whom something waits.
    private(set) var waiting: UInt64 = 0

    /// Seats that have a box.
    var seats: SeatSequence { used.seats }

    /// When what has been on its way for longest was sent, of all of them.
    var oldest: Instant? { boxes.lazy.compactMap(\.oldest).min() }

    /// Where a seat's box is among all of them; what is asked of it for every piece is asked there, without a copy.
    @inline(__always)
    func place(of seat: Int) -> Int? { used >> UInt64(seat) & 1 == 1 ? rank(of: seat) : nil }

    @inline(__always)
    private func rank(of seat: Int) -> Int { (used & (1 << UInt64(seat) - 1)).nonzeroBitCount }

    subscript(seat: Int) -> Outbox {
        get { place(of: seat).map { boxes[$0] } ?? Outbox() }
        _modify {
            let (bit, place): (UInt64, Int) = (1 << UInt64(seat), rank(of: seat))
            if used & bit == 0 {
                used |= bit
                boxes.makeRoom(by: 4)
                boxes.insert(Outbox(), at: place)
            }
            defer {
                waiting = boxes[place].isEmpty ? waiting & ~bit : waiting | bit
                if boxes[place].isEmpty, boxes[place].inFlightCount == 0 {
                    used &= ~bit
                    boxes.remove(at: place)
                }
            }
            yield &boxes[place]
        }
    }

    mutating func insertSeat(_ seat: Int) {
        used = used.opened(at: seat)
        waiting = waiting.opened(at: seat)
    }

    mutating func removeSeat(_ seat: Int) {
        if let place = place(of: seat) { boxes.remove(at: place) }
        used = used.closed(at: seat)
        waiting = waiting.closed(at: seat)
    }

    /// Takes pieces out of what waits at one seat.
    mutating func takeOut(of seat: Int, where isGone: (PieceID) -> Bool) {
        if waiting >> UInt64(seat) & 1 == 1 { self[seat].takeOut(where: isGone) }
    }

    /// Whether the neighbor may be sent more while it may have so many on the way; nothing while it acknowledges nothing.
    func canSend(to seat: Int, with limit: Int) -> Bool {
        guard let place = place(of: seat) else { return true }
        return boxes[place].overdueCount == 0 && boxes[place].inFlightCount < limit
    }
}

/// Pieces in the order in which they are to leave.
struct PieceQueue: Sendable {
    private var words: [UInt64] = []
    private var first: Int32 = 0
    private var waiting: Int32 = 0
    /// All pieces that ever wait are of our own.
    private var rendition: UInt8 = 0

    var count: Int { Int(waiting) }
    var isEmpty: Bool { waiting == 0 }
    /// The piece that `popFirst` would give.
    var next: PieceID? { isEmpty ? nil : Self.piece(words[Int(first)], of: rendition) }

    private static func piece(_ word: UInt64, of rendition: UInt8) -> PieceID {
        PieceID(SegmentID(rendition: rendition, sequence: word >> 16), Int(word & 0xffff))
    }

    func contains(_ piece: PieceID) -> Bool {
        !isEmpty && piece.segment.rendition == rendition && words[Int(first)...].contains(piece.word)
    }

    mutating func append(_ piece: PieceID) {
        rendition = piece.segment.rendition
        words.makeRoom(by: 4)
        words.append(piece.word)
        waiting += 1
    }

    mutating func popFirst() -> PieceID? {
        guard let next else { return nil }
        first += 1
        waiting -= 1
        if waiting == 0 {
            words = []
            first = 0
        } else if first > 64 {
            words.removeFirst(Int(first))
            first = 0
        }
        return next
    }

    mutating func removeAll(where isGone: (PieceID) -> Bool) {
        guard waiting > 0 else { return }
        words.removeFirst(Int(first))
        first = 0
        let rendition = rendition
        words.removeAll { isGone(Self.piece($0, of: rendition)) }
        waiting = Int32(words.count)
    }

    mutating func removeAll() { self = PieceQueue() }
}

extension PieceID {
    /// Within the rendition: the segment's number and, in the lowest 16 bits, the piece's (`Limits.sequence`,
    /// `Limits.piecesPerSegment`).
    fileprivate var word: UInt64 { segment.sequence << 16 | UInt64(index) }
}
