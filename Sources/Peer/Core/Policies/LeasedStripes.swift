package import Vocabulary

/// Each stripe belongs to one holder of a lease, who takes it at once; the others step in one after the other if they
/// have not heard by then that somebody has it or is fetching it. So each piece leaves the origin about once, and no
/// race decides who takes it.
package struct LeasedStripes: InjectionRule {
    /// How long each further holder waits for the one before it.
    private static let stagger = Interval.milliseconds(500)

    package init() {}

    package func delay(_ stripe: Stripe, lease: Lease?, neighbors: Int, chance: Double) -> Interval? {
        lease.map { Self.stagger * Double($0.rank(for: stripe)) }
    }
}
