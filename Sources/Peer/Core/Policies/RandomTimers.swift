package import Vocabulary

/// Nobody is elected: each peer waits for a random time that grows with its neighbors, as p2p-media-loader does.
package struct RandomTimers: InjectionRule {
    package init() {}

    package func delay(_ stripe: Stripe, lease: Lease?, neighbors: Int, chance: Double) -> Interval? {
        .seconds(chance * Double(neighbors + 1))
    }
}
