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
        /// The stripe that the member pushes on.
        var duty: Stripe
        /// The member's place among the givers of its stripe.
        var place: Int?

        /// Takes links and has something to give.
        var isGiver: Bool { endpoint.port != 0 && freeUpload > 0 }
    }

    private(set) var injectors: Injectors
    /// The newest sequence number that any member has announced.
    private(set) var newest: UInt64 = 0
    private var members: [PeerID: Member] = [:]
    /// Those who take links and upload, by the stripe that they push on; dense and in no order of meaning, so that any
    /// of them is one random number away.
    private var givers = [[Introduction]](repeating: [], count: Stripe.count)
    private var peers: [Endpoint: PeerID] = [:]
    private var addresses: [IPAddress: Int] = [:]
    private var giverCount = 0

    init(injectors: Injectors) { self.injectors = injectors }

    var count: Int { members.count }

    func member(_ peer: PeerID) -> Member? { members[peer] }

    func peer(at endpoint: Endpoint) -> PeerID? { endpoint.port == 0 ? nil : peers[endpoint] }

    func count(from address: IPAddress) -> Int { addresses[address, default: 0] }

    mutating func insert(_ peer: PeerID, at endpoint: Endpoint, ticket: Int, now: Instant) {
        precondition(members[peer] == nil, "a peer is on the roster once")
        addresses[endpoint.ip, default: 0] += 1
        members[peer] = Member(endpoint: endpoint, ticket: ticket, joined: now, heard: now, duty: leastServed)
        if endpoint.port != 0, peers[endpoint] == nil { peers[endpoint] = peer }
    }

    /// The stripe that the fewest push on.
    private var leastServed: Stripe {
        Stripe.all.min { givers[$0.number].count < givers[$1.number].count } ?? Stripe.all[0]
    }

    /// Returns how often the member had announced before.
    mutating func update(_ announcement: Announcement, at endpoint: Endpoint, now: Instant) -> Int {
        let peer = announcement.peer
        guard var member = members[peer] else { return 0 }
        if member.endpoint != endpoint, peers[endpoint] == nil || endpoint.port == 0 {
            unlist(&member)
            if peers[member.endpoint] == peer { peers[member.endpoint] = nil }
            member.endpoint = endpoint
            if endpoint.port != 0 { peers[endpoint] = peer }
        }
        member.heard = now
        member.freeUpload = announcement.freeUpload
        member.announces += 1
        if member.isGiver, member.place == nil { list(&member, peer) }
        if !member.isGiver { unlist(&member) }
        members[peer] = member
        newest = max(newest, announcement.newest)
        return member.announces - 1
    }

    mutating func remove(_ peer: PeerID) -> Member? {
        guard var member = members.removeValue(forKey: peer) else { return nil }
        unlist(&member)
        if peers[member.endpoint] == peer { peers[member.endpoint] = nil }
        let address = member.endpoint.ip
        if let count = addresses[address] { addresses[address] = count > 1 ? count - 1 : nil }
        return member
    }

    /// Whoever begins to give takes the stripe that needs it most, and keeps it.
    private mutating func list(_ member: inout Member, _ peer: PeerID) {
        if member.announces <= 1 { member.duty = leastServed }
        member.place = givers[member.duty.number].count
        givers[member.duty.number].append(Introduction(peer: peer, endpoint: member.endpoint))
        giverCount += 1
    }

    private mutating func unlist(_ member: inout Member) {
        guard let place = member.place else { return }
        let last = givers[member.duty.number].removeLast()
        if place < givers[member.duty.number].count {
            givers[member.duty.number][place] = last
            members[last.peer]?.place = place
        }
        member.place = nil
        giverCount -= 1
    }

    // MARK: Injectors

    mutating func elect(at now: Instant) {
        var injectors = injectors
        injectors.renew {
            isFit($0, at: now)
        } successor: { index, holders in
            bestInjector(for: Stripe.all[index % Stripe.count], except: holders, at: now)
        }
        while injectors.isShort(of: giverCount),
            let next = bestInjector(
                for: Stripe.all[injectors.holders.count % Stripe.count], except: injectors.holders, at: now)
        {
            injectors.add(next)
        }
        injectors.settle()
        self.injectors = injectors
    }

    private func isFit(_ peer: PeerID, at now: Instant) -> Bool {
        guard let member = members[peer], member.isGiver else { return false }
        return now - member.heard <= injectors.silence
    }

    /// Of those who push the stripe on, or else of all, who has most to give; among equals who has been here longest,
    /// because who has stayed will stay (Stutzbach, Rejaie, IMC 2006).
    private func bestInjector(for stripe: Stripe, except holders: [PeerID], at now: Instant) -> PeerID? {
        func best(of candidates: some Sequence<Introduction>) -> PeerID? {
            var best: (power: Int, joined: Instant, peer: PeerID)?
            for candidate in candidates where !holders.contains(candidate.peer) {
                guard isFit(candidate.peer, at: now), let member = members[candidate.peer] else { continue }
                let power = -(UInt64.bitWidth - member.freeUpload.leadingZeroBitCount)
                if let best, (best.power, best.joined, best.peer) < (power, member.joined, candidate.peer) { continue }
                best = (power, member.joined, candidate.peer)
            }
            return best?.peer
        }
        return best(of: givers[stripe.number]) ?? best(of: givers.joined())
    }

    // MARK: Neighbors

    /// At most `limit` others who take links: for each stripe that the asker lacks some who push it on, picked at random,
    /// and whoever else chance brings. Injectors hear of each other, so that they know who fetches what.
    func neighbors(
        of asker: PeerID, lacking: StripeSet, limit: Int, using random: inout Randomness
    ) -> [Introduction] {
        guard limit > 0, giverCount > 0, let member = members[asker] else { return [] }
        var chosen: [Introduction] = []
        func take(_ candidate: Introduction) {
            guard chosen.count < limit, candidate.peer != asker, candidate.endpoint != member.endpoint,
                !chosen.contains(where: { $0.peer == candidate.peer })
            else { return }
            chosen.append(candidate)
        }
        func introduce(_ peer: PeerID) {
            guard let other = members[peer], let place = other.place else { return }
            take(givers[other.duty.number][place])
        }
        if injectors.contains(asker) {
            for injector in injectors.holders { introduce(injector) }
        } else if let own = injectors.holders.first(where: { members[$0]?.duty == member.duty }) {
            // Who pushes a stripe on wants to be near its root; there is room at the root in small swarms only.
            if giverCount <= 64 || random.next() % 8 == 0 { introduce(own) }
        } else if let injector = injectors.holders.randomElement(using: &random) {
            introduce(injector)
        }
        for round in 0..<3 {
            for stripe in Stripe.all where lacking.contains(stripe) && (round < 2 || stripe == member.duty) {
                if let one = givers[stripe.number].randomElement(using: &random) { take(one) }
            }
        }
        if giverCount <= 3 * limit {
            for candidate in givers.joined().shuffled(using: &random) { take(candidate) }
        } else {
            // At most a third of the draws can hit somebody twice, so this ends soon; the bound is for the unlucky.
            for _ in 0..<4 * limit where chosen.count < limit {
                let stripe = Stripe.all[Int(random.next() % UInt64(Stripe.count))]
                if let one = givers[stripe.number].randomElement(using: &random) { take(one) }
            }
        }
        return chosen
    }
}
