import Vocabulary

/// Those of one broadcast who take links and have something to give, by the stripe that they push on.
///
/// What they are chosen by and introduced with lies in rows of one for each stripe. Chance decides who is in whose row, so
/// that a few rows in a row are a draw as fair as any other, and memory is looked at in one place for all of it.
struct Givers: Sendable {
    /// Where somebody is; somebody else may be there after the next change.
    struct Place: Sendable {
        var stripe: Int32
        var row: Int32

        init(stripe: Int, row: Int) {
            self.stripe = Int32(stripe)
            self.row = Int32(row)
        }
    }

    private static let nobody = Roster.Card(
        introduction: Introduction(peer: PeerID(.zero), endpoint: Endpoint(ip: IPAddress(v4: 0), port: 0)), number: 0)

    private var cards: [Roster.Card] = []
    private var counts = InlineArray<8, Int>(repeating: 0)
    private(set) var count = 0

    init() { precondition(counts.count == Stripe.count, "a row has a place for each stripe") }

    /// Its givers are in the first rows.
    func count(of stripe: Int) -> Int { counts[stripe] }

    subscript(place: Place) -> Roster.Card {
        get { cards[Int(place.row) * Stripe.count + Int(place.stripe)] }
        set { cards[Int(place.row) * Stripe.count + Int(place.stripe)] = newValue }
    }

    /// The stripe that the fewest push on.
    var leastServed: Stripe { Stripe.all.min { counts[$0.number] < counts[$1.number] } ?? Stripe.all[0] }

    /// Somebody picked by chance goes to the last row to make room, so that those who came together are not drawn together
    /// (Fisher and Yates, inside out). Returns where the new one is, and where who was there.
    mutating func insert(
        _ card: Roster.Card, of stripe: Stripe, using random: inout Randomness
    ) -> (place: Place, moved: Place) {
        let last = Place(stripe: stripe.number, row: counts[stripe.number])
        if counts[stripe.number] * Stripe.count == cards.count {
            cards.append(contentsOf: repeatElement(Self.nobody, count: Stripe.count))
        }
        counts[stripe.number] += 1
        count += 1
        let place = Place(stripe: stripe.number, row: Int.random(in: 0..<counts[stripe.number], using: &random))
        self[last] = self[place]
        self[place] = card
        return (place, last)
    }

    /// The stripe's last one takes the place.
    mutating func remove(at place: Place) {
        let stripe = Int(place.stripe)
        counts[stripe] -= 1
        count -= 1
        let last = Place(stripe: stripe, row: counts[stripe])
        self[place] = self[last]
        self[last] = Self.nobody
    }

    /// The row that the number stands for. While the swarm grows it is another one only when it doubles.
    func row(drawn number: UInt64) -> Int {
        let rows = UInt64(cards.count / Stripe.count)
        guard rows > 1 else { return 0 }
        let mask = UInt64.max >> UInt64((rows - 1).leadingZeroBitCount)
        var draw = Randomness.mix(number)
        for _ in 0..<8 where draw & mask >= rows { draw = Randomness.mix(draw &+ 1) }
        return Int(draw & mask < rows ? draw & mask : draw % rows)
    }

    /// Of the stripe's givers the one so many rows behind the first: everybody once, then nobody.
    func place(of stripe: Int, _ offset: Int, behind first: Int) -> Place? {
        let count = counts[stripe]
        guard offset < count else { return nil }
        let row = first + offset
        return Place(stripe: stripe, row: row < count ? row : row % count)
    }
}
