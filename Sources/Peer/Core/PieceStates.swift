import Vocabulary

/// How it stands with the pieces of one segment: a row of words to a state, one after the other, so that all are one
/// piece of memory of the size that the segment needs.
struct PieceStates: Sendable {
    enum State: Int, CaseIterable {
        case held
        case fromOrigin
        /// The origin is sending them to us.
        case fetching
        /// A neighbor is asked for them.
        case wanted
        /// Some neighbor has had them for long enough that a push would be here.
        case overdue
        /// Some neighbor has them by now.
        case sighted
    }

    private let count: Int
    private let stride: Int
    private var words: [UInt64]

    init(count: Int) {
        self.count = count
        stride = PieceSet.words(for: count)
        words = Array(repeating: 0, count: State.allCases.count * stride)
    }

    subscript(state: State) -> PieceSet {
        get {
            var set = PieceSet(count: count)
            for word in 0..<stride { set[word: word] = words[state.rawValue * stride + word] }
            return set
        }
        set {
            for word in 0..<stride { words[state.rawValue * stride + word] = newValue[word: word] }
        }
    }

    func contains(_ index: Int, _ state: State) -> Bool {
        index >= 0 && index < count && words[state.rawValue * stride + index >> 6] >> UInt64(index & 63) & 1 == 1
    }

    /// Returns whether that is new.
    @discardableResult
    mutating func insert(_ index: Int, _ state: State) -> Bool {
        guard index >= 0, index < count, !contains(index, state) else { return false }
        words[state.rawValue * stride + index >> 6] |= 1 << UInt64(index & 63)
        return true
    }

    mutating func remove(_ index: Int, _ state: State) {
        guard contains(index, state) else { return }
        words[state.rawValue * stride + index >> 6] &= ~(1 << UInt64(index & 63))
    }

    /// Pieces that nobody has been asked for.
    var unasked: PieceSet {
        var rest = PieceSet.full(count: count)
        for word in 0..<stride {
            rest[word: word] &= ~(self[.held, word] | self[.fetching, word] | self[.wanted, word])
        }
        return rest
    }

    private subscript(state: State, word: Int) -> UInt64 { words[state.rawValue * stride + word] }
}
