import Vocabulary

/// Whom we could link to, whom we have tried, and whom we never want again.
struct Neighborhood: Sendable {
    private struct Candidate {
        var contact: Contact
        var notBefore = Instant.zero
        /// Lower is dialled first: the tracker names the most useful ones first, neighbors anybody.
        var order: Int16
        var failures: Int8 = 0

        var isFromTracker: Bool { order < Int16(Neighborhood.capacity) }
    }

    private static let capacity = 200
    private static let banTime = Interval.seconds(600)
    private static let banCapacity = 1_000
    /// Dials under way beyond which nobody is dialled because the tracker says that they dial us.
    private static let dialsWhenCalled = 4

    /// By name.
    private var candidates: [Candidate] = []
    private var bans: [PeerID: Instant] = [:]
    private var bannedEndpoints: [Endpoint: Instant] = [:]
    /// The oldest first. A peer may be dialled where it was and where it is now.
    private(set) var dialing: [Introduction] = []

    mutating func learn(_ contacts: [Contact], fromTracker: Bool, me: PeerID, at now: Instant) {
        for (place, contact) in contacts.enumerated() where contact.peer != me && contact.endpoint.port != 0 {
            guard !isBanned(contact.peer, contact.endpoint, at: now) else { continue }
            let rank = self.rank(contact.peer)
            let isKnown = isCandidate(contact.peer, at: rank)
            let order = Int16(clamping: fromTracker ? place : Self.capacity + place)
            let candidate = Candidate(contact: contact, order: order)
            if !isKnown {
                guard candidates.count < Self.capacity || fromTracker && makeRoom() else { return }
                candidates.makeRoom(by: 16)
                candidates.insert(candidate, at: self.rank(contact.peer))
            } else if candidates[rank].contact.endpoint != contact.endpoint {
                // A neighbor may have made up what it says; the tracker has seen who announces from where.
                if fromTracker || !candidates[rank].isFromTracker { candidates[rank] = candidate }
            } else if fromTracker {
                candidates[rank].order = order
            }
        }
    }

    /// Forgets somebody whom a neighbor has named: made-up names must not keep those out whom the tracker knows.
    private mutating func makeRoom() -> Bool {
        guard let last = candidates.indices.max(by: { candidates[$0].order < candidates[$1].order }),
            !candidates[last].isFromTracker
        else { return false }
        candidates.remove(at: last)
        return true
    }

    /// Where the peer is among the candidates, or would be.
    private func rank(_ peer: PeerID) -> Int {
        var (low, high) = (0, candidates.count)
        while low < high {
            let middle = (low + high) / 2
            if candidates[middle].contact.peer < peer { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func isCandidate(_ peer: PeerID, at rank: Int) -> Bool {
        rank < candidates.count && candidates[rank].contact.peer == peer
    }

    private mutating func with(_ peer: PeerID, _ change: (inout Candidate) -> Void) {
        let rank = rank(peer)
        if isCandidate(peer, at: rank) { change(&candidates[rank]) }
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
        let rank = rank(peer)
        if isCandidate(peer, at: rank) { candidates.remove(at: rank) }
    }

    /// The next peers to dial, at most `count`.
    mutating func pick(
        _ count: Int, except linked: [PeerID], at now: Instant, using random: inout Randomness
    ) -> [Introduction] {
        let ready = candidates.indices.filter { isReady($0, except: linked, at: now) }
        guard count > 0, !ready.isEmpty else { return [] }
        let order = ready.shuffled(using: &random).sorted { candidates[$0].order < candidates[$1].order }
        return order.prefix(count).map { dial($0, at: now) }
    }

    /// Those of these candidates who may be dialled.
    mutating func pick(
        among peers: some Sequence<PeerID>, except linked: [PeerID], at now: Instant
    ) -> [Introduction] {
        peers.compactMap { peer in
            let rank = rank(peer)
            guard isCandidate(peer, at: rank), isReady(rank, except: linked, at: now) else { return nil }
            return dial(rank, at: now)
        }
    }

    private func isReady(_ rank: Int, except linked: [PeerID], at now: Instant) -> Bool {
        let peer = candidates[rank].contact.peer
        return now >= candidates[rank].notBefore && !linked.contains(peer) && !dialing.contains { $0.peer == peer }
    }

    private mutating func dial(_ rank: Int, at now: Instant) -> Introduction {
        candidates[rank].notBefore = now + .seconds(20)
        let introduction = candidates[rank].contact.introduction
        dialing.append(introduction)
        return introduction
    }

    /// Whether to dial somebody who dials us now; counts it as dialled. The call is the newest word of where the caller is:
    /// who has just learned its outside port is still being dialled at the inside one, in vain.
    mutating func call(_ caller: Introduction, at now: Instant) -> Bool {
        guard dialing.count < Self.dialsWhenCalled, !dialing.contains(caller), caller.endpoint.port != 0,
            !isBanned(caller.peer, caller.endpoint, at: now)
        else { return false }
        with(caller.peer) {
            $0.contact = Contact(caller)
            $0.notBefore = now + .seconds(20)
        }
        dialing.append(caller)
        return true
    }

    /// All may be dialled again.
    mutating func forgive() {
        for rank in candidates.indices { (candidates[rank].failures, candidates[rank].notBefore) = (0, .zero) }
    }

    mutating func linked(_ peer: PeerID) {
        dialing.removeAll { $0.peer == peer }
        if dialing.isEmpty { dialing = [] }
        with(peer) { $0.failures = 0 }
    }

    mutating func failed(_ peer: PeerID) {
        if let oldest = dialing.firstIndex(where: { $0.peer == peer }) { dialing.remove(at: oldest) }
        let rank = rank(peer)
        guard isCandidate(peer, at: rank) else { return }
        candidates[rank].failures += 1
        if candidates[rank].failures >= 2 { candidates.remove(at: rank) }
    }

    /// A lost neighbor may be dialled again after a moment.
    mutating func lost(_ peer: PeerID, at now: Instant) {
        with(peer) { $0.notBefore = now + .seconds(5) }
    }
}
