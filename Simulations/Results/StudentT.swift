import Glibc

/// Student's t distribution.
package struct StudentT: Hashable, Sendable {
    package let degreesOfFreedom: Double

    package init(degreesOfFreedom: Double) {
        precondition(degreesOfFreedom > 0, "there is at least a fraction of a degree of freedom")
        self.degreesOfFreedom = degreesOfFreedom
    }

    /// The probability of a value up to `t`.
    package func probability(upTo t: Double) -> Double {
        let tail = 0.5 * Self.beta(degreesOfFreedom / 2, 0.5, at: degreesOfFreedom / (degreesOfFreedom + t * t))
        return t > 0 ? 1 - tail : tail
    }

    /// The value that is not exceeded with the probability `p`, for 0 < p < 1.
    package func quantile(_ p: Double) -> Double {
        precondition(p > 0 && p < 1, "a probability between 0 and 1")
        if p == 0.5 { return 0 }
        if p < 0.5 { return -quantile(1 - p) }
        var low = 0.0
        var high = 1.0
        while probability(upTo: high) < p, high < 1e300 { high *= 2 }
        while true {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { return middle }
            if probability(upTo: middle) < p { low = middle } else { high = middle }
        }
    }

    /// The regularized incomplete beta function, by Lentz's continued fraction (DLMF 8.17.22).
    static func beta(_ a: Double, _ b: Double, at x: Double) -> Double {
        if x <= 0 { return 0 }
        if x >= 1 { return 1 }
        // The fraction converges fast on this side of the mean alone.
        if x > (a + 1) / (a + b + 2) { return 1 - beta(b, a, at: 1 - x) }
        let factor = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x)) / a
        let tiny = 1e-300
        var c = 1.0
        var d = 1 / max(tiny, 1 - (a + b) * x / (a + 1))
        var fraction = d
        for step in 1...100_000 {
            let m = Double(step)
            for term in [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ] {
                d = 1 + term * d
                d = 1 / (abs(d) < tiny ? tiny : d)
                c = 1 + term / c
                if abs(c) < tiny { c = tiny }
                fraction *= c * d
            }
            if abs(c * d - 1) < 1e-15 { break }
        }
        return factor * fraction
    }

    /// Stirling's series (DLMF 5.11.1) from 10 on, and the recurrence below. C's own `lgamma` writes a global variable.
    static func logGamma(_ x: Double) -> Double {
        if x < 10 { return logGamma(x + 1) - log(x) }
        let inverse = 1 / x
        let square = inverse * inverse
        let series =
            inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188))))
        return (x - 0.5) * log(x) - x + 0.5 * log(2 * Double.pi) + series
    }
}
