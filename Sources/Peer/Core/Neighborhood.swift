import Vocabulary

/// Whom we could link to, whom we have tried, and whom we never want again.
struct Neighborhood: Sendable {
    private struct Candidate {
        var endpoint: Endpoint
        /// Lower is dialled first: the tracker names the most useful ones first, neighbors anybody.
        var order: Int
        var failures = 0
        var notBefore = Instant.zero
    }

    private static let capacity = 200
    private static let banTime = Interval.seconds(600)
    private static let banCapacity = 1_000

    private var candidates: [PeerID: Candidate] = [:]
    private var bans: [PeerID: Instant] = [:]
    private var bannedEndpoints: [Endpoint: Instant] = [:]
    private(set) var dialing: Set<PeerID> = []

    mutating func learn(_ introductions: [Introduction], fromTracker: Bool, me: PeerID, at now: Instant) {
        for (place, introduction) in introductions.enumerated()
        where introduction.peer != me && introduction.endpoint.port != 0 {
            guard !isBanned(introduction.peer, introduction.endpoint, at: now) else { continue }
            guard candidates[introduction.peer] != nil || candidates.count < Self.capacity else { return }
            let order = fromTracker ? place : Self.capacity + place
            if candidates[introduction.peer]?.endpoint != introduction.endpoint {
                candidates[introduction.peer] = Candidate(endpoint: introduction.endpoint, order: order)
            } else if fromTracker {
                candidates[introduction.peer]?.order = order
            }
        }
    }

    func isBanned(_ peer: PeerID, _ endpoint: Endpoint?, at now: Instant) -> Bool {
        if let until = bans[peer], now < until { return true }
        if let endpoint, let until = bannedEndpoints[endpoint], now < until { return true }
        return false
    }

    mutating func ban(_ peer: PeerID, _ endpoint: Endpoint?, at now: Instant) {
        if bans.count >= Self.banCapacity { bans = bans.filter { now < $0.value } }
        if bans.count < Self.banCapacity { bans[peer] = now + Self.banTime }
        if let endpoint, bannedEndpoints.count < Self.banCapacity { bannedEndpoints[endpoint] = now + Self.banTime }
        candidates[peer] = nil
    }

    /// The next peers to dial, at most `count`.
    mutating func pick(
        _ count: Int, except linked: Set<PeerID>, at now: Instant, using random: inout Randomness
    ) -> [Introduction] {
        guard count > 0 else { return [] }
        let ready = candidates.filter { peer, candidate in
            now >= candidate.notBefore && !linked.contains(peer) && !dialing.contains(peer)
        }
        guard !ready.isEmpty else { return [] }
        let order = ready.keys.sorted().shuffled(using: &random).sorted {
            (ready[$0]?.order ?? 0) < (ready[$1]?.order ?? 0)
        }
        return order.prefix(count).compactMap { peer in
            guard let endpoint = ready[peer]?.endpoint else { return nil }
            dialing.insert(peer)
            candidates[peer]?.notBefore = now + .seconds(20)
            return Introduction(peer: peer, endpoint: endpoint)
        }
    }

    mutating func linked(_ peer: PeerID) {
        dialing.remove(peer)
        candidates[peer]?.failures = 0
    }

    mutating func failed(_ peer: PeerID) {
        dialing.remove(peer)
        guard var candidate = candidates[peer] else { return }
        candidate.failures += 1
        candidates[peer] = candidate.failures < 2 ? candidate : nil
    }

    /// A lost neighbor may be dialled again after a moment.
    mutating func lost(_ peer: PeerID, at now: Instant) {
        candidates[peer]?.notBefore = now + .seconds(5)
    }
}
