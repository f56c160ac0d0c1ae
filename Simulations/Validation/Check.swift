package import Models
import Vocabulary

/// One thing that is known about swarms, and a run of a model that must show it.
package struct Check: Sendable {
    package enum Kind: String, Sendable {
        /// As expected but for rounding.
        case exact
        /// May be met, never beaten; `tolerance` is how close the optimum has to come.
        case lowerBound = "lower bound"
        case upperBound = "upper bound"
        /// Chance is in it: as expected but for `tolerance`, which has to be twice the standard error or more.
        case statistical
        /// A number of breaches, or whatever else must come out as said for a reason that is no formula.
        case property
    }

    /// What one figure of the run has to be.
    package struct Claim: Sendable {
        package var metric: String
        package var kind: Kind
        package var expected: Double
        package var tolerance: Double

        package init(_ metric: String, _ kind: Kind, _ expected: Double, within tolerance: Double = 1e-9) {
            self.metric = metric
            self.kind = kind
            self.expected = expected
            self.tolerance = tolerance
        }

        package func holds(for measured: Estimate) -> Bool {
            let value = measured.value
            guard value.isFinite else { return false }
            // A bound is beaten by more than the rounding of its own size.
            let rounding = 1e-9 * max(1, expected.magnitude)
            switch kind {
            case .exact, .property: return (value - expected).magnitude <= tolerance
            case .lowerBound: return value >= expected - rounding && value <= expected + tolerance
            case .upperBound: return value <= expected + rounding && value >= expected - tolerance
            case .statistical:
                guard let error = measured.standardError, 2 * error <= tolerance else { return false }
                return (value - expected).magnitude <= tolerance
            }
        }
    }

    package struct Verdict: Sendable {
        package let check: String
        package let claim: Claim
        package let measured: Estimate
        package var holds: Bool { claim.holds(for: measured) }
    }

    /// Words with points between, general before special: `klr.PU.lognormal.80`.
    package let name: String
    /// What is imagined, in a few words.
    package let scenario: String
    package let source: String
    /// Among those that together take less than half a minute.
    package let isFast: Bool
    package let claims: [Claim]
    /// One figure for each claim.
    package var measure: @Sendable (UInt64) -> [Estimate]

    package init(
        _ name: String, _ scenario: String, source: String, isFast: Bool = true, claims: [Claim],
        measure: @escaping @Sendable (UInt64) -> [Estimate]
    ) {
        self.name = name
        self.scenario = scenario
        self.source = source
        self.isFast = isFast
        self.claims = claims
        self.measure = measure
    }

    /// Each check has randomness of its own, whichever others are run.
    package func verdicts(seed: UInt64) -> [Verdict] {
        var random = Randomness(seed: seed, for: name)
        let figures = measure(random.next())
        precondition(figures.count == claims.count, "\(name) has as many figures as claims")
        return zip(claims, figures).map { Verdict(check: name, claim: $0, measured: $1) }
    }
}
