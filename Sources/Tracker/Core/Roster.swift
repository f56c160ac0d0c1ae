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
        /// As others are told of it, in one piece, so that it is copied as it lies.
        var introduction: Introduction
        /// The tracker has dialled it in vain.
        var isUnreachable = false
        /// The member's own number.
        let number: UInt32
        /// The newest segment that the member holds; 0 for none.
        var newest: UInt64 = 0

        var peer: PeerID { introduction.peer }
        var endpoint: Endpoint { introduction.endpoint }
    }

    struct Member: Sendable {
        /// The member's place in the tracker's order of silence.
        var ticket = -1
        let joined: Instant
        var heard: Instant
        var freeUpload: UInt64 = 0
        /// When the tracker last dialled the member.
        var dialled: Instant?
        var announces = 0
        /// The stripes that did not reach the member, as it said last, and last as well as before.
        var lacking = StripeSet()
        var missing = StripeSet()
        /// How often it has lost a seat because its stripe reached nobody, and until when it gets none.
        var dismissals: UInt8 = 0
        var barred = Instant.zero
        /// The stripe that the member pushes on: the one that fewest did when it came.
        let duty: Stripe
        /// The member's place among the givers, if it takes links and has something to give.
        var place: Givers.Place?
    }

    /// An address stands for so many viewers, whatever number of peers it names.
    static let viewersPerHost = 8

    /// With so many of one stripe, at most, an asker is compared before it becomes an injector.
    private static let candidates = 256
    /// How long a member must have been here before the others' shares are made smaller for it.
    private static let settling = Interval.seconds(10)
    /// How long a vacant seat is kept for those who push its stripe on.
    private static let claim = Interval.seconds(2)
    /// An injector is weak where a third of the others have so many times as much to give; so many givers of each stripe
    /// are looked at.
    private static let weakness: UInt64 = 8
    private static let sample = 8
    /// So many hosts at least have to miss a stripe for its injector to lose its seat, and who misses more stripes than so
    /// many is itself the reason.
    private static let plaintiffs = 3
    private static let mostMissing = 6
    /// How long what a member has said of its stripes counts.
    private static let hearing = Interval.seconds(15)
    /// How long an injector whose stripe reached nobody gets no seat, at first.
    private static let bar = Interval.seconds(60)
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
    /// With the cards of those who give once more.
    private var givers = Givers()
    private var peers: [Endpoint: PeerID] = [:]
    private var addresses: [IPAddress: Int] = [:]
    /// How members that could not be dialled can be called, by their numbers.
    private var bells: [Int: Tracker.Bell] = [:]
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

    func number(at place: Givers.Place) -> Int { Int(givers[place].number) }

    subscript(number: Int) -> Member { members[number] }

    func peer(at endpoint: Endpoint) -> PeerID? { endpoint.port == 0 ? nil : peers[endpoint] }

    func count(from address: IPAddress) -> Int { addresses[address.host, default: 0] }

    mutating func insert(_ peer: PeerID, at endpoint: Endpoint, now: Instant) -> Int {
        precondition(number(of: peer) == nil, "a peer is on the roster once")
        let here = addresses[endpoint.ip.host, default: 0]
        addresses[endpoint.ip.host] = here + 1
        if here < Self.viewersPerHost { viewers += 1 }
        let number = free.popLast() ?? members.count
        let card = Card(introduction: Introduction(peer: peer, endpoint: endpoint), number: UInt32(number))
        let member = Member(joined: now, heard: now, duty: givers.leastServed)
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

    /// Returns how often the member had announced before.
    mutating func update(
        _ number: Int, _ announcement: Announcement, at endpoint: Endpoint, now: Instant,
        using random: inout Randomness
    ) -> Int {
        if cards[number].endpoint != endpoint, peers[endpoint] == nil || endpoint.port == 0 {
            unlist(number)
            let peer = cards[number].peer
            if peers[cards[number].endpoint] == peer { peers[cards[number].endpoint] = nil }
            cards[number].introduction.endpoint = endpoint
            // Whether the new port can be reached is seen at once; until then what the old one was is the best guess.
            members[number].dialled = nil
            if endpoint.port != 0 { peers[endpoint] = peer }
        }
        cards[number].newest = announcement.newest
        members[number].heard = now
        members[number].freeUpload = announcement.freeUpload
        members[number].announces += 1
        members[number].missing = StripeSet(bits: announcement.lacking.bits & members[number].lacking.bits)
        members[number].lacking = announcement.lacking
        let isGiver = cards[number].endpoint.port != 0 && announcement.freeUpload > 0
        if !isGiver {
            unlist(number)
        } else if let place = members[number].place {
            givers[place].newest = announcement.newest
        } else {
            list(number, using: &random)
        }
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

    /// Among those who push on the stripe that it was told when it came. By then others may need it more, but who begins to
    /// give only later has parents and neighbors for that one.
    private mutating func list(_ number: Int, using random: inout Randomness) {
        let (place, moved) = givers.insert(cards[number], of: members[number].duty, using: &random)
        members[Int(givers[moved].number)].place = moved
        members[number].place = place
    }

    private mutating func unlist(_ number: Int) {
        guard let place = members[number].place else { return }
        givers.remove(at: place)
        if Int(place.row) < givers.count(of: Int(place.stripe)) { members[Int(givers[place].number)].place = place }
        members[number].place = nil
    }

    // MARK: Injectors

    /// A seat that is vacant, or whose holder falls silent, goes to an asker: whoever else is chosen hears of it only when
    /// it asks again, and until then the stripe's tree has no root. Returns the asker's lease.
    mutating func elect(_ asker: Int, at now: Instant) -> Lease? {
        for seat in injectors.seats.indices.reversed() {
            if let holder = injectors.seats[seat].holder {
                if isFit(holder, at: now) {
                    guard isForsaken(seat, of: holder, by: asker, at: now) else {
                        if yields(seat, of: holder, to: asker, at: now) { injectors.fill(seat, with: asker, at: now) }
                        continue
                    }
                    dismiss(holder, at: now)
                }
                injectors.fill(seat, with: nil, at: now)
            }
            let vacancy = now - injectors.seats[seat].since
            if injectors.seats.count > givers.count {
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
        if injectors.isShort(of: givers.count), isFree(asker, at: now), isSettled(asker, at: now) {
            injectors.add(asker, at: now)
        }
        injectors.settle()
        return injectors.lease(of: asker)
    }

    /// Whether a seat goes to the asker because its holder has turned out to have much less to give than many have: where
    /// a root cannot push its stripe on, that reaches nobody. What a few say of themselves takes nobody's seat away.
    private func yields(_ seat: Int, of holder: Int, to asker: Int, at now: Instant) -> Bool {
        // Who has seen nothing of the broadcast yet says that it has a byte.
        guard members[holder].freeUpload > 1 else { return false }
        let bar = members[holder].freeUpload.multipliedReportingOverflow(by: Self.weakness)
        func isStrong(_ number: Int) -> Bool {
            !cards[number].isUnreachable && members[number].freeUpload >= bar.partialValue
        }
        guard !bar.overflow, isStrong(asker), isFree(asker, at: now),
            now - injectors.seats[seat].since > Self.settling * 0.5
        else { return false }
        let stripe = seat % Stripe.count
        var (strong, all, rivals) = (0, 0, 0)
        surveyGivers { number, other in
            all += 1
            guard isStrong(number) else { return }
            strong += 1
            if other.number == stripe, isFree(number, at: now) { rivals += 1 }
        }
        // Those who push its stripe on come first.
        return strong * 3 > all && (members[asker].duty.number == stripe || rivals == 0)
    }

    /// Whether the seat's stripe reaches hardly anybody: most others have said so twice, one for each host, and most of those
    /// who push it on, whom a root serves first. Looked at when one of them comes.
    ///
    /// Who has just come lacks stripes for a while, and longer the more come to an old swarm; so does everybody after a
    /// change of roots. Nothing of that is held against the root, and nearly all stripes are not missing for its sake.
    private func isForsaken(_ seat: Int, of holder: Int, by asker: Int, at now: Instant) -> Bool {
        let stripe = Stripe.all[seat % Stripe.count]
        let since = injectors.seats[seat].since
        func misses(_ number: Int) -> Bool {
            let member = members[number]
            guard member.missing.contains(stripe), member.missing.count <= Self.mostMissing,
                now - member.heard <= Self.hearing
            else { return false }
            let isLater = member.joined - since > Self.settling
            return member.heard - max(since, member.joined) > Self.settling * (isLater ? 2 : 1)
        }
        guard asker != holder, misses(asker) else { return false }
        var hosts: Set<IPAddress> = [cards[holder].endpoint.ip.host]
        var (all, plaintiffs, relays, cutOff) = (0, 0, 0, 0)
        surveyGivers { number, other in
            guard number != holder, hosts.insert(cards[number].endpoint.ip.host).inserted else { return }
            let misses = misses(number)
            all += 1
            if misses { plaintiffs += 1 }
            guard other == stripe else { return }
            relays += 1
            if misses { cutOff += 1 }
        }
        return plaintiffs >= Self.plaintiffs && plaintiffs * 3 > all * 2 && cutOff * 3 >= relays * 2
    }

    /// Looks at some givers of each stripe.
    private func surveyGivers(_ look: (_ number: Int, _ stripe: Stripe) -> Void) {
        for stripe in Stripe.all {
            for row in 0..<min(givers.count(of: stripe.number), Self.sample) {
                look(number(at: Givers.Place(stripe: stripe.number, row: row)), stripe)
            }
        }
    }

    private mutating func dismiss(_ holder: Int, at now: Instant) {
        members[holder].barred = now + Self.bar * Double(1 << members[holder].dismissals)
        members[holder].dismissals = min(members[holder].dismissals + 1, 6)
    }

    /// One seat more moves the shares of those who sit. They hear of it seconds later, and what is taken twice until then
    /// leaves the origin twice: so a crowd that comes to an old swarm does not get a seat with each of its first members.
    private func isSettled(_ number: Int, at now: Instant) -> Bool {
        now - members[number].joined > Self.settling
            || !injectors.seats.contains { now - $0.since > Self.settling }
    }

    private func isFit(_ number: Int, at now: Instant) -> Bool {
        members[number].place != nil && now - members[number].heard <= injectorSilence
    }

    private func isFree(_ number: Int, at now: Instant) -> Bool {
        isFit(number, at: now) && now >= members[number].barred && injectors.seat(of: number) == nil
    }

    /// In powers of two; who cannot be dialled comes last.
    private func power(_ number: Int) -> Int {
        cards[number].isUnreachable ? 0 : UInt64.bitWidth - members[number].freeUpload.leadingZeroBitCount
    }

    /// The power of the strongest of those who push the stripe on and have no seat. Of very many only some are looked at.
    private func strongest(of stripe: Int, at now: Instant) -> Int? {
        let count = givers.count(of: stripe)
        let start = count > Self.candidates ? Int(Randomness.mix(newest) % UInt64(count)) : 0
        return (0..<min(count, Self.candidates)).lazy
            .map { number(at: Givers.Place(stripe: stripe, row: (start + $0) % count)) }
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
        if let place = members[number].place { givers[place].isUnreachable = !isReachable }
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
    /// So many rows of givers are looked at for one answer, some at a time, at most.
    private static let rows = 32
    private static let rowsAtOnce = 4

    /// At most `limit` others who take links: first some who push on a stripe that the asker lacks, then whoever else
    /// chance brings. Injectors hear of each other, so that they know who fetches what.
    ///
    /// Changes nothing: it is `mutating` so that it reads the roster where it lies, which is else copied for every answer.
    ///
    /// - Parameter seed: the same for all askers of one host for a while. In a large swarm it decides which places among
    ///   the givers they can be told of, so that nobody collects the others by asking again or under other names.
    mutating func neighbors(
        of asker: Int, lacking: StripeSet, limit: Int, seed: UInt64, at now: Instant,
        using random: inout Randomness, _ selection: inout Selection, into introductions: inout [Introduction]
    ) {
        selection.begin(asker: cards[asker], limit: limit)
        defer { selection.finish(givers, &introductions) }
        guard limit > 0, givers.count > 0 else { return }
        nameInjectors(to: asker, lacking, at: now, using: &random, &selection)
        if givers.count <= Self.plenty * limit {
            considerAll(lacking, using: &random, &selection)
        } else {
            draw(lacking, seed: seed &+ random.next() % Self.answers, &selection)
        }
    }

    private func nameInjectors(
        to asker: Int, _ lacking: StripeSet, at now: Instant, using random: inout Randomness,
        _ selection: inout Selection
    ) {
        func name(_ number: Int) {
            if let place = members[number].place { selection.name(place, of: givers) }
        }
        let duty = members[asker].duty
        if injectors.seat(of: asker) != nil {
            for injector in injectors.seats.compactMap(\.holder) { name(injector) }
        } else if let own = injectors.seat(for: duty), let root = own.holder {
            // Who pushes a stripe on wants to be near its root; there is room at the root in small swarms only. Those whom
            // the last one has left all need the new one.
            let isNews = lacking.contains(duty) && now - own.since < Self.news
            if isNews || givers.count <= 64 || random.next() % 8 == 0 { name(root) }
        } else if let injector = injectors.seats.compactMap(\.holder).randomElement(using: &random) {
            name(injector)
        }
    }

    /// In an order that chance makes, but for two of each stripe that is lacking, who come first.
    private func considerAll(_ lacking: StripeSet, using random: inout Randomness, _ selection: inout Selection) {
        selection.order.removeAll(keepingCapacity: true)
        for stripe in 0..<Stripe.count {
            for row in 0..<givers.count(of: stripe) { selection.order.append(Givers.Place(stripe: stripe, row: row)) }
        }
        selection.order.shuffle(using: &random)
        var early = 0
        var counts = InlineArray<8, Int>(repeating: 0)
        for index in selection.order.indices {
            let stripe = Int(selection.order[index].stripe)
            guard lacking.bits >> UInt8(stripe) & 1 == 1, counts[stripe] < 2 else { continue }
            counts[stripe] += 1
            selection.order.swapAt(early, index)
            early += 1
        }
        for place in selection.order where !selection.isFull { selection.consider(place, of: givers) }
    }

    /// Whom the seed stands for, as far as they are needed: some rows, in them those first who push on what is lacking, then
    /// the next rows. Where it begins has nothing to do with what is lacking, or asking for one thing after the other
    /// would bring new ones each time.
    private func draw(_ lacking: StripeSet, seed: UInt64, _ selection: inout Selection) {
        let first = givers.row(drawn: seed)
        for start in stride(from: 0, to: Self.rows, by: Self.rowsAtOnce) where !selection.isEnough {
            let rows = start..<start + Self.rowsAtOnce
            consider(lacking.bits, rows, behind: first, &selection)
            consider(~lacking.bits, rows, behind: first, &selection)
        }
    }

    private func consider(_ stripes: UInt8, _ rows: Range<Int>, behind first: Int, _ selection: inout Selection) {
        guard stripes != 0 else { return }
        for row in rows {
            for step in 0..<Stripe.count {
                // None comes before the others always.
                let stripe = (first + step) % Stripe.count
                guard stripes >> UInt8(stripe) & 1 == 1, !selection.isEnough,
                    let place = givers.place(of: stripe, row, behind: first)
                else { continue }
                selection.consider(place, of: givers)
            }
        }
    }
}
