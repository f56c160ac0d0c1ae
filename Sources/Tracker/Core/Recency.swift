import Vocabulary

/// Keys in the order in which they were last touched; every operation takes the same time however many there are.
struct Recency<Key: Hashable & Sendable>: Sendable {
    private struct Node: Sendable {
        var key: Key
        var touched: Instant
        var older: Int?
        var newer: Int?
    }

    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var first: Int?
    private var last: Int?

    var count: Int { nodes.count - free.count }

    var oldest: (key: Key, touched: Instant)? {
        guard let first, let node = nodes[first] else { return nil }
        return (node.key, node.touched)
    }

    /// Returns the ticket by which the key is known here from now on.
    mutating func append(_ key: Key, at now: Instant) -> Int {
        let node = Node(key: key, touched: now, older: nil, newer: nil)
        let ticket: Int
        if let reused = free.popLast() {
            nodes[reused] = node
            ticket = reused
        } else {
            ticket = nodes.count
            nodes.append(node)
        }
        link(ticket)
        return ticket
    }

    mutating func touch(_ ticket: Int, at now: Instant) {
        unlink(ticket)
        nodes[ticket]?.touched = now
        link(ticket)
    }

    mutating func remove(_ ticket: Int) {
        unlink(ticket)
        nodes[ticket] = nil
        free.append(ticket)
    }

    private mutating func link(_ ticket: Int) {
        nodes[ticket]?.older = last
        nodes[ticket]?.newer = nil
        if let last { nodes[last]?.newer = ticket } else { first = ticket }
        last = ticket
    }

    private mutating func unlink(_ ticket: Int) {
        guard let node = nodes[ticket] else { preconditionFailure("a ticket is good until its key is removed") }
        if let older = node.older { nodes[older]?.newer = node.newer } else { first = node.newer }
        if let newer = node.newer { nodes[newer]?.older = node.older } else { last = node.older }
    }
}
