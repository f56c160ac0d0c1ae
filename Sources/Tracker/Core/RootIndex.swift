import Vocabulary

/// Who has which segment, by content. When it is full, what was announced longest ago goes first.
struct RootIndex: Sendable {
    private struct Entry: Sendable {
        var holders: [Membership]
        var ticket: Int
    }

    /// Nobody needs more ways to one segment, and the newest holders are the likeliest to be there still.
    private static let holdersPerRoot = 64

    private let limit: Int
    private let limitPerPeer: Int
    private var entries: [Root: Entry] = [:]
    private var held: [Membership: [Root]] = [:]
    private var order = Recency<Root>()

    init(limit: Int, limitPerPeer: Int) {
        self.limit = limit
        self.limitPerPeer = limitPerPeer
    }

    var count: Int { entries.count }

    /// The oldest holder first.
    func holders(of root: Root) -> [Membership] { entries[root]?.holders ?? [] }

    mutating func insert(_ root: Root, heldBy holder: Membership) {
        if let entry = entries[root] {
            guard !entry.holders.contains(holder) else { return }
            order.touch(entry.ticket, at: .zero)
        } else {
            if entries.count >= limit, let oldest = order.oldest?.key { removeRoot(oldest) }
            // The order alone counts here, so the instant does not matter.
            entries[root] = Entry(holders: [], ticket: order.append(root, at: .zero))
        }
        if let holders = entries[root]?.holders, holders.count >= Self.holdersPerRoot, let oldest = holders.first {
            remove(root, of: oldest)
            held[oldest]?.removeAll { $0 == root }
        }
        entries[root]?.holders.append(holder)
        held[holder, default: []].append(root)
        if let roots = held[holder], roots.count > limitPerPeer, let oldest = roots.first {
            held[holder]?.removeFirst()
            remove(oldest, of: holder)
        }
    }

    mutating func remove(_ holder: Membership) {
        for root in held.removeValue(forKey: holder) ?? [] { remove(root, of: holder) }
    }

    private mutating func removeRoot(_ root: Root) {
        guard let entry = entries.removeValue(forKey: root) else { return }
        order.remove(entry.ticket)
        for holder in entry.holders {
            held[holder]?.removeAll { $0 == root }
            if held[holder]?.isEmpty == true { held[holder] = nil }
        }
    }

    private mutating func remove(_ root: Root, of holder: Membership) {
        entries[root]?.holders.removeAll { $0 == holder }
        guard let entry = entries[root], entry.holders.isEmpty else { return }
        entries[root] = nil
        order.remove(entry.ticket)
    }
}
