import Vocabulary

/// What one neighbor can push, by stripe; of several offers of one stripe the first counts.
struct OfferTable: Hashable, Sendable {
    private(set) var stripes = StripeSet()
    /// The stripes that others depend on it for.
    private(set) var relays = StripeSet()
    private var depths = SIMD8<UInt8>()
    private var children = SIMD8<UInt8>()
    private var slots = SIMD8<UInt8>()

    init(_ offers: [Offer] = []) {
        for offer in offers where !stripes.contains(offer.stripe) {
            stripes.insert(offer.stripe)
            if offer.isRelay { relays.insert(offer.stripe) }
            depths[offer.stripe.number] = offer.depth
            children[offer.stripe.number] = offer.children
            slots[offer.stripe.number] = offer.slots
        }
    }

    subscript(stripe: Stripe) -> Offer? {
        guard stripes.contains(stripe) else { return nil }
        let number = stripe.number
        return Offer(
            stripe: stripe, depth: depths[number], children: children[number], slots: slots[number],
            isRelay: relays.contains(stripe))
    }

    /// How many stripes it can push to one neighbor each; it says so with each offer.
    var mostSlots: Int { Int(slots.max()) }

    /// A child more, whichever stripe it takes.
    mutating func addChild() {
        for stripe in stripes where children[stripe.number] < .max { children[stripe.number] += 1 }
    }
}
