import Vocabulary

/// Whom one asker is told of: first those who are named, then those who are in different networks and play what it plays,
/// then others, and those who could not be dialled only when there is nobody else. It is used again for the next asker, so
/// that it allocates nothing.
struct Selection: Sendable {
    /// So many of one network may come before others.
    private static let perNetwork = 3
    /// So many segments apart is the same programme still.
    private static let nearby: UInt64 = 32

    private var endpoint = Endpoint(ip: IPAddress(v4: 0), port: 0)
    private var newest: UInt64 = 0
    private var limit = 0
    private var seen = 0
    private var named: [UInt32] = []
    private var chosen: [Introduction] = []
    private var networks: [UInt64] = []
    private var spare: [Givers.Place] = []
    private var last: [Givers.Place] = []
    /// Room for whoever puts candidates into an order.
    var order: [Givers.Place] = []

    mutating func begin(asker card: Roster.Card, limit: Int) {
        endpoint = card.endpoint
        newest = card.newest
        self.limit = limit
        seen = 0
        named.removeAll(keepingCapacity: true)
        chosen.removeAll(keepingCapacity: true)
        networks.removeAll(keepingCapacity: true)
        spare.removeAll(keepingCapacity: true)
        last.removeAll(keepingCapacity: true)
    }

    var isFull: Bool { chosen.count >= limit }

    /// Whether looking at more of them is not worth it.
    var isEnough: Bool { isFull || seen >= limit + limit / 2 }

    /// Comes before those who are considered, wherever it is; to be called before anybody is.
    mutating func name(_ place: Givers.Place, of givers: borrowing Givers) {
        let card = givers[place]
        guard !isFull, card.endpoint != endpoint else { return }
        named.append(card.number)
        take(card, at: place, isNamed: true)
    }

    /// To be called once for each candidate.
    mutating func consider(_ place: Givers.Place, of givers: borrowing Givers) {
        let card = givers[place]
        guard !isFull, card.endpoint != endpoint, !named.contains(card.number) else { return }
        take(card, at: place, isNamed: false)
    }

    private mutating func take(_ card: Roster.Card, at place: Givers.Place, isNamed: Bool) {
        seen += 1
        guard !card.isUnreachable else { return last.append(place) }
        let network = Self.network(of: card.endpoint.ip)
        if isNamed || isNear(card.newest) && Self.count(of: network, in: networks) < Self.perNetwork {
            choose(card)
            networks.append(network)
        } else {
            spare.append(place)
        }
    }

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

    /// How many were introduced although they could not be dialled, and where these are.
    private(set) var unreachableCount = 0
    func unreachable(_ index: Int) -> Givers.Place { last[index] }

    /// Puts all into the order of preference, in place of earlier ones, whose memory is used for the next asker.
    mutating func finish(_ givers: borrowing Givers, _ introductions: inout [Introduction]) {
        for place in spare.prefix(limit - chosen.count) { choose(givers[place]) }
        unreachableCount = min(last.count, limit - chosen.count)
        for place in last.prefix(unreachableCount) { choose(givers[place]) }
        swap(&chosen, &introductions)
    }

    private mutating func choose(_ card: Roster.Card) {
        chosen.append(card.introduction)
    }
}
