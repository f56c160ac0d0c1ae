/// A figure that was measured, with how sure we are of it.
package struct Estimate: Hashable, Sendable {
    package var value: Double
    /// `nil` for what has no chance in it.
    package var standardError: Double?
    /// How many independent pieces of evidence there are.
    package var samples: Int

    package init(_ value: Double) {
        self.value = value
        samples = 1
    }

    package init(_ value: Double, standardError: Double?, samples: Int) {
        self.value = value
        self.standardError = standardError
        self.samples = samples
    }
}

/// Mean and spread of what is added, in one pass (Welford, 1962).
package struct Tally: Sendable {
    package private(set) var count = 0
    package private(set) var mean = 0.0
    private var squares = 0.0

    package init() {}

    package mutating func add(_ value: Double) {
        count += 1
        let step = value - mean
        mean += step / Double(count)
        squares += step * (value - mean)
    }

    package var variance: Double { count > 1 ? squares / Double(count - 1) : 0 }

    /// Of values that do not depend on each other, or of means of batches so long that they hardly do.
    package var estimate: Estimate {
        Estimate(
            mean, standardError: count > 1 ? (variance / Double(count)).squareRoot() : nil, samples: count)
    }

    /// Means of `batches` consecutive runs of values that depend on each other.
    package static func batches(_ batches: Int, of values: [Double]) -> Tally {
        var tally = Tally()
        let length = values.count / batches
        guard length > 0 else { return tally }
        for batch in 0..<batches {
            tally.add(values[batch * length..<(batch + 1) * length].reduce(0, +) / Double(length))
        }
        return tally
    }
}

extension Estimate {
    /// What is counted has no error.
    package init(_ value: Int) { self.init(Double(value)) }

    /// A share of `runs` trials.
    package init(share successes: Int, of runs: Int) {
        let share = Double(successes) / Double(runs)
        self.init(share, standardError: (share * (1 - share) / Double(runs)).squareRoot(), samples: runs)
    }

    /// Sum of `values` over sum of `weights`, with the error that `batches` of consecutive ones show.
    package init(ratio values: [Double], to weights: [Double], batches: Int) {
        let whole = weights.reduce(0, +)
        let ratio = whole == 0 ? 0 : values.reduce(0, +) / whole
        let length = values.count / batches
        var tally = Tally()
        for batch in 0..<(length > 0 ? batches : 0) {
            let range = batch * length..<(batch + 1) * length
            let weight = weights[range].reduce(0, +)
            if weight > 0 { tally.add(values[range].reduce(0, +) / weight) }
        }
        self.init(ratio, standardError: tally.estimate.standardError, samples: values.count)
    }
}
