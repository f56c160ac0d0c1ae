package import Vocabulary

/// Plain HTTP: everybody takes everything from the origin.
package struct EveryoneAtOnce: InjectionRule {
    package init() {}

    package func delay(_ stripe: Stripe, lease: Lease?, neighbors: Int, chance: Double) -> Interval? { .zero }
}
