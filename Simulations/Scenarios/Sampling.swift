/// Draws from distributions by their quantile functions, with additions, multiplications and square roots alone: those
/// are the same on every machine, and the C library's `exp` and `log` are not.
package enum Sampling {
    private static let ln2 = 0.693_147_180_559_945_3

    /// The natural logarithm of a positive normal number; within 4 units in the last place.
    package static func log(_ x: Double) -> Double {
        var mantissa = x.significand
        var exponent = Double(x.exponent)
        if mantissa > 1.414_213_562_373_095 {
            mantissa /= 2
            exponent += 1
        }
        // log m = 2 artanh((m - 1) / (m + 1)), with an argument below 0.172.
        let t = (mantissa - 1) / (mantissa + 1)
        let square = t * t
        var sum = 0.0
        for k in stride(from: 23, through: 1, by: -2) { sum = sum * square + 1 / Double(k) }
        return 2 * t * sum + exponent * ln2
    }

    package static func exp(_ x: Double) -> Double {
        guard x > -700 else { return 0 }
        guard x < 700 else { return .infinity }
        let turns = (x / ln2).rounded()
        let rest = x - turns * ln2
        var sum = 1.0
        for k in stride(from: 16, through: 1, by: -1) { sum = 1 + sum * rest / Double(k) }
        return Double(sign: .plus, exponent: Int(turns), significand: sum)
    }

    package static func power(_ base: Double, _ exponent: Double) -> Double {
        base > 0 ? exp(exponent * log(base)) : 0
    }

    /// The standard normal law's quantile (Wichura, AS 241, 1988; seven digits).
    package static func normal(at p: Double) -> Double {
        let q = p - 0.5
        guard abs(q) > 0.425 else {
            let r = 0.180625 - q * q
            return q * (((59.109_374_720 * r + 159.291_132_02) * r + 50.434_271_938) * r + 3.387_132_717_9)
                / (((67.187_563_600 * r + 78.757_757_664) * r + 17.895_169_469) * r + 1)
        }
        let tail = max(1e-300, q < 0 ? p : 1 - p)
        var r = (-log(tail)).squareRoot()
        let value: Double
        if r <= 5 {
            r -= 1.6
            value =
                (((0.170_238_211_03 * r + 1.306_728_481_6) * r + 2.756_815_390_0) * r + 1.423_437_277_7)
                / ((0.120_211_329_75 * r + 0.737_001_642_50) * r + 1)
        } else {
            r -= 5
            value =
                (((0.017_337_203_997 * r + 0.428_682_943_37) * r + 3.081_226_389_2) * r + 6.657_905_115_0)
                / ((0.012_258_202_635 * r + 0.241_978_942_25) * r + 1)
        }
        return q < 0 ? -value : value
    }

    /// Of mean 1.
    package static func exponential(at p: Double) -> Double { -log(max(1e-300, 1 - p)) }
}
