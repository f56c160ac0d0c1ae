/// A file of many parts, given to everybody in the fewest rounds: Ganesan and Seshadri's hypercube (ICDCS 2005).
///
/// Round t uses dimension t of a hypercube whose corner 0 is the server; every corner sends the highest part it has.
/// When users are not a power of two less one, some corners are two users who act as one: one sends outwards, the
/// other receives from outside and gives its twin what that lacks.
package struct CubeExchange: Sendable {
    package var users: Int
    package var parts: Int
    /// Two users of one corner give each other what the other lacks.
    package var twinsShare = true

    package init(users: Int, parts: Int) {
        self.users = users
        self.parts = parts
    }

    /// Rounds until all have everything, in file times, and what an uplink could not have done.
    package func run() -> (makespan: Double, breaches: Int) {
        let dimensions = Int.bitWidth - 1 - (users + 1).leadingZeroBitCount
        let corners = 1 << dimensions
        // Users 1... sit on corners 1...; the rest are twins.
        var twins = [[Int]](repeating: [], count: corners)
        twins[0] = [0]
        for user in 1...users { twins[user < corners ? user : user - corners + 1].append(user) }
        // Downlinks are no limit in this model: a user may get a part from outside and one from its twin.
        var audit = TransferAudit(nodes: users + 1, receptions: 2)
        // What a corner's users have together.
        var highest: [[Int]] = Array(repeating: [], count: corners)
        let limit = 2 * (parts + dimensions + 2)
        while (1...users).contains(where: { audit.count(of: $0) < parts }), audit.slot < limit {
            let round = audit.slot
            let step = dimensions == 0 ? 0 : 1 << (round % dimensions)
            var sent: [(corner: Int, part: Int)] = []
            // Who of a corner sends outwards: somebody who has the part, rather one who lacks nothing of its twin's.
            var senders = [Int](repeating: 0, count: corners)
            for corner in 0..<corners {
                senders[corner] = twins[corner][0]
                let part = corner == 0 ? min(round, parts - 1) : highest[corner].last ?? -1
                guard part >= 0, step != 0 else { continue }
                let able = twins[corner].filter { audit.has($0, part) }
                senders[corner] = able.min { audit.count(of: $0) < audit.count(of: $1) } ?? twins[corner][0]
                let partner = corner ^ step
                guard partner != 0, highest[partner].last != part else { continue }
                sent.append((partner, part))
            }
            for (partner, part) in sent {
                let receiver = twins[partner].last { $0 != senders[partner] } ?? senders[partner]
                audit.send(part, from: senders[partner ^ step], to: receiver)
            }
            for corner in 1..<corners where twinsShare && twins[corner].count == 2 {
                for giver in twins[corner]
                where giver != senders[corner] || !sent.contains(where: { $0.corner == corner ^ step }) {
                    let taker = twins[corner][0] == giver ? twins[corner][1] : twins[corner][0]
                    if let part = highest[corner].last(where: { audit.has(giver, $0) && !audit.has(taker, $0) }) {
                        audit.send(part, from: giver, to: taker)
                    }
                }
            }
            audit.endSlot()
            for (corner, part) in sent where !highest[corner].contains(part) {
                highest[corner].append(part)
                highest[corner].sort()
            }
        }
        return (Double(audit.slot) / Double(parts), audit.breaches.count)
    }
}
