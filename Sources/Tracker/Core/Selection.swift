import Vocabulary

/// Whom one asker is told of: first those who are named, then those who are in different networks and play what it plays,
/// then others, and those who could not be dialled only when there is nobody else. It is used again for the next asker, so that it allocates
/// nothing.
///
/// Cards are gathered before any is looked at: each lies somewhere else in memory, which brings many of them in the time
/// of one as long as nothing has to be decided in between.
struct Selection: Sendable {
    /// So many of one network may come before others.
    private static let perNetwork = 3
    /// So many segments apart is the same programme still.
    private static let nearby: UInt64 = 32

    private var asker: UInt32 = 0
    private var endpoint = Endpoint(ip: IPAddress(v4: 0), port: 0)
    private var newest: UInt64 = 0
    private var limit = 0
    private var numbers: [UInt32] = []
    /// So many of them, the first, come before all others, wherever they are.
    private var named = 0
    private var cards: [Roster.Card] = []
    /// Those who were neither passed over nor seen twice, and the places of their cards by how welcome they are.
    private var seen: [UInt32] = []
    private var chosen: [Int] = []
    private var networks: [UInt64] = []
    private var spare: [Int] = []
    private var last: [Int] = []

    mutating func begin(asker: Int, _ card: Roster.Card, limit: Int) {
        self.asker = UInt32(asker)
        endpoint = card.endpoint
        newest = card.newest
        self.limit = limit
        numbers.removeAll(keepingCapacity: true)
        named = 0
        cards.removeAll(keepingCapacity: true)
        seen.removeAll(keepingCapacity: true)
        chosen.removeAll(keepingCapacity: true)
        networks.removeAll(keepingCapacity: true)
        spare.removeAll(keepingCapacity: true)
        last.removeAll(keepingCapacity: true)
    }

    /// How many are missing at least.
    var missing: Int { limit - chosen.count }

    /// Whether looking at more of them is not worth it.
    var isEnough: Bool { chosen.count >= limit || seen.count >= limit + limit / 2 }

    mutating func gather(_ number: UInt32) { numbers.append(number) }

    /// Comes before those who are gathered; to be called before anybody is.
    mutating func name(_ number: UInt32) {
        numbers.append(number)
        named += 1
    }

    /// Looks at those who have been gathered since the last time.
    mutating func consider(from all: [Roster.Card], untilEnough: Bool = false) {
        let start = cards.count
        for index in start..<numbers.count { cards.append(all[Int(numbers[index])]) }
        for index in start..<numbers.count where !(untilEnough && isEnough) { consider(index) }
    }

    private mutating func consider(_ index: Int) {
        let number = numbers[index]
        guard chosen.count < limit, number != asker, cards[index].endpoint != endpoint, !seen.contains(number) else {
            return
        }
        seen.append(number)
        guard !cards[index].isUnreachable else { return last.append(index) }
        let network = Self.network(of: cards[index].endpoint.ip)
        if index >= named, !isNear(cards[index].newest) || Self.count(of: network, in: networks) >= Self.perNetwork {
            spare.append(index)
        } else {
            chosen.append(index)
            networks.append(network)
        }
    }

    /// A loop without a way out takes several at a time.
    private static func count(of network: UInt64, in networks: [UInt64]) -> Int {
        var count = 0
        for other in networks { count += other == network ? 1 : 0 }
        return count
    }

    /// Who has said nothing of what it holds may be anywhere.
    private func isNear(_ other: UInt64) -> Bool {
        guard newest > 0, other > 0 else { return true }
        return max(newest, other) - min(newest, other) <= Self.nearby
    }

    /// A number for what one site can choose from: an IPv4 address's /24, an IPv6 address's /48.
    private static func network(of ip: IPAddress) -> UInt64 {
        ip.high == 0 && ip.low >> 32 == 0xffff ? ip.low >> 8 : ip.high & ~0xffff
    }

    /// How many are introduced although they could not be dialled, and the numbers of these.
    var unreachableCount: Int { min(last.count, max(0, limit - chosen.count - spare.count)) }
    func unreachable(_ index: Int) -> Int { Int(numbers[last[index]]) }

    /// In the order of preference.
    func write(to introductions: inout [Introduction]) {
        write(chosen, to: &introductions)
        write(spare, to: &introductions)
        write(last, to: &introductions)
    }

    private func write(_ indices: [Int], to introductions: inout [Introduction]) {
        for index in indices.prefix(limit - introductions.count) {
            introductions.append(Introduction(peer: cards[index].peer, endpoint: cards[index].endpoint))
        }
    }
}
