package import Vocabulary

/// Those who push a stripe on go as near to the origin as they can, so that trees stay shallow; all others go where most
/// slots are free, so that all uplinks finish a segment at the same time. Newcomers have free slots, and nothing to give
/// yet: they come last.
package struct LeastLoaded: ParentPreference {
    /// What a neighbor is worth that pushes the stripe on already, in a share of its slots. Where everybody pushes a little
    /// of all stripes on, a root has nobody to serve before the others, and its stripe waits for all of its children.
    private static let relayWorth = 0.15

    package init() {}

    package func cost(_ candidate: ParentCandidate, relays: Bool, using random: inout Randomness) -> Double {
        let chance = Double.random(in: 0..<0.05, using: &random) + (candidate.isBehind ? 2 : 0)
        let (offer, depth) = (candidate.offer, Double(candidate.offer.depth))
        guard !relays else { return depth + min(candidate.load, 2) * 0.4 + chance }
        return candidate.load + depth * 0.05 + (offer.isRelay ? 0 : Self.relayWorth) + chance
    }
}
