/// Watches a schedule slot by slot and notes everything that a real uplink could not do.
package struct TransferAudit: Sendable {
    package enum Breach: Hashable, Sendable {
        case sentTwice(node: Int)
        case receivedTwice(node: Int)
        /// Sent a chunk that it did not have when the slot began.
        case sentWithoutHaving(node: Int, chunk: Int)
    }

    private let receptions: Int
    private var have: [Set<Int>]
    private var sending: [Int]
    private var receiving: [Int]
    private var arriving: [(node: Int, chunk: Int)] = []
    package private(set) var slot = 0
    package private(set) var breaches: [Breach] = []
    /// For each chunk, the slots in which it reached somebody for the first time.
    package private(set) var arrivals: [Int: [Int]] = [:]

    /// Node 0 is the source, which has everything; `receptions` is how many chunks a node may take in a slot.
    package init(nodes: Int, receptions: Int) {
        self.receptions = receptions
        have = Array(repeating: [], count: nodes)
        sending = Array(repeating: 0, count: nodes)
        receiving = sending
    }

    package func has(_ node: Int, _ chunk: Int) -> Bool { node == 0 || have[node].contains(chunk) }
    package func count(of node: Int) -> Int { have[node].count }

    package mutating func send(_ chunk: Int, from sender: Int, to receiver: Int) {
        sending[sender] += 1
        receiving[receiver] += 1
        if sending[sender] > 1 { breaches.append(.sentTwice(node: sender)) }
        if receiving[receiver] > receptions { breaches.append(.receivedTwice(node: receiver)) }
        if !has(sender, chunk) { breaches.append(.sentWithoutHaving(node: sender, chunk: chunk)) }
        arriving.append((receiver, chunk))
    }

    package mutating func endSlot() {
        slot += 1
        for (node, chunk) in arriving where node != 0 {
            if have[node].insert(chunk).inserted { arrivals[chunk, default: []].append(slot) }
        }
        for (node, _) in arriving { receiving[node] = 0 }
        arriving.removeAll(keepingCapacity: true)
        for node in sending.indices { sending[node] = 0 }
    }
}
