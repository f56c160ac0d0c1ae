import Vocabulary

/// Who has which segment, by content. When it is full, what was announced longest ago goes first.
struct RootIndex: Sendable {
    private struct Entry: Sendable {
        let root: Root
        var holders: [Membership]
        var ticket: Int
    }

    /// Nobody needs more ways to one segment, and the newest holders are the likeliest to be there still.
    private static let holdersPerRoot = 64

    private let limit: Int
    private let limitPerPeer: Int
    /// By the first 20 bytes, which are the name of the segment in BitTorrent.
    private var entries: [InfoHash: Entry] = [:]
    private var held: [Membership: [Root]] = [:]
    private var order = Recency<Root>()

    init(limit: Int, limitPerPeer: Int) {
        self.limit = limit
        self.limitPerPeer = limitPerPeer
    }

    var count: Int { entries.count }

    /// The oldest holder first.
    func holders(of root: Root) -> [Membership] {
        guard let entry = entries[InfoHash(root)], entry.root == root else { return [] }
        return entry.holders
    }

    func holders(of hash: InfoHash) -> [Membership] { entries[hash]?.holders ?? [] }

    func knows(_ hash: InfoHash) -> Bool { entries[hash] != nil }

    mutating func insert(_ root: Root, heldBy holder: Membership) {
        let hash = InfoHash(root)
        if let entry = entries[hash] {
            // Nobody has ever found two texts of which SHA-256 agrees in 160 bits; the first one would stay.
            guard entry.root == root, !entry.holders.contains(holder) else { return }
            order.touch(entry.ticket, at: .zero)
        } else {
            if entries.count >= limit, let oldest = order.oldest?.key { removeRoot(oldest) }
            // The order alone counts here, so the instant does not matter.
            entries[hash] = Entry(root: root, holders: [], ticket: order.append(root, at: .zero))
        }
        if let holders = entries[hash]?.holders, holders.count >= Self.holdersPerRoot, let oldest = holders.first {
            remove(root, of: oldest)
            held[oldest]?.removeAll { $0 == root }
        }
        entries[hash]?.holders.append(holder)
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
        guard let entry = entries.removeValue(forKey: InfoHash(root)) else { return }
        order.remove(entry.ticket)
        for holder in entry.holders {
            held[holder]?.removeAll { $0 == root }
            if held[holder]?.isEmpty == true { held[holder] = nil }
        }
    }

    private mutating func remove(_ root: Root, of holder: Membership) {
        let hash = InfoHash(root)
        entries[hash]?.holders.removeAll { $0 == holder }
        guard let entry = entries[hash], entry.holders.isEmpty else { return }
        entries[hash] = nil
        order.remove(entry.ticket)
    }
}
