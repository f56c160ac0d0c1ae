import Vocabulary

/// Whom one asker is told of: first those who are in different networks and play what it plays, then others, and those
/// who could not be dialled only when there is nobody else.
struct Selection {
    /// So many of one network may come before others.
    private static let perNetwork = 3
    /// So many segments apart is the same programme still.
    private static let nearby: UInt64 = 32

    private let asker: Int
    private let member: Roster.Member
    private let limit: Int
    private var chosen: [Int] = []
    private var networks: [IPAddress] = []
    private var spare: [Int] = []
    private var last: [Int] = []

    init(asker: Int, _ member: Roster.Member, limit: Int) {
        self.asker = asker
        self.member = member
        self.limit = limit
        chosen.reserveCapacity(limit)
        networks.reserveCapacity(limit)
    }

    /// Whether looking at more of them is not worth it.
    var isEnough: Bool { chosen.count >= limit || chosen.count + spare.count + last.count >= limit + limit / 2 }

    /// In the order of preference.
    var numbers: ArraySlice<Int> { (chosen + spare + last).prefix(limit) }

    mutating func consider(_ number: Int, _ other: Roster.Member) {
        guard chosen.count < limit, number != asker, other.endpoint != member.endpoint,
            !chosen.contains(number), !spare.contains(number), !last.contains(number)
        else { return }
        let network = other.endpoint.ip.network
        if other.isUnreachable {
            last.append(number)
        } else if !isNear(other) || networks.count(where: { $0 == network }) >= Self.perNetwork {
            spare.append(number)
        } else {
            chosen.append(number)
            networks.append(network)
        }
    }

    /// Who has said nothing of what it holds may be anywhere.
    private func isNear(_ other: Roster.Member) -> Bool {
        guard member.newest > 0, other.newest > 0 else { return true }
        return max(member.newest, other.newest) - min(member.newest, other.newest) <= Self.nearby
    }
}
