import Vocabulary

/// One peer in one broadcast.
struct Membership: Hashable, Sendable {
    let broadcast: BroadcastID
    let peer: PeerID
}

/// The peers of one broadcast. Each has a number as long as it is here; nothing that an announce does takes longer the
/// more there are.
struct Roster: Sendable {
    /// What a member is chosen by and introduced with: 64 bytes, all that an announce reads of those whom it meets.
    struct Card: Sendable {
        let peer: PeerID
        var endpoint: Endpoint
        /// The tracker has dialled it in vain.
        var isUnreachable = false
        /// The newest segment that the member holds; 0 for none.
        var newest: UInt64 = 0
    }

    struct Member: Sendable {
        /// The member's place in the tracker's order of silence.
        var ticket = -1
        var heard: Instant
        var freeUpload: UInt64 = 0
        /// When the tracker last dialled the member.
        var dialled: Instant?
        var announces = 0
        /// The stripe that the member pushes on.
        var duty: Stripe
        /// The member's place among the givers of its stripe: those who take links and have something to give.
        var place: Int?
    }

    /// An address stands for so many viewers, whatever number of peers it names.
    static let viewersPerHost = 8

    /// With so many of one stripe, at most, an asker is compared before it becomes an injector.
    private static let candidates = 256
    /// How long a vacant seat is kept for those who push its stripe on.
    private static let claim = Interval.seconds(2)
    /// So long after an injector has changed, all who push its stripe on and lack it hear of the new one.
    private static let news = Interval.seconds(10)

    let broadcast: BroadcastID
    /// After this long without a word an injector's seat goes to another.
    private let injectorSilence: Interval
    private var injectors: Injectors
    /// The newest sequence number that any member has announced.
    private(set) var newest: UInt64 = 0
    /// The newest sequence number that the origin has signed.
    var signed: UInt64?
    private var numbers: NumberTable
    private(set) var cards: [Card] = []
    private var members: [Member] = []
    private var free: [Int] = []
    /// By the stripe that they push on; dense and in no order of meaning, so that any of them is one random number away.
    private var givers = [[UInt32]](repeating: [], count: Stripe.count)
    private var peers: [Endpoint: PeerID] = [:]
    private var addresses: [IPAddress: Int] = [:]
    /// How members that could not be dialled can be called, by their numbers.
    private var bells: [Int: Tracker.Bell] = [:]
    private var giverCount = 0
    /// Peers, but of one host no more than `viewersPerHost`.
    private(set) var viewers = 0

    init(_ broadcast: BroadcastID, injectors: Injectors, silence: Interval, secret: SwarmSecret) {
        self.broadcast = broadcast
        injectorSilence = silence
        self.injectors = injectors
        numbers = NumberTable(secret: secret)
    }

    var count: Int { numbers.count }

    func number(of peer: PeerID) -> Int? { numbers.number(of: peer, on: cards) }

    subscript(number: Int) -> Member { members[number] }

    func peer(at endpoint: Endpoint) -> PeerID? { endpoint.port == 0 ? nil : peers[endpoint] }

    func count(from address: IPAddress) -> Int { addresses[address.host, default: 0] }

    func lease(of number: Int) -> Lease? { injectors.lease(of: number) }

    mutating func insert(_ peer: PeerID, at endpoint: Endpoint, now: Instant) -> Int {
        precondition(number(of: peer) == nil, "a peer is on the roster once")
        let here = addresses[endpoint.ip.host, default: 0]
        addresses[endpoint.ip.host] = here + 1
        if here < Self.viewersPerHost { viewers += 1 }
        let card = Card(peer: peer, endpoint: endpoint)
        let member = Member(heard: now, duty: leastServed)
        let number = free.popLast() ?? members.count
        if number == members.count {
            cards.append(card)
            members.append(member)
        } else {
            cards[number] = card
            members[number] = member
        }
        numbers.insert(number, named: peer)
        if endpoint.port != 0, peers[endpoint] == nil { peers[endpoint] = peer }
        return number
    }

    mutating func note(_ number: Int, ticket: Int) { members[number].ticket = ticket }

    func membership(of number: Int) -> Membership { Membership(broadcast: broadcast, peer: cards[number].peer) }

    /// The stripe that the fewest push on.
    private var leastServed: Stripe {
        Stripe.all.min { givers[$0.number].count < givers[$1.number].count } ?? Stripe.all[0]
    }

