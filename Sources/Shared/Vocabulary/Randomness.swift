/// SplitMix64 (Steele, Lea, Flood 2014): small, fast and repeatable; every core owns one, seeded from outside.
@usableFromInline package struct Randomness: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable package init(seed: UInt64) { state = seed }

    @inlinable package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// What `mix` makes of a number, as a share of 1: the same for all who ask about the same thing.
    @inlinable package static func share(_ value: UInt64) -> Double { Double(mix(value) >> 11) / Double(1 << 53) }

    /// The finalizer alone: spreads the bits of a number over all 64 places.
    @inlinable package static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
