import Models
import Testing
import Validation

@Suite struct `The checks` {
    @Test func `have names of their own and say what they imagine and where it is from`() {
        #expect(Set(Checks.all.map(\.name)).count == Checks.all.count)
        #expect(Checks.all.count >= 77)
        for check in Checks.all {
            #expect(!check.claims.isEmpty)
            #expect(!check.scenario.isEmpty && !check.source.isEmpty)
        }
    }

    /// Those that are quick in a debug build too; the rest is for `tributary-simulate validate`.
    @Test(arguments: [
        "klr.cuts", "vod.half", "vod.alternating", "crowd.10.15", "snowball.100", "snowball.stream.64",
        "kfib.1", "tree.2.4", "uplink", "mundinger.7", "mundinger.100.1", "maxmin", "startup",
        "offload.live.static.100",
    ])
    func `hold`(prefix: String) throws {
        let checks = Checks.named(prefix)
        try #require(!checks.isEmpty)
        for check in checks {
            for verdict in check.verdicts(seed: 1) {
                #expect(verdict.holds, "\(verdict.check) \(verdict.claim.metric): \(verdict.measured.value)")
            }
        }
    }

    @Test func `measure the same for the same seed, whatever else is run`() throws {
        let check = try #require(Checks.named("isp.random_locality").first)
        let first = check.verdicts(seed: 3).map(\.measured)
        _ = Checks.named("fec.10").flatMap { $0.verdicts(seed: 3) }
        #expect(check.verdicts(seed: 3).map(\.measured) == first)
        #expect(check.verdicts(seed: 4).map(\.measured) != first)
    }

    @Test func `of chance fail when too little was measured to tell`() {
        let claim = Check.Claim("share", .statistical, 0.5, within: 0.02)
        #expect(claim.holds(for: Estimate(0.505, standardError: 0.009, samples: 100)))
        #expect(!claim.holds(for: Estimate(0.525, standardError: 0.001, samples: 100)))
        #expect(!claim.holds(for: Estimate(0.5, standardError: 0.011, samples: 100)))
        #expect(!claim.holds(for: Estimate(0.5)))
    }

    @Test func `of bounds fail when a bound is beaten and when an optimum misses it`() {
        let lower = Check.Claim("worst", .lowerBound, 11, within: 0)
        #expect(lower.holds(for: Estimate(11)))
        #expect(!lower.holds(for: Estimate(10)))
        #expect(!lower.holds(for: Estimate(12)))
        let upper = Check.Claim("offload", .upperBound, 0.8, within: 1e-6)
        #expect(upper.holds(for: Estimate(0.799_999_5)))
        #expect(!upper.holds(for: Estimate(0.800_001)))
        #expect(!upper.holds(for: Estimate(0.79)))
        #expect(!upper.holds(for: Estimate(.nan)))
    }
}
