import Results
import Testing
import Vocabulary

@Suite struct `Statistics` {
    /// Of the 97.5 % column of any printed table, and of R's `qt(0.975, n)` for the large ones.
    @Test(arguments: [
        (1, 12.706204736), (2, 4.302652730), (3, 3.182446305), (4, 2.776445105), (9, 2.262157163), (19, 2.093024054),
        (29, 2.045229642), (30, 2.042272456), (31, 2.039513446), (100, 1.983971519), (1_000, 1.962339081),
        (1_000_000, 1.959966357),
    ])
    func `know Student's quantile for any number of runs`(degrees: Int, expected: Double) {
        let quantile = StudentT(degreesOfFreedom: Double(degrees)).quantile(0.975)
        #expect(abs(quantile - expected) < 2e-9 * expected)
        #expect(StudentT(degreesOfFreedom: Double(degrees)).quantile(0.025) == -quantile)
    }

    @Test func `invert Student's distribution, whose simplest cases are known in closed form`() {
        // One degree of freedom is Cauchy's distribution: 1/2 + atan(t) / pi; two: 1/2 + t / (2 sqrt(2 + t^2)).
        #expect(abs(StudentT(degreesOfFreedom: 1).probability(upTo: 1) - 0.75) < 1e-14)
        #expect(abs(StudentT(degreesOfFreedom: 2).probability(upTo: 2) - (0.5 + 1 / 6.0.squareRoot())) < 1e-14)
        for p in [0.001, 0.3, 0.5, 0.9, 0.995] {
            let t = StudentT(degreesOfFreedom: 7)
            #expect(abs(t.probability(upTo: t.quantile(p)) - p) < 1e-13)
        }
    }

    @Test func `give mean, deviation and 95 % interval of a sample`() throws {
        // The sleep data of Student 1908, second drug: R's t.test says 0.8976775 to 3.7623225.
        let sleep = try #require(Estimate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))
        #expect(abs(sleep.mean - 2.33) < 1e-12)
        #expect(abs(try #require(sleep.deviation) - 2.002249) < 1e-6)
        #expect(abs(try #require(sleep.interval).lowerBound - 0.8976775) < 1e-6)
        #expect(abs(try #require(sleep.interval).upperBound - 3.7623225) < 1e-6)
    }

    @Test func `claim no interval for a single run and nothing for none`() throws {
        let single = try #require(Estimate([3]))
        #expect(single.interval == nil && single.deviation == nil && single.count == 1)
        #expect(Estimate([]) == nil)
        #expect(try #require(Estimate([1e9 + 1, 1e9 + 2, 1e9 + 3]).flatMap(\.deviation)) == 1)
    }

    @Test func `compare seed by seed, so that what both runs owe to chance cancels`() throws {
        let before: [UInt64: Double] = [1: 10, 2: 20, 3: 30, 4: 99]
        let after: [UInt64: Double] = [1: 11, 2: 21.5, 3: 31, 5: 0]
        let paired = try #require(Estimate.difference(from: before, to: after))
        #expect(paired.count == 3)
        #expect(abs(paired.mean - 3.5 / 3) < 1e-12)
        #expect(try #require(paired.interval).lowerBound > 0)
        #expect(Estimate.difference(from: [1: 1], to: [2: 2]) == nil)
    }

    @Test func `give exact quantiles`() {
        let values = [5.0, 1, 4, 2, 3]
        #expect(Quantile.exact(0.5, of: values) == 3)
        #expect(Quantile.exact(0.95, of: values) == 5)
        #expect(Quantile.exact(0, of: values) == 1)
        #expect(Quantile.exact(0.2, of: values) == 1)
        #expect(Quantile.exact(0.5, of: []) == nil)
    }
}

@Suite struct `A histogram` {
    @Test func `is within one percent of exact quantiles over many magnitudes`() throws {
        var random = Randomness(seed: 1)
        let values = (0..<10_000).map { _ in
            Double.random(in: 1...10, using: &random) * [1e-6, 1e-3, 1, 1e6].randomElement(using: &random)!
        }
        let histogram = Histogram(values)
        for q in [0.01, 0.25, 0.5, 0.9, 0.99, 1] {
            let exact = try #require(Quantile.exact(q, of: values))
            let approximate = try #require(histogram.quantile(q))
            #expect(approximate >= exact && approximate <= exact * 1.01, "\(q)")
        }
    }

    @Test func `is the same whether made at once, merged, or read back from its rows`() {
        var random = Randomness(seed: 2)
        let values = [0] + (0..<1_000).map { _ in Double.random(in: 0...100, using: &random) }
        let whole = Histogram(values)
        var merged = Histogram(values[..<300])
        merged.merge(Histogram(values[300...]))
        #expect(merged == whole)
        let rows = DistributionPoint.rows("delay_s", whole)
        let other = DistributionPoint.rows("startup_s", merged)
        #expect(Histogram(of: "delay_s", in: rows + other) == whole)
        #expect(whole.count == 1_001)
    }

    @Test func `counts zero apart and has nothing to say about nothing`() {
        #expect(Histogram([0, 0, 1]).quantile(0.5) == 0)
        #expect(Histogram().quantile(0.5) == nil)
    }
}
