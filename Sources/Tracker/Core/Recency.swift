import Vocabulary

/// Keys in the order in which they were last touched; every operation takes the same time however many there are.
struct Recency<Key: Sendable>: Sendable {
    /// 16 bytes; -1 for nobody.
    private struct Node: Sendable {
        var touched: Instant
        var older: Int32
        var newer: Int32
    }

    private var nodes: [Node] = []
    private var keys: [Key] = []
    private var free: [Int] = []
    private var first = -1
    private var last = -1

    var count: Int { nodes.count - free.count }

    var oldest: (key: Key, touched: Instant)? { first < 0 ? nil : (keys[first], nodes[first].touched) }

    /// Returns the ticket by which the key is known here from now on.
    mutating func append(_ key: Key, at now: Instant) -> Int {
        let node = Node(touched: now, older: -1, newer: -1)
        let ticket: Int
        if let reused = free.popLast() {
            nodes[reused] = node
            keys[reused] = key
            ticket = reused
        } else {
            ticket = nodes.count
            nodes.append(node)
            keys.append(key)
        }
        link(ticket)
        return ticket
    }

    mutating func touch(_ ticket: Int, at now: Instant) {
        nodes[ticket].touched = now
        guard ticket != last else { return }
        unlink(ticket)
        link(ticket)
    }

    /// The ticket may be another's from now on.
    mutating func remove(_ ticket: Int) {
        unlink(ticket)
        free.append(ticket)
    }

    private mutating func link(_ ticket: Int) {
        nodes[ticket].older = Int32(last)
        nodes[ticket].newer = -1
        if last >= 0 { nodes[last].newer = Int32(ticket) } else { first = ticket }
        last = ticket
    }

    private mutating func unlink(_ ticket: Int) {
        let (older, newer) = (Int(nodes[ticket].older), Int(nodes[ticket].newer))
        if older >= 0 { nodes[older].newer = Int32(newer) } else { first = newer }
        if newer >= 0 { nodes[newer].older = Int32(older) } else { last = older }
    }
}
