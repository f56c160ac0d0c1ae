package import Vocabulary

/// The fewest hops from the origin, whatever the load.
package struct NearestOrigin: ParentPreference {
    package init() {}

    package func cost(_ candidate: ParentCandidate, relays: Bool, using random: inout Randomness) -> Double {
        Double(candidate.offer.depth) + (candidate.load < 1 ? 0 : 100) + .random(in: 0..<0.5, using: &random)
    }
}
