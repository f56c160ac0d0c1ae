import Glibc
import Models
import Testing
import Vocabulary

@Suite struct `Elementary functions` {
    @Test func `agree with the C library to the last digits`() {
        var random = Randomness(seed: 1)
        for _ in 0..<20_000 {
            let x = 1_400 * random.unit() - 700
            #expect((Elementary.exp(x) / Glibc.exp(x) - 1).magnitude < 5e-16)
            let y = Glibc.exp(x)
            #expect((Elementary.log(y) - Glibc.log(y)).magnitude <= 5e-16 * max(1, x.magnitude))
        }
        for x in [-745.0, -720, -700, -1, -1e-9, 0, 1e-9, 1, 709.7] {
            #expect((Elementary.exp(x) - Glibc.exp(x)).magnitude <= 1e-15 * Glibc.exp(x) + Double.leastNonzeroMagnitude)
        }
    }

    @Test func `know their limits`() {
        #expect(Elementary.exp(710) == .infinity)
        #expect(Elementary.exp(-746) == 0)
        #expect(Elementary.exp(.nan).isNaN)
        #expect(Elementary.log(0) == -.infinity)
        #expect(Elementary.log(-1).isNaN)
        let least = Double.leastNonzeroMagnitude
        #expect((Elementary.log(least) - Glibc.log(least)).magnitude < 1e-12)
    }

    @Test(arguments: [0.1, 0.5, 1, 1.7, 5, 9.99, 10, 100, 12_345.6])
    func `know the gamma function`(x: Double) {
        #expect((Elementary.logGamma(x) - Glibc.lgamma(x)).magnitude < 1e-12 * max(1, Glibc.lgamma(x).magnitude))
    }

    @Test(arguments: [-9.0, -6.5, -5.9, -2, -0.1, 0, 0.3, 1, 1.96, 5.99, 6.01, 8])
    func `know the normal distribution`(x: Double) {
        let expected = 0.5 * erfc(-x / 2.0.squareRoot())
        #expect((Elementary.normalDistribution(x) - expected).magnitude <= 1e-12 * max(expected, 1e-3) + 1e-16)
    }

    @Test func `give the same bits on every machine`() {
        // Written down on x86-64; any other bits would give another run for the same seed.
        #expect(Elementary.exp(1) == 2.718_281_828_459_045_5)
        #expect(Elementary.log(10) == 2.302585092994046)
        var random = Randomness(seed: 7)
        var digest: UInt64 = 0
        for _ in 0..<1_000 {
            digest = Randomness.mix(digest ^ random.normal().bitPattern ^ random.exponential(mean: 3).bitPattern)
        }
        #expect(digest == 9_557_051_994_721_799_352)
    }
}

@Suite struct `Draws` {
    @Test func `stay within their bounds and leave out whom they must`() {
        var random = Randomness(seed: 2)
        for _ in 0..<10_000 {
            let unit = random.unit()
            #expect(unit > 0 && unit <= 1)
            #expect((0..<7).contains(random.below(7)))
            let other = random.below(7, except: 3)
            #expect((0..<7).contains(other) && other != 3)
            #expect([1, 4, 63].contains(random.bit(of: 1 << 1 | 1 << 4 | 1 << 63)))
        }
    }

    @Test(arguments: [
        Law.constant(3), .exponential(mean: 3), .lognormal(mean: 3, sigma: 0.5), .weibull(shape: 2, scale: 3),
        .pareto(shape: 5, mean: 3),
    ])
    func `have the mean and the mean age that their law says`(law: Law) {
        var random = Randomness(seed: 3)
        var lengths = Tally()
        var remaining = Tally()
        for _ in 0..<40_000 {
            lengths.add(law.draw(&random))
            remaining.add(law.drawRemaining(&random))
        }
        #expect((lengths.mean - law.mean).magnitude <= 4 * (lengths.estimate.standardError ?? 0) + 1e-9)
        #expect((remaining.mean - law.meanAge).magnitude <= 4 * (remaining.estimate.standardError ?? 0) + 1e-9)
    }

    @Test(arguments: [0.5, 20, 700]) func `of Poisson numbers have equal mean and variance`(mean: Double) {
        var random = Randomness(seed: 4)
        var tally = Tally()
        for _ in 0..<4_000 { tally.add(Double(random.poisson(mean: mean))) }
        #expect((tally.mean - mean).magnitude < 4 * (mean / 4_000).squareRoot())
        #expect((tally.variance / mean - 1).magnitude < 0.15)
    }

    @Test func `differ between names and between seeds`() {
        var draws: Set<UInt64> = []
        for name in ["a", "b", "push.lb_rp"] {
            for seed in UInt64(0)..<4 {
                var random = Randomness(seed: seed, for: name)
                draws.insert(random.next())
            }
        }
        #expect(draws.count == 12)
    }
}
