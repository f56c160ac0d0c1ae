/// A share of every segment: consecutive pieces, taken from the origin by one injector in one request and pushed down
/// one tree of peers. All peers of a broadcast cut segments alike.
@usableFromInline package struct Stripe: Hashable, Comparable, Sendable {
    /// How many there are. Each peer forwards mainly one of them, to about as many neighbors as there are stripes, so
    /// that it gives as much as it takes (SplitStream, SOSP 2003).
    @inlinable package static var count: Int { 8 }

    @usableFromInline package let number: Int

    /// Takes numbers below `count`.
    package init?(_ number: Int) {
        guard (0..<Self.count).contains(number) else { return nil }
        self.number = number
    }

    @inlinable init(unchecked number: Int) { self.number = number }

    package static let all = (0..<count).map { Stripe(unchecked: $0) }

    /// The stripe that piece `index` of a segment of `count` pieces belongs to.
    @inlinable package static func of(piece index: Int, among count: Int) -> Stripe {
        Stripe(unchecked: ((index + 1) * Self.count - 1) / count)
    }

    /// Its pieces in a segment of `count` pieces; none when there are fewer pieces than stripes and others have them.
    @inlinable package func pieces(among count: Int) -> Range<Int> {
        number * count / Self.count..<(number + 1) * count / Self.count
    }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// Some of the stripes.
@usableFromInline package struct StripeSet: Hashable, Sendable {
    @usableFromInline package private(set) var bits: UInt8 = 0

    @inlinable package init() {}

    @inlinable package init(bits: UInt8) { self.bits = bits }

    @inlinable package init(_ stripes: some Sequence<Stripe>) {
        for stripe in stripes { insert(stripe) }
    }

    package static let all = StripeSet(bits: .max)

    @inlinable package var isEmpty: Bool { bits == 0 }
    @inlinable package var count: Int { bits.nonzeroBitCount }

    @inlinable package func contains(_ stripe: Stripe) -> Bool { bits >> UInt8(stripe.number) & 1 == 1 }

    @inlinable package mutating func insert(_ stripe: Stripe) { bits |= 1 << UInt8(stripe.number) }

    @inlinable package mutating func remove(_ stripe: Stripe) { bits &= ~(1 << UInt8(stripe.number)) }

    @inlinable package func subtracting(_ other: StripeSet) -> StripeSet { StripeSet(bits: bits & ~other.bits) }
}

extension StripeSet: Sequence {
    @usableFromInline package struct Iterator: IteratorProtocol {
        @usableFromInline var rest: UInt8

        @inlinable init(_ set: StripeSet) { rest = set.bits }

        @inlinable
        package mutating func next() -> Stripe? {
            guard rest != 0 else { return nil }
            defer { rest &= rest - 1 }
            return Stripe(unchecked: rest.trailingZeroBitCount)
        }
    }

    /// Ascending.
    @inlinable package func makeIterator() -> Iterator { Iterator(self) }
}

/// What a peer tells a neighbor of one stripe that it can push.
@usableFromInline package struct Offer: Hashable, Sendable {
    /// Hops from the origin, the peer itself not counted: 0 for the stripe's injector.
    package static let unrooted: UInt8 = 255

    @usableFromInline package var stripe: Stripe
    /// How many peers the stripe passes before this one; `unrooted` when it does not get the stripe pushed itself.
    @usableFromInline package var depth: UInt8
    /// How many stripes it pushes to a neighbor each, this one and others.
    @usableFromInline package var children: UInt8
    /// How many it could push.
    @usableFromInline package var slots: UInt8
    /// Others depend on it for this stripe, or will: the stripe is its duty, or it has children in it.
    @usableFromInline package var isRelay: Bool

    @inlinable package init(stripe: Stripe, depth: UInt8, children: UInt8, slots: UInt8, isRelay: Bool) {
        self.stripe = stripe
        self.depth = depth
        self.children = children
        self.slots = slots
        self.isRelay = isRelay
    }
}