    /// Returns how often the member had announced before.
    mutating func update(_ number: Int, _ announcement: Announcement, at endpoint: Endpoint, now: Instant) -> Int {
        if cards[number].endpoint != endpoint, peers[endpoint] == nil || endpoint.port == 0 {
            unlist(number)
            let peer = cards[number].peer
            if peers[cards[number].endpoint] == peer { peers[cards[number].endpoint] = nil }
            cards[number].endpoint = endpoint
            // Whether the new port can be reached is seen at once; until then what the old one was is the best guess.
            members[number].dialled = nil
            if endpoint.port != 0 { peers[endpoint] = peer }
        }
        cards[number].newest = announcement.newest
        members[number].heard = now
        members[number].freeUpload = announcement.freeUpload
        members[number].announces += 1
        let isGiver = cards[number].endpoint.port != 0 && announcement.freeUpload > 0
        if !isGiver { unlist(number) } else if members[number].place == nil { list(number) }
        newest = max(newest, announcement.newest)
        return members[number].announces - 1
    }

    /// Returns the member's ticket and where it was.
    mutating func remove(_ number: Int, at now: Instant) -> (ticket: Int, endpoint: Endpoint) {
        let card = cards[number]
        numbers.remove(number, named: card.peer)
        unlist(number)
        injectors.vacate(number, at: now)
        bells[number] = nil
        free.append(number)
        if peers[card.endpoint] == card.peer { peers[card.endpoint] = nil }
        let host = card.endpoint.ip.host
        if let count = addresses[host] {
            addresses[host] = count > 1 ? count - 1 : nil
            if count <= Self.viewersPerHost { viewers -= 1 }
        }
        return (members[number].ticket, card.endpoint)
    }

    /// Whoever begins to give takes the stripe that needs it most, and keeps it.
    private mutating func list(_ number: Int) {
        if members[number].announces <= 1 { members[number].duty = leastServed }
        let stripe = members[number].duty.number
        members[number].place = givers[stripe].count
        givers[stripe].append(UInt32(number))
        giverCount += 1
    }

    private mutating func unlist(_ number: Int) {
        guard let place = members[number].place else { return }
        let stripe = members[number].duty.number
        let last = givers[stripe].removeLast()
        if place < givers[stripe].count {
            givers[stripe][place] = last
            members[Int(last)].place = place
        }
        members[number].place = nil
        giverCount -= 1
    }

    // MARK: Injectors

    /// A seat that is vacant, or whose holder falls silent, goes to an asker: whoever else is chosen hears of it only when
    /// it asks again, and until then the stripe's tree has no root.
    mutating func elect(_ asker: Int, at now: Instant) {
        for seat in injectors.seats.indices.reversed() {
            if let holder = injectors.seats[seat].holder {
                guard !isFit(holder, at: now) else { continue }
                injectors.fill(seat, with: nil, at: now)
            }
            let vacancy = now - injectors.seats[seat].since
            if injectors.seats.count > giverCount {
                injectors.drop(seat)
                continue
            }
            // Looking at all others is for those who could take it.
            guard isFree(asker, at: now) || vacancy > injectorSilence else { continue }
            let isOwn = members[asker].duty.number == seat % Stripe.count
            let rivals = isOwn || vacancy < Self.claim ? strongest(of: seat % Stripe.count, at: now) : nil
            let strongest = rivals ?? Stripe.all.compactMap { self.strongest(of: $0.number, at: now) }.max()
            guard let strongest else {
                if vacancy > injectorSilence { injectors.drop(seat) }
                continue
            }
            // Who is weaker gets it, too, if nobody else comes.
            if isOwn || rivals == nil, isFree(asker, at: now),
                Double(power(asker)) + vacancy.seconds >= Double(strongest)
            {
                injectors.fill(seat, with: asker, at: now)
            }
        }
        if injectors.isShort(of: giverCount), isFree(asker, at: now) { injectors.add(asker, at: now) }
        injectors.settle()
    }

    private func isFit(_ number: Int, at now: Instant) -> Bool {
        members[number].place != nil && now - members[number].heard <= injectorSilence
    }

    private func isFree(_ number: Int, at now: Instant) -> Bool {
        isFit(number, at: now) && injectors.seat(of: number) == nil
    }

    /// In powers of two; who cannot be dialled comes last.
    private func power(_ number: Int) -> Int {
        cards[number].isUnreachable ? 0 : UInt64.bitWidth - members[number].freeUpload.leadingZeroBitCount
    }

    /// The power of the strongest of those who push the stripe on and have no seat. Of very many only some are looked at.
    private func strongest(of stripe: Int, at now: Instant) -> Int? {
        let all = givers[stripe]
        let start = all.count > Self.candidates ? Int(Randomness.mix(newest) % UInt64(all.count)) : 0
        return (0..<min(all.count, Self.candidates)).lazy
            .map { Int(all[(start + $0) % all.count]) }
            .filter { isFree($0, at: now) }
            .map { power($0) }.max()
    }

