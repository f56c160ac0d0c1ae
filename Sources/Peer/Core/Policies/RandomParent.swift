package import Vocabulary

/// Anybody who has a slot.
package struct RandomParent: ParentPreference {
    package init() {}

    package func cost(_ candidate: ParentCandidate, relays: Bool, using random: inout Randomness) -> Double {
        (candidate.load < 1 ? 0 : 100) + .random(in: 0..<1, using: &random)
    }
}
