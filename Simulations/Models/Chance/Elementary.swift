/// Exponentials and logarithms that give the same bits on every machine.
///
/// The C library's differ between its versions. These use only operations that IEEE 754 rounds exactly (+ - * / and the
/// square root); exp and log follow fdlibm (Sun Microsystems 1993) and err by less than one unit in the last place.
package enum Elementary {
    package static func exp(_ x: Double) -> Double {
        guard x == x else { return x }
        guard x < 709.78 else { return .infinity }
        guard x > -745.13 else { return 0 }
        let k = (x * 1.442_695_040_888_963_387).rounded()
        let high = x - k * 6.931_471_803_691_238_164_90e-01
        let low = k * 1.908_214_929_270_587_700_02e-10
        let r = high - low
        let t = r * r
        let tail =
            6.613_756_321_437_934_361_17e-05 + t
            * (-1.653_390_220_546_525_153_90e-06 + t * 4.138_136_797_057_238_460_39e-08)
        let c = r - t * (1.666_666_666_666_660_190_37e-01 + t * (-2.777_777_777_701_559_338_42e-03 + t * tail))
        let y = 1 - ((low - (r * c) / (2 - c)) - high)
        let exponent = Int(k)
        guard exponent >= -1_000 else { return y * power(ofTwo: exponent + 200) * power(ofTwo: -200) }
        guard exponent <= 1_000 else { return y * power(ofTwo: exponent - 200) * power(ofTwo: 200) }
        return y * power(ofTwo: exponent)
    }

    package static func log(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x < .infinity else { return x }
        guard x >= .leastNormalMagnitude else { return log(x * power(ofTwo: 54)) - 54 * 0.693_147_180_559_945_309 }
        var exponent = Int(x.bitPattern >> 52) - 1_023
        var m = Double(bitPattern: (x.bitPattern & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000)
        if m > 1.414_213_562_373_095_1 {
            m *= 0.5
            exponent += 1
        }
        let k = Double(exponent)
        let f = m - 1
        let s = f / (2 + f)
        let z = s * s
        let w = z * z
        let even =
            w
            * (3.999_999_999_940_941_908e-01 + w * (2.222_219_843_214_978_396e-01 + w * 1.531_383_769_920_937_332e-01))
        let odd =
            z
            * (6.666_666_666_666_735_130e-01
                + w
                * (2.857_142_874_366_239_149e-01 + w
                    * (1.818_357_216_161_805_012e-01 + w * 1.479_819_860_511_658_591e-01)))
        let half = 0.5 * f * f
        return k * 6.931_471_803_691_238_164_90e-01
            - ((half - (s * (half + odd + even) + k * 1.908_214_929_270_587_700_02e-10)) - f)
    }

    /// For a positive base.
    package static func power(_ base: Double, _ exponent: Double) -> Double { exp(exponent * log(base)) }

    /// The logarithm of the gamma function of a positive number: Stirling's series above 10, the recurrence below.
    package static func logGamma(_ x: Double) -> Double {
        var shifted = x
        var product = 1.0
        while shifted < 10 {
            product *= shifted
            shifted += 1
        }
        let i = 1 / shifted
        let i2 = i * i
        let series = i * (1.0 / 12 - i2 * (1.0 / 360 - i2 * (1.0 / 1_260 - i2 * (1.0 / 1_680 - i2 / 1_188))))
        return (shifted - 0.5) * log(shifted) - shifted + 0.918_938_533_204_672_741_8 + series - log(product)
    }

    /// The probability that a standard normal variable is at most `x`.
    package static func normalDistribution(_ x: Double) -> Double {
        let density = exp(-x * x / 2) * 0.398_942_280_401_432_677_9
        guard x.magnitude < 6 else {
            // The continued fraction of Mills' ratio.
            let a = x.magnitude
            var fraction = a
            for n in stride(from: 40.0, through: 1, by: -1) { fraction = a + n / fraction }
            return x > 0 ? 1 - density / fraction : density / fraction
        }
        var term = x
        var sum = x
        var n = 1.0
        while term.magnitude > 1e-17 * sum.magnitude, n < 1_000 {
            n += 2
            term *= x * x / n
            sum += term
        }
        return 0.5 + density * sum
    }

    private static func power(ofTwo exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}
