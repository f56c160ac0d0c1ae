package import Vocabulary

/// Those who push a stripe on go as near to the origin as they can, so that trees stay shallow; all others go where most
/// slots are free, so that all uplinks finish a segment at the same time. Newcomers have free slots, and nothing to give
/// yet: they come last.
package struct LeastLoaded: ParentPreference {
    package init() {}

    package func cost(_ candidate: ParentCandidate, relays: Bool, using random: inout Randomness) -> Double {
        let chance = Double.random(in: 0..<0.05, using: &random) + (candidate.isBehind ? 2 : 0)
        let depth = Double(candidate.offer.depth)
        return relays ? depth + min(candidate.load, 2) * 0.4 + chance : candidate.load + depth * 0.05 + chance
    }
}
