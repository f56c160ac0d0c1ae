/// Which pieces of one segment somebody has: a bitmap.
package struct PieceSet: Hashable, Sendable {
    package let count: Int
    package private(set) var words: [UInt64]

    /// The empty set over `count` pieces.
    package init(count: Int) {
        self.count = count
        words = Array(repeating: 0, count: (count + 63) / 64)
    }

    package init(count: Int, _ members: some Sequence<Int>) {
        self.init(count: count)
        for index in members { insert(index) }
    }

    package static func full(count: Int) -> PieceSet {
        var set = PieceSet(count: count)
        for index in set.words.indices { set.words[index] = .max }
        if count % 64 != 0, let last = set.words.indices.last { set.words[last] = (1 << UInt64(count % 64)) - 1 }
        return set
    }

    /// Takes `(count + 7) / 8` bytes, lowest piece in the lowest bit; `nil` when the length or a spare bit is wrong.
    package init?(count: Int, bytes: some Collection<UInt8>) {
        guard bytes.count == (count + 7) / 8 else { return nil }
        self.init(count: count)
        for (position, byte) in bytes.enumerated() {
            words[position >> 3] |= UInt64(byte) << UInt64(8 * (position & 7))
        }
        if count % 64 != 0, let last = words.last, last >> UInt64(count % 64) != 0 { return nil }
    }

    package var bytes: [UInt8] {
        (0..<(count + 7) / 8).map { UInt8(truncatingIfNeeded: words[$0 >> 3] >> UInt64(8 * ($0 & 7))) }
    }

    package var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    package var isFull: Bool { members == count }

    /// How many pieces are in the set.
    package var members: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Pieces outside `0..<count` are never in the set.
    package func contains(_ index: Int) -> Bool {
        index >= 0 && index < count && words[index >> 6] >> UInt64(index & 63) & 1 == 1
    }

    /// Returns whether the piece was new to the set; a piece outside `0..<count` is ignored.
    @discardableResult
    package mutating func insert(_ index: Int) -> Bool {
        guard index >= 0, index < count, !contains(index) else { return false }
        words[index >> 6] |= 1 << UInt64(index & 63)
        return true
    }

    package mutating func remove(_ index: Int) {
        guard index >= 0, index < count else { return }
        words[index >> 6] &= ~(1 << UInt64(index & 63))
    }

    package mutating func formUnion(_ other: PieceSet) {
        for index in 0..<Swift.min(words.count, other.words.count) { words[index] |= other.words[index] }
        if count % 64 != 0, let last = words.indices.last { words[last] &= (1 << UInt64(count % 64)) - 1 }
    }

    package mutating func subtract(_ other: PieceSet) {
        for index in 0..<Swift.min(words.count, other.words.count) { words[index] &= ~other.words[index] }
    }

    package func subtracting(_ other: PieceSet) -> PieceSet {
        var result = self
        result.subtract(other)
        return result
    }

    package mutating func formIntersection(_ other: PieceSet) {
        for index in words.indices { words[index] &= index < other.words.count ? other.words[index] : 0 }
    }

    package func isSuperset(of other: PieceSet) -> Bool {
        other.words.indices.allSatisfy { other.words[$0] & ~($0 < words.count ? words[$0] : 0) == 0 }
    }
}

extension PieceSet: Sequence {
    /// Ascending piece numbers.
    package struct Iterator: IteratorProtocol {
        private let words: [UInt64]
        private var position = 0
        private var rest: UInt64

        fileprivate init(_ words: [UInt64]) {
            self.words = words
            rest = words.first ?? 0
        }

        package mutating func next() -> Int? {
            while rest == 0 {
                position += 1
                guard position < words.count else { return nil }
                rest = words[position]
            }
            let bit = rest.trailingZeroBitCount
            rest &= rest - 1
            return position << 6 | bit
        }
    }

    package func makeIterator() -> Iterator { Iterator(words) }
}
