/// A mean of independent runs and how sure it is.
package struct Estimate: Hashable, Sendable {
    package let count: Int
    package let mean: Double
    /// Of the sample; `nil` for a single run.
    package let deviation: Double?
    /// Half the width of the 95 % interval after Student; `nil` for a single run.
    package let halfWidth: Double?

    /// `nil` without values.
    package init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        guard values.count > 1 else {
            deviation = nil
            halfWidth = nil
            return
        }
        // Two passes: the squares of the differences from the mean lose no digits to a large mean.
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = (squares / Double(values.count - 1)).squareRoot()
        self.deviation = deviation
        halfWidth =
            StudentT(degreesOfFreedom: Double(values.count - 1)).quantile(0.975) * deviation
            / Double(values.count).squareRoot()
    }

    package var interval: ClosedRange<Double>? { halfWidth.map { mean - $0...mean + $0 } }

    /// How much more `second` is than `first`, seed by seed: under common random numbers, what both runs owe to chance
    /// cancels. `nil` when no seed is in both.
    package static func difference(from first: [UInt64: Double], to second: [UInt64: Double]) -> Estimate? {
        Estimate(first.keys.sorted().compactMap { seed in second[seed].flatMap { b in first[seed].map { b - $0 } } })
    }
}

/// Exact quantiles of a list.
package enum Quantile {
    /// The smallest value that at least the share `q` of all values does not exceed; `nil` without values.
    package static func exact(_ q: Double, of values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let rank = (q * Double(sorted.count)).rounded(.up)
        return sorted[Int(min(Double(sorted.count), max(1, rank))) - 1]
    }
}