    // MARK: Reachability

    /// Whether the member, who says that it takes links, is to be dialled now; counts it as dialled.
    mutating func isToBeDialled(_ number: Int, at now: Instant) -> Bool {
        guard cards[number].endpoint.port != 0 else { return false }
        let pause = cards[number].isUnreachable ? Interval.seconds(120) : .seconds(600)
        if let dialled = members[number].dialled, now - dialled < pause { return false }
        members[number].dialled = now
        return true
    }

    mutating func note(_ number: Int, isReachable: Bool, bell: Tracker.Bell?) {
        cards[number].isUnreachable = !isReachable
        // One that has announced meanwhile has a newer bell.
        bells[number] = isReachable ? nil : bells[number] ?? bell
    }

    /// Of those only who need it: who can be dialled costs nothing here.
    mutating func renew(_ bell: Tracker.Bell?, of number: Int) {
        if cards[number].isUnreachable { bells[number] = bell }
    }

    func bell(of number: Int) -> Tracker.Bell? { bells[number] }

    // MARK: Neighbors

    /// In a swarm with more givers than this many times the wish, an address is told of some of them only.
    private static let plenty = 3
    /// So many different answers there are for one address and a while.
    private static let answers: UInt64 = 8

    /// At most `limit` others who take links: for each stripe that the asker lacks some who push it on, picked at random,
    /// and whoever else chance brings. Injectors hear of each other, so that they know who fetches what.
    ///
    /// - Parameter seed: the same for all askers of one host for a while. In a large swarm it decides which places on the
    ///   roster they can be told of, so that nobody collects the others by asking again or under other names.
    func neighbors(
        of asker: Int, lacking: StripeSet, limit: Int, seed: UInt64, at now: Instant,
        using random: inout Randomness, _ selection: inout Selection, into introductions: inout [Introduction]
    ) {
        introductions.removeAll(keepingCapacity: true)
        guard limit > 0, giverCount > 0 else { return }
        let duty = members[asker].duty
        selection.begin(asker: asker, cards[asker], limit: limit)
        func introduce(_ number: Int) {
            if members[number].place != nil { selection.name(UInt32(number)) }
        }
        if injectors.seat(of: asker) != nil {
            for injector in injectors.seats.compactMap(\.holder) { introduce(injector) }
        } else if let own = injectors.seat(for: duty), let root = own.holder {
            // Who pushes a stripe on wants to be near its root; there is room at the root in small swarms only. Those whom
            // the last one has left all need the new one.
            let isNews = lacking.contains(duty) && now - own.since < Self.news
            if isNews || giverCount <= 64 || random.next() % 8 == 0 { introduce(root) }
        } else if let injector = injectors.seats.compactMap(\.holder).randomElement(using: &random) {
            introduce(injector)
        }
        let isSmall = giverCount <= Self.plenty * limit
        var seats = Randomness(seed: seed &+ random.next() % Self.answers)
        for round in 0..<3 {
            for stripe in 0..<Stripe.count
            where lacking.bits >> UInt8(stripe) & 1 == 1 && (round < 2 || stripe == duty.number) {
                let one =
                    isSmall ? givers[stripe].randomElement(using: &random) : giver(of: stripe, in: seats.next())
                if let one { selection.gather(one) }
            }
        }
        if isSmall {
            for candidate in givers.joined().shuffled(using: &random) { selection.gather(candidate) }
        }
        selection.consider(from: cards)
        // At most a third of the draws can hit somebody twice, so this ends soon; the bound is for the unlucky.
        var draws = isSmall ? 0 : 4 * limit
        while draws > 0, !selection.isEnough {
            for _ in 0..<min(draws, selection.missing) {
                let stripe = Int(seats.next() % UInt64(Stripe.count))
                if let one = giver(of: stripe, in: seats.next()) { selection.gather(one) }
                draws -= 1
            }
            selection.consider(from: cards, untilEnough: true)
        }
        selection.write(to: &introductions)
    }

    /// Who sits in that seat among those who push the stripe on. While the swarm grows it is somebody else only when
    /// the number of seats doubles.
    private func giver(of stripe: Int, in seat: UInt64) -> UInt32? {
        let all = givers[stripe]
        guard all.count > 1 else { return all.first }
        let mask = UInt64.max >> UInt64((all.count - 1).leadingZeroBitCount)
        var place = seat
        for _ in 0..<8 {
            if place & mask < UInt64(all.count) { return all[Int(place & mask)] }
            place = Randomness.mix(place &+ 1)
        }
        return all[Int(place % UInt64(all.count))]
    }
}
