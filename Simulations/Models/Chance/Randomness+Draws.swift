package import Vocabulary

extension Randomness {
    /// A generator of its own for everything that has a name, so that a new check does not change the others.
    package init(seed: UInt64, for name: String) {
        // FNV-1a.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        self.init(seed: Self.mix(hash ^ Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15)))
    }

    /// Uniform in (0, 1]: its logarithm is finite.
    package mutating func unit() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

    /// Uniform in 0..<bound; the bias of one multiplication is below bound / 2^64.
    package mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// Uniform in 0..<bound without `other`.
    package mutating func below(_ bound: Int, except other: Int) -> Int {
        let drawn = below(bound - 1)
        return drawn < other ? drawn : drawn + 1
    }

    package mutating func chance(_ probability: Double) -> Bool { unit() <= probability }

    package mutating func exponential(mean: Double) -> Double { -mean * Elementary.log(unit()) }

    /// Marsaglia's polar method (1964), which needs no sine.
    package mutating func normal() -> Double {
        while true {
            let u = 2 * unit() - 1
            let v = 2 * unit() - 1
            let s = u * u + v * v
            guard s > 0, s < 1 else { continue }
            return u * (-2 * Elementary.log(s) / s).squareRoot()
        }
    }

    /// Of the given shape and mean `shape` (Marsaglia and Tsang, 2000).
    package mutating func gamma(shape: Double) -> Double {
        guard shape >= 1 else { return gamma(shape: shape + 1) * Elementary.power(unit(), 1 / shape) }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            guard v > 0 else { continue }
            if Elementary.log(unit()) < 0.5 * x * x + d - d * v + d * Elementary.log(v) { return d * v }
        }
    }

    /// Products of uniforms (Knuth), in steps of 256 of the mean, so that it takes time in proportion to the mean.
    package mutating func poisson(mean: Double) -> Int {
        var rest = mean
        var count = 0
        while rest > 0 {
            let step = min(rest, 256)
            rest -= step
            let limit = Elementary.exp(-step)
            var product = unit()
            while product > limit {
                count += 1
                product *= unit()
            }
        }
        return count
    }

    /// One of the set bits of a word that is not zero, each as likely.
    package mutating func bit(of word: UInt64) -> Int {
        var rest = word
        for _ in 0..<below(word.nonzeroBitCount) { rest &= rest - 1 }
        return rest.trailingZeroBitCount
    }
}
