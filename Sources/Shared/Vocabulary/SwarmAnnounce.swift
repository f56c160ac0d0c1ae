/// What a BitTorrent swarm is named by (BEP 3). A segment's is the first 20 bytes of its root.
package struct InfoHash: Hashable, Sendable {
    /// The bytes as big-endian words, most significant first.
    package let words: (UInt64, UInt64, UInt32)

    package init(_ a: UInt64, _ b: UInt64, _ c: UInt32) { words = (a, b, c) }

    package init(_ root: Root) {
        let words = root.hash.words
        self.init(words.0, words.1, UInt32(words.2 >> 32))
    }

    /// Takes exactly 20 bytes; anything else gives `nil`.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 20 else { return nil }
        self.init(
            bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            bytes.dropFirst(8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
    }

    package var bytes: [UInt8] {
        [words.0, words.1].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        } + stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: words.2 >> UInt32($0)) }
    }

    package static func == (a: Self, b: Self) -> Bool { a.words == b.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}

/// What a BitTorrent client tells a tracker about itself in one swarm (BEP 3).
package struct SwarmAnnounce: Hashable, Sendable {
    /// With the numbers of BEP 15.
    package enum Event: UInt32, Sendable { case none = 0, completed = 1, started = 2, stopped = 3 }

    package var hash: InfoHash
    /// The port that takes connections; 0 for none, which lists nobody. The address is the announce's own source.
    package var port: UInt16
    /// Has everything.
    package var isSeeder: Bool
    package var event: Event
    /// How many others the client wants to hear of; `nil` leaves it to the tracker.
    package var wanted: Int?

    package init(hash: InfoHash, port: UInt16, isSeeder: Bool, event: Event = .none, wanted: Int? = nil) {
        self.hash = hash
        self.port = port
        self.isSeeder = isSeeder
        self.event = event
        self.wanted = wanted
    }
}

/// How many there are in a swarm (BEP 48).
package struct SwarmCounts: Hashable, Sendable {
    package var seeders: UInt32
    package var leechers: UInt32
    /// How often somebody has said that it has completed the download.
    package var completed: UInt32

    package init(seeders: UInt32 = 0, leechers: UInt32 = 0, completed: UInt32 = 0) {
        self.seeders = seeders
        self.leechers = leechers
        self.completed = completed
    }
}
