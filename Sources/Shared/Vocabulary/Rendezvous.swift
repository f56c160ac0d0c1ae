/// Which of several trackers a broadcast lives at, without anybody telling: rendezvous hashing (Thaler, Ravishankar,
/// IEEE/ACM ToN 1998). When a tracker goes, its broadcasts alone move, each to its next one; when it is back, they are.
///
/// A tracker is known by several addresses when they follow each other with the same host and different schemes, such
/// as `udp://t.example:6969` and then `http://t.example:7070`. Its name is the first of them.
package enum Rendezvous {
    /// The trackers of a link, each with its addresses in the order given; the broadcast's own comes first.
    package static func ranking(of urls: [String], for broadcast: BroadcastID) -> [[String]] {
        grouped(urls).map { (score: score(of: $0[0], for: broadcast), urls: $0) }
            .sorted { a, b in a.score == b.score ? a.urls[0] < b.urls[0] : a.score > b.score }
            .map(\.urls)
    }

    /// FNV-1a over the name, then SplitMix64's finalizer over it and the four words of the broadcast's id.
    package static func score(of name: String, for broadcast: BroadcastID) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let words = broadcast.key.words
        for word in [words.0, words.1, words.2, words.3] { hash = Randomness.mix(hash ^ word) }
        return hash
    }

    static func grouped(_ urls: [String]) -> [[String]] {
        var groups: [[String]] = []
        for url in urls where !groups.joined().contains(url) {
            if let last = groups.last, host(of: last[0]) == host(of: url),
                !last.contains(where: { scheme(of: $0) == scheme(of: url) })
            {
                groups[groups.count - 1].append(url)
            } else if groups.count < Limits.trackers {
                groups.append([url])
            }
        }
        return groups
    }

    private static func scheme(of url: String) -> Substring { url.prefix { $0 != ":" } }

    private static func host(of url: String) -> Substring {
        let rest = url.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" }
        return rest.hasPrefix("[") ? rest.prefix { $0 != "]" } : rest.prefix { $0 != ":" }
    }
}
