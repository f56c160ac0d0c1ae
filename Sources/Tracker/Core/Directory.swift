import Vocabulary

/// Which broadcasts there are, as their origins state it.
struct Directory: Sendable {
    private struct Entry: Sendable {
        var listing: Listing
        var ticket: Int
    }

    private let limit: Int
    private let silence: Interval
    private let closedTime: Interval
    private var entries: [BroadcastID: Entry] = [:]
    /// Open and closed broadcasts stay for different times, so each kind has its own order.
    private var open = Recency<BroadcastID>()
    private var closed = Recency<BroadcastID>()

    init(limit: Int, silence: Interval, keepsClosedFor closedTime: Interval) {
        self.limit = limit
        self.silence = silence
        self.closedTime = closedTime
    }

    var count: Int { entries.count }

    func listing(_ broadcast: BroadcastID) -> Listing? { entries[broadcast]?.listing }

    /// In the order of their ids.
    func listings(status: Listing.Status?, matching query: String) -> [Listing] {
        let query = query.lowercased()
        return entries.values.map(\.listing)
            .filter { listing in
                (status == nil || listing.status == status)
                    && (query.isEmpty || listing.title.lowercased().contains(query))
            }
            .sorted { $0.broadcast < $1.broadcast }
    }

    mutating func insert(_ listing: Listing, at now: Instant) throws(Tracker.Refusal) {
        if let known = entries[listing.broadcast]?.listing {
            guard listing.time >= known.time else { throw .listingIsOld }
            // Saying once more that it is over does not keep it longer.
            if known.status == .closed, listing.status == .closed { return }
            remove(listing.broadcast)
        }
        guard entries.count < limit else { throw .tooManyListings }
        let ticket =
            listing.status == .closed
            ? closed.append(listing.broadcast, at: now) : open.append(listing.broadcast, at: now)
        entries[listing.broadcast] = Entry(listing: listing, ticket: ticket)
    }

    mutating func expire(at now: Instant) {
        while let oldest = open.oldest, now - oldest.touched > silence { remove(oldest.key) }
        while let oldest = closed.oldest, now - oldest.touched > closedTime { remove(oldest.key) }
    }

    private mutating func remove(_ broadcast: BroadcastID) {
        guard let entry = entries.removeValue(forKey: broadcast) else { return }
        if entry.listing.status == .closed { closed.remove(entry.ticket) } else { open.remove(entry.ticket) }
    }
}
