/// The law of how many are present when they come independently of each other.
package struct Poisson: Hashable, Sendable {
    package var mean: Double

    package init(mean: Double) { self.mean = mean }

    package func probability(_ count: Int) -> Double {
        guard mean > 0 else { return count == 0 ? 1 : 0 }
        return Elementary.exp(Double(count) * Elementary.log(mean) - mean - Elementary.logGamma(Double(count) + 1))
    }

    /// The probability of `count` or fewer.
    package func distribution(_ count: Int) -> Double {
        guard count >= 0, likely.lowerBound <= count else { return 0 }
        var sum = 0.0
        for k in likely.lowerBound...min(count, likely.upperBound) { sum += probability(k) }
        return min(1, sum)
    }

    package func expectation(_ value: (Int) -> Double) -> Double {
        var sum = 0.0
        for k in likely {
            let weight = probability(k)
            if weight > 0 { sum += weight * value(k) }
        }
        return sum
    }

    /// All counts but those of less than 1e-20 in all.
    private var likely: ClosedRange<Int> {
        let spread = 10 * mean.squareRoot() + 30
        return max(0, Int(mean - spread))...Int(mean + spread)
    }
}
