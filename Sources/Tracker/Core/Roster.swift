import Vocabulary

/// One peer in one broadcast.
struct Membership: Hashable, Sendable {
    let broadcast: BroadcastID
    let peer: PeerID
}

/// The peers of one broadcast.
struct Roster: Sendable {
    struct Member: Sendable {
        var endpoint: Endpoint
        /// The member's place in the tracker's order of silence.
        var ticket: Int
        var joined: Instant
        var heard: Instant
        var freeUpload: UInt64 = 0
        var announces = 0
        /// The member's place in `reachable`.
        var place: Int?

        var mayInject: Bool { endpoint.port != 0 && freeUpload > 0 }
    }

    private(set) var injectors: Injectors
    /// The newest sequence number that any member has announced.
    private(set) var newest: UInt64 = 0
    private var members: [PeerID: Member] = [:]
    /// Those who take links, dense and in no order of meaning: any of them is one random number away.
    private var reachable: [Introduction] = []
    private var peers: [Endpoint: PeerID] = [:]
    private var addresses: [[UInt8]: Int] = [:]
    /// How many could inject; tells without a search whether one is to be found.
    private var candidates = 0

    init(injectors: Injectors) { self.injectors = injectors }

    var count: Int { members.count }

    func member(_ peer: PeerID) -> Member? { members[peer] }

    func peer(at endpoint: Endpoint) -> PeerID? { endpoint.port == 0 ? nil : peers[endpoint] }

    func count(from address: [UInt8]) -> Int { addresses[address, default: 0] }

    mutating func insert(_ peer: PeerID, at endpoint: Endpoint, ticket: Int, now: Instant) {
        precondition(members[peer] == nil, "a peer is on the roster once")
        addresses[endpoint.address, default: 0] += 1
        var member = Member(endpoint: endpoint, ticket: ticket, joined: now, heard: now)
        list(&member, peer)
        members[peer] = member
    }

    /// Returns how often the member had announced before.
    mutating func update(_ announcement: Announcement, at endpoint: Endpoint, now: Instant) -> Int {
        let peer = announcement.peer
        guard var member = members[peer] else { return 0 }
        if member.mayInject { candidates -= 1 }
        if member.endpoint != endpoint, peers[endpoint] == nil || endpoint.port == 0 {
            unlist(member, peer)
            member.endpoint = endpoint
            list(&member, peer)
        }
        member.heard = now
        member.freeUpload = announcement.freeUpload
        member.announces += 1
        if member.mayInject { candidates += 1 }
        members[peer] = member
        newest = max(newest, announcement.newest)
        return member.announces - 1
    }

    mutating func remove(_ peer: PeerID) -> Member? {
        guard let member = members.removeValue(forKey: peer) else { return nil }
        if member.mayInject { candidates -= 1 }
        unlist(member, peer)
        let address = member.endpoint.address
        if let count = addresses[address] { addresses[address] = count > 1 ? count - 1 : nil }
        return member
    }

    private mutating func list(_ member: inout Member, _ peer: PeerID) {
        guard member.endpoint.port != 0 else {
            member.place = nil
            return
        }
        member.place = reachable.count
        reachable.append(Introduction(peer: peer, endpoint: member.endpoint))
        peers[member.endpoint] = peer
    }

    private mutating func unlist(_ member: Member, _ peer: PeerID) {
        guard let place = member.place else { return }
        peers[member.endpoint] = nil
        let last = reachable.removeLast()
        if last.peer != peer {
            reachable[place] = last
            members[last.peer]?.place = place
        }
    }

    // MARK: Injectors

    mutating func elect(at now: Instant) {
        injectors.keep(at: now) { [members] peer in
            guard let member = members[peer], member.mayInject else { return nil }
            return member.heard
        }
        while injectors.isShort(of: candidates), let next = longestPresent(at: now) { injectors.add(next) }
        injectors.settle()
    }

    private func longestPresent(at now: Instant) -> PeerID? {
        var best: (joined: Instant, peer: PeerID)?
        for introduction in reachable {
            guard let member = members[introduction.peer], member.mayInject, !injectors.contains(introduction.peer),
                now - member.heard <= injectors.silence
            else { continue }
            if let best, (best.joined, best.peer) < (member.joined, introduction.peer) { continue }
            best = (member.joined, introduction.peer)
        }
        return best?.peer
    }

    // MARK: Neighbors

    /// At most `limit` others who take links, picked at random: every one is as likely as any other, except that
    /// one injector is always among them, because what is new comes from there.
    func neighbors(of asker: PeerID, limit: Int, using random: inout Randomness) -> [Introduction] {
        guard limit > 0, !reachable.isEmpty else { return [] }
        var chosen: [Introduction] = []
        let own = members[asker]?.endpoint
        func take(_ candidate: Introduction) {
            guard candidate.peer != asker, candidate.endpoint != own,
                !chosen.contains(where: { $0.peer == candidate.peer })
            else { return }
            chosen.append(candidate)
        }
        let others = injectors.holders.filter { $0 != asker }
        if let injector = others.randomElement(using: &random), let place = members[injector]?.place {
            take(reachable[place])
        }
        if reachable.count <= 3 * limit {
            for candidate in reachable.shuffled(using: &random) where chosen.count < limit { take(candidate) }
        } else {
            // At most a third of the draws can hit somebody twice, so this ends soon; the bound is for the unlucky.
            var draws = 4 * limit
            while chosen.count < limit, draws > 0 {
                take(reachable[Int.random(in: 0..<reachable.count, using: &random)])
                draws -= 1
            }
        }
        return chosen
    }
}
