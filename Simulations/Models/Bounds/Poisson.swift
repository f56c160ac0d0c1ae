/// The law of how many are present when they come independently of each other.
package struct Poisson: Sendable {
    package let mean: Double
    /// All counts but those of less than 1e-20 in all, and their probabilities.
    private let likely: ClosedRange<Int>
    private let probabilities: [Double]

    package init(mean: Double) {
        let spread = 10 * mean.squareRoot() + 30
        let likely = max(0, Int(mean - spread))...Int(mean + spread)
        self.mean = mean
        self.likely = likely
        guard mean > 0 else {
            probabilities = likely.map { $0 == 0 ? 1 : 0 }
            return
        }
        let logarithm = Elementary.log(mean)
        probabilities = likely.map {
            Elementary.exp(Double($0) * logarithm - mean - Elementary.logGamma(Double($0) + 1))
        }
    }

    /// The probability of `count` or fewer.
    package func distribution(_ count: Int) -> Double {
        guard count >= likely.lowerBound else { return 0 }
        let terms = min(count, likely.upperBound) - likely.lowerBound + 1
        return min(1, probabilities[..<terms].reduce(0, +))
    }

    package func expectation(_ value: (Int) -> Double) -> Double {
        var sum = 0.0
        for (count, probability) in zip(likely, probabilities) where probability > 0 {
            sum += probability * value(count)
        }
        return sum
    }
}
