/// Which pieces of one segment somebody has: a bitmap.
///
/// The first 256 pieces, which is all that most segments have, lie in place: an allocation costs more than whatever is
/// done with the set.
@usableFromInline package struct PieceSet: Sendable {
    @usableFromInline package let count: Int
    @usableFromInline var near: InlineArray<4, UInt64>
    /// The words after those, if there are any.
    @usableFromInline var far: [UInt64]?

    @inlinable static var nearWords: Int { 4 }

    /// The empty set over `count` pieces.
    @inlinable
    package init(count: Int) {
        self.count = count
        near = InlineArray(repeating: 0)
        far = count > 64 * Self.nearWords ? Array(repeating: 0, count: Self.words(for: count) - Self.nearWords) : nil
    }

    @inlinable
    package init(count: Int, _ members: some Sequence<Int>) {
        self.init(count: count)
        for index in members { insert(index) }
    }

    /// The set of `words`, of which the first holds the lowest pieces; bits from `count` on must be zero.
    @inlinable
    package init(count: Int, words: UnsafeBufferPointer<UInt64>) {
        self.init(count: count)
        for index in words.indices { self[word: index] = words[index] }
    }

    @inlinable
    package static func full(count: Int) -> PieceSet {
        var set = PieceSet(count: count)
        for index in 0..<words(for: count) { set[word: index] = mask(0..<count, ofWord: index) }
        return set
    }

    /// Takes `(count + 7) / 8` bytes, lowest piece in the lowest bit; `nil` when the length or a spare bit is wrong.
    package init?(count: Int, bytes: some Collection<UInt8>) {
        guard bytes.count == (count + 7) / 8 else { return nil }
        self.init(count: count)
        for (position, byte) in bytes.enumerated() {
            self[word: position >> 3] |= UInt64(byte) << UInt64(8 * (position & 7))
        }
        guard count % 64 == 0 || self[word: wordCount - 1] >> UInt64(count % 64) == 0 else { return nil }
    }

    package var bytes: [UInt8] {
        (0..<(count + 7) / 8).map { UInt8(truncatingIfNeeded: self[word: $0 >> 3] >> UInt64(8 * ($0 & 7))) }
    }

    // MARK: Words

    /// How many words of 64 pieces hold `count` pieces.
    @inlinable
    package static func words(for count: Int) -> Int { (count + 63) >> 6 }

    @inlinable
    package var wordCount: Int { Self.words(for: count) }

    /// The bits of 64 pieces; those from `count` on must stay zero.
    @inlinable
    package subscript(word index: Int) -> UInt64 {
        @inline(__always) get { index < Self.nearWords ? near[index] : far?[index - Self.nearWords] ?? 0 }
        @inline(__always) set {
            if index < Self.nearWords { near[index] = newValue } else { far?[index - Self.nearWords] = newValue }
        }
    }

    /// The bits of word `index` that stand for pieces in `range`.
    @inlinable
    static func mask(_ range: Range<Int>, ofWord index: Int) -> UInt64 {
        let low = Swift.max(range.lowerBound - index << 6, 0)
        let high = Swift.min(range.upperBound - index << 6, 64)
        guard low < high else { return 0 }
        return (UInt64.max >> UInt64(64 - (high - low))) << UInt64(low)
    }

    // MARK: Members

    @inlinable
    package var isEmpty: Bool {
        for index in 0..<wordCount where self[word: index] != 0 { return false }
        return true
    }

    package var isFull: Bool { members == count }

    /// How many pieces are in the set.
    @inlinable
    package var members: Int {
        var members = 0
        for index in 0..<wordCount { members += self[word: index].nonzeroBitCount }
        return members
    }

    /// Pieces outside `0..<count` are never in the set.
    @inlinable
    package func contains(_ index: Int) -> Bool {
        index >= 0 && index < count && self[word: index >> 6] >> UInt64(index & 63) & 1 == 1
    }

    /// Whether any piece of `range` is in the set.
    @inlinable
    package func hasMember(in range: Range<Int>) -> Bool {
        for index in 0..<wordCount where self[word: index] & Self.mask(range, ofWord: index) != 0 { return true }
        return false
    }

    /// Returns whether the piece was new to the set; a piece outside `0..<count` is ignored.
    @discardableResult @inlinable
    package mutating func insert(_ index: Int) -> Bool {
        guard index >= 0, index < count, !contains(index) else { return false }
        self[word: index >> 6] |= 1 << UInt64(index & 63)
        return true
    }

    @inlinable
    package mutating func remove(_ index: Int) {
        guard index >= 0, index < count else { return }
        self[word: index >> 6] &= ~(1 << UInt64(index & 63))
    }

    // MARK: Other sets

    @inlinable
    package mutating func formUnion(_ other: PieceSet) {
        for index in 0..<Swift.min(wordCount, other.wordCount) { self[word: index] |= other[word: index] }
        if other.count > count, count > 0 { self[word: wordCount - 1] &= Self.mask(0..<count, ofWord: wordCount - 1) }
    }

    /// The same, but only of the pieces of `range`.
    @inlinable
    package mutating func formUnion(_ other: PieceSet, in range: Range<Int>) {
        let range = range.clamped(to: 0..<count)
        for index in 0..<Swift.min(wordCount, other.wordCount) {
            self[word: index] |= other[word: index] & Self.mask(range, ofWord: index)
        }
    }

    @inlinable
    package mutating func subtract(_ other: PieceSet) {
        for index in 0..<Swift.min(wordCount, other.wordCount) { self[word: index] &= ~other[word: index] }
    }

    @inlinable
    package mutating func formIntersection(_ other: PieceSet) {
        for index in 0..<wordCount { self[word: index] &= index < other.wordCount ? other[word: index] : 0 }
    }

    @inlinable
    package func isSuperset(of other: PieceSet) -> Bool {
        for index in 0..<other.wordCount
        where other[word: index] & ~(index < wordCount ? self[word: index] : 0) != 0 { return false }
        return true
    }
}

extension PieceSet: Hashable {
    @inlinable
    package static func == (a: Self, b: Self) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.wordCount where a[word: index] != b[word: index] { return false }
        return true
    }

    @inlinable
    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        for index in 0..<wordCount { hasher.combine(self[word: index]) }
    }
}

extension PieceSet: Sequence {
    /// Ascending piece numbers.
    @usableFromInline package struct Iterator: IteratorProtocol {
        @usableFromInline let set: PieceSet
        @usableFromInline var position = 0
        @usableFromInline var rest: UInt64

        @inlinable
        init(_ set: PieceSet) {
            self.set = set
            rest = set[word: 0]
        }

        @inlinable
        package mutating func next() -> Int? {
            while rest == 0 {
                position += 1
                guard position < set.wordCount else { return nil }
                rest = set[word: position]
            }
            let bit = rest.trailingZeroBitCount
            rest &= rest - 1
            return position << 6 | bit
        }
    }

    @inlinable
    package func makeIterator() -> Iterator { Iterator(self) }
}
