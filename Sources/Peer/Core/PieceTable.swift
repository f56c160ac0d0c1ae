import Vocabulary

/// Which pieces of one segment each neighbor has, or is said to: a row of words to a seat, one after the other, so that
/// a question that is put to all neighbors reads memory in order.
struct PieceTable: Sendable {
    /// Of a segment.
    private let count: Int
    private let stride: Int
    /// Seats whose row says something; there are no more of them than bits (`Limits.links`).
    private var seats: UInt64 = 0
    /// Rows up to the last seat that has ever said something.
    private var words: [UInt64] = []

    init(count: Int) {
        self.count = count
        stride = PieceSet.words(for: count)
    }

    @inline(__always)
    func has(_ seat: Int) -> Bool { seats >> UInt64(seat) & 1 == 1 }

    /// What the neighbor has; `nil` when it has said nothing.
    subscript(seat: Int) -> PieceSet? {
        guard has(seat) else { return nil }
        return words.withUnsafeBufferPointer {
            PieceSet(count: count, words: UnsafeBufferPointer(rebasing: $0[seat * stride..<(seat + 1) * stride]))
        }
    }

    func contains(_ index: Int, of seat: Int) -> Bool {
        guard has(seat), index >= 0, index < count else { return false }
        return words[seat * stride + index >> 6] >> UInt64(index & 63) & 1 == 1
    }

    func isEmpty(_ seat: Int) -> Bool {
        !has(seat) || words[seat * stride..<(seat + 1) * stride].allSatisfy { $0 == 0 }
    }

    /// How many pieces the neighbor has.
    func members(of seat: Int) -> Int {
        guard has(seat) else { return 0 }
        return words[seat * stride..<(seat + 1) * stride].reduce(0) { $0 + $1.nonzeroBitCount }
    }

    /// A bit for each seat that has any of `pieces`.
    func seats(withAnyOf pieces: PieceSet) -> UInt64 {
        words.withUnsafeBufferPointer { words in
            var having: UInt64 = 0
            for seat in seats.seats {
                var common: UInt64 = 0
                for word in 0..<stride { common |= words[seat * stride + word] & pieces[word: word] }
                if common != 0 { having |= 1 << UInt64(seat) }
            }
            return having
        }
    }

    func hasAll(of pieces: PieceSet, _ seat: Int) -> Bool {
        guard has(seat) else { return false }
        for word in 0..<stride where ~words[seat * stride + word] & pieces[word: word] != 0 { return false }
        return true
    }

    /// What those neighbors have together of whom `counts` is true.
    func union(where counts: (Int) -> Bool) -> PieceSet {
        var union = PieceSet(count: count)
        visit(where: counts) { seat in
            for word in 0..<stride { union[word: word] |= words[seat * stride + word] }
        }
        return union
    }

    /// What at least so many of those neighbors have of whom `counts` is true.
    func held(by several: Int, where counts: (Int) -> Bool) -> PieceSet {
        // By one of those visited so far, by two, and so on.
        var held = Array(repeating: PieceSet(count: count), count: several)
        visit(where: counts) { seat in
            for word in 0..<stride {
                var more = words[seat * stride + word]
                for level in held.indices {
                    let again = held[level][word: word] & more
                    held[level][word: word] |= more
                    more = again
                }
            }
        }
        return held[several - 1]
    }

    @inline(__always)
    private func visit(where counts: (Int) -> Bool, _ body: (Int) -> Void) {
        for seat in seats.seats where counts(seat) { body(seat) }
    }

    mutating func set(_ seat: Int, _ pieces: PieceSet) {
        open(seat)
        for word in 0..<stride { words[seat * stride + word] = pieces[word: word] }
    }

    mutating func insert(_ index: Int, of seat: Int) {
        open(seat)
        guard index >= 0, index < count else { return }
        words[seat * stride + index >> 6] |= 1 << UInt64(index & 63)
    }

    mutating func remove(_ index: Int, of seat: Int) {
        guard has(seat), index >= 0, index < count else { return }
        words[seat * stride + index >> 6] &= ~(1 << UInt64(index & 63))
    }

    mutating func clear(_ seat: Int) {
        guard has(seat) else { return }
        seats &= ~(1 << UInt64(seat))
        for word in 0..<stride { words[seat * stride + word] = 0 }
    }

    /// A neighbor takes the seat; those behind it move up.
    mutating func insertSeat(_ seat: Int) {
        seats = seats.opened(at: seat)
        guard seat * stride < words.count else { return }
        words.insert(contentsOf: repeatElement(0, count: stride), at: seat * stride)
    }

    mutating func removeSeat(_ seat: Int) {
        seats = seats.closed(at: seat)
        guard seat * stride < words.count else { return }
        words.removeSubrange(seat * stride..<(seat + 1) * stride)
    }

    private mutating func open(_ seat: Int) {
        seats |= 1 << UInt64(seat)
        let missing = (seat + 1) * stride - words.count
        if missing > 0 {
            // For some seats more at a time.
            if words.capacity < (seat + 1) * stride { words.reserveCapacity((seat / 4 + 1) * 4 * stride) }
            words.append(contentsOf: repeatElement(0, count: missing))
        }
    }
}

/// A bit for each seat.
extension UInt64 {
    /// The bits from `seat` on, one place higher; a zero comes between.
    func opened(at seat: Int) -> UInt64 {
        let below: UInt64 = 1 << UInt64(seat) - 1
        return self & below | (self & ~below) << 1
    }

    /// Those whose bit is set, ascending.
    var seats: SeatSequence { SeatSequence(rest: self) }

    /// The same, but those from `turn` on come first.
    func seats(from turn: Int) -> SeatSequence {
        let before: UInt64 = 1 << UInt64(turn) - 1
        return SeatSequence(rest: self & ~before, then: self & before)
    }

    /// The bits beyond `seat`, one place lower; its own is lost.
    func closed(at seat: Int) -> UInt64 {
        let below: UInt64 = 1 << UInt64(seat) - 1
        return self & below | self >> 1 & ~below
    }
}

struct SeatSequence: Sequence, IteratorProtocol {
    fileprivate var rest: UInt64
    fileprivate var then: UInt64 = 0

    @inline(__always)
    mutating func next() -> Int? {
        if rest == 0 { (rest, then) = (then, 0) }
        guard rest != 0 else { return nil }
        let seat = rest.trailingZeroBitCount
        rest &= rest - 1
        return seat
    }
}
