package import Vocabulary

/// Everything that the tracker knows and decides.
///
///     announcement -> Roster (who is here, whom to meet) -> Injectors (who fetches from the origin) -> welcome
///                  -> RootIndex (who has which segment)
///
/// `Tracker` owns one roster per broadcast and the index, and routes between them. `Recency` tells
/// who has been silent longest, so that expiry costs the same however many are here. All state is soft: what is not
/// renewed goes away, and a tracker that starts empty is whole again after one announce interval.
///
/// Deterministic: the same calls at the same instants give the same answers. It reads no clock and opens no socket.
package struct Tracker: Sendable {
    package struct Settings: Sendable {
        /// Broadcasts with a swarm.
        package var broadcasts = 20_000
        package var peers = 1_000_000
        package var peersPerBroadcast = 200_000
        package var peersPerAddress = 200
        /// Peers of one address in all broadcasts together, so that no single host can fill the tracker.
        package var membershipsPerAddress = 2_000
        package var injectors = Stripe.count
        package var roots = 500_000
        package var rootsPerPeer = 64
        /// After this long without a word a peer is gone.
        package var silence = Interval.seconds(75)
        /// After this long without a word an injector's share goes to another.
        package var injectorSilence = Interval.seconds(6)
        package var interval = 30
        /// Injectors come more often, so that one that has vanished is soon replaced.
        package var injectorInterval = 2
        /// In a small swarm, newcomers come back soon: whoever joined just after them is news.
        package var firstInterval = 5
        package var firstAnnounces = 4
        package var smallSwarm = 8
        /// Peers that say that they take links are to be dialled (`takeChecks`).
        package var checksReachability = false
        /// Introductions of peers that could not be dialled, a second and asker's address, in which the tracker calls
        /// them to dial at the same time; 0 for none.
        package var callsPerSecond = 2
        /// For so long all askers of one address hear of the same part of a large swarm.
        package var disclosure = Interval.seconds(600)

        package init() {}
    }

    /// A peer that says that it takes links. Only the address that it announces from is ever dialled.
    package struct Check: Hashable, Sendable {
        package let endpoint: Endpoint
        let membership: Membership
        let bell: Bell?
    }

    /// Where and as what a peer expects to hear from the tracker between its announces.
    package struct Bell: Hashable, Sendable {
        package let endpoint: Endpoint
        /// What the peer called its last announce, so that nobody else rings.
        package let transaction: UInt32
        /// The shell's name for the way that the announce came.
        package let door: Int32

        package init(endpoint: Endpoint, transaction: UInt32, door: Int32) {
            self.endpoint = endpoint
            self.transaction = transaction
            self.door = door
        }
    }

    /// Somebody is told of a peer that cannot be dialled, and the peer of somebody: they meet when both dial at once.
    package struct Call: Hashable, Sendable {
        package let bell: Bell
        package let caller: Introduction
    }

    /// Why an announcement was not taken.
    package enum Refusal: String, Error, CaseIterable, Sendable {
        case tooManyBroadcasts = "too many broadcasts"
        case tooManyPeers = "too many peers"
        case tooManyFromAddress = "too many peers from this address"
        case peerIsElsewhere = "this peer id is in use at another address"
        case notAllowed = "this broadcast is not allowed here"
        case tooFast = "too many announces from this address"
    }

    /// Where a peer is: the numbers of its roster and on it.
    private struct Place: Sendable {
        var roster: Int
        var member: Int
    }

    package let settings: Settings
    private var random: Randomness
    private var selection = Selection()
    /// The number of a broadcast's roster.
    private var numbers: [BroadcastID: Int] = [:]
    private var rosters: [Roster] = []
    private var freeRosters: [Int] = []
    private var silence = Recency<Place>()
    private var memberships: [IPAddress: Int] = [:]
    private var index: RootIndex
    /// The newest sequence numbers that origins have signed: nobody can claim to be far beyond one.
    private var signed: [BroadcastID: UInt64] = [:]
    private var checks: [Check] = []
    private var dials: RateLimit
    private var calls: [Call] = []
    /// How often one address may have others called, and be called.
    private var calling: RateLimit
    private var beingCalled: RateLimit
    private let secret: UInt64

    package init(settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        random = Randomness(seed: seed)
        index = RootIndex(limit: settings.roots, limitPerPeer: settings.rootsPerPeer)
        secret = Randomness.mix(~seed)
        dials = RateLimit(perSecond: settings.checksReachability ? 1 : 0, seed: secret)
        calling = RateLimit(perSecond: settings.checksReachability ? settings.callsPerSecond : 0, seed: secret)
        beingCalled = RateLimit(perSecond: settings.checksReachability ? settings.callsPerSecond : 0, seed: ~secret)
    }

    package var swarmCount: Int { numbers.count }
    package var peerCount: Int { silence.count }
    package var rootCount: Int { index.count }

    // MARK: Peers

    /// Takes what a peer says of itself; `source` is where the announcement came from, only its address counts.
    package mutating func announce(
        _ announcement: Announcement, from source: Endpoint, at now: Instant
    ) throws(Refusal) -> Welcome {
        var welcome = Welcome()
        try announce(announcement, from: source, at: now, into: &welcome)
        return welcome
    }

    /// The same, with the answer in place of an old one, whose memory is used again.
    ///
    /// - Parameter bell: how the peer can be called, if it can.
    package mutating func announce(
        _ announcement: Announcement, from source: Endpoint, bell: Bell? = nil, at now: Instant,
        into welcome: inout Welcome
    ) throws(Refusal) {
        expire(at: now)
        let membership = Membership(broadcast: announcement.broadcast, peer: announcement.peer)
        guard announcement.event != .left else {
            if let place = find(membership), rosters[place.roster].cards[place.member].endpoint.ip == source.ip {
                remove(membership, at: place, now: now)
            }
            welcome = Welcome(interval: settings.interval, viewers: viewers(of: membership.broadcast))
            return
        }
        let endpoint = Endpoint(ip: source.ip, port: announcement.port)
        var known = find(membership)
        if let place = known, rosters[place.roster].cards[place.member].endpoint.ip != source.ip {
            guard now - rosters[place.roster][place.member].heard > settings.injectorSilence else {
                throw .peerIsElsewhere
            }
            remove(membership, at: place, now: now)
            known = nil
        }
        let place = if let known { known } else { try admit(membership, at: endpoint, now: now) }
        let announces = rosters[place.roster].update(
            place.member, announcement, at: endpoint, now: now, using: &random)
        silence.touch(rosters[place.roster][place.member].ticket, at: now)
        for root in announcement.roots.prefix(Announcement.rootLimit) { index.insert(root, heldBy: membership) }
        if settings.checksReachability, checks.count < Self.checksAtOnce,
            rosters[place.roster].isToBeDialled(place.member, at: now), dials.admits(endpoint.ip, at: now)
        {
            checks.append(Check(endpoint: endpoint, membership: membership, bell: bell))
        }
        rosters[place.roster].renew(bell, of: place.member)
        answer(
            place, at: endpoint.ip, wanted: Int(announcement.wanted), lacking: announcement.lacking,
            announces: announces, at: now, into: &welcome)
    }

    private func find(_ membership: Membership) -> Place? {
        guard let roster = numbers[membership.broadcast], let member = rosters[roster].number(of: membership.peer)
        else { return nil }
        return Place(roster: roster, member: member)
    }

    private mutating func admit(
        _ membership: Membership, at endpoint: Endpoint, now: Instant
    ) throws(Refusal) -> Place {
        if let roster = numbers[membership.broadcast], let stale = rosters[roster].peer(at: endpoint) {
            // The same address and port: whoever had them is gone.
            let gone = Membership(broadcast: membership.broadcast, peer: stale)
            if let place = find(gone) { remove(gone, at: place, now: now) }
        }
        let known = numbers[membership.broadcast]
        guard known != nil || numbers.count < settings.broadcasts else { throw .tooManyBroadcasts }
        guard silence.count < settings.peers,
            (numbers[membership.broadcast].map { rosters[$0].count } ?? 0) < settings.peersPerBroadcast
        else {
            throw .tooManyPeers
        }
        guard (known.map { rosters[$0].count(from: endpoint.ip) } ?? 0) < settings.peersPerAddress,
            memberships[endpoint.ip.host, default: 0] < settings.membershipsPerAddress
        else { throw .tooManyFromAddress }
        memberships[endpoint.ip.host, default: 0] += 1
        let roster = known ?? found(membership.broadcast)
        let place = Place(
            roster: roster, member: rosters[roster].insert(membership.peer, at: endpoint, now: now))
        rosters[roster].note(place.member, ticket: silence.append(place, at: now))
        return place
    }

    /// Begins a roster.
    private mutating func found(_ broadcast: BroadcastID) -> Int {
        let injectors = Injectors(limit: settings.injectors, epoch: UInt32(truncatingIfNeeded: random.next()))
        var roster = Roster(
            broadcast, injectors: injectors, silence: settings.injectorSilence,
            secret: SwarmSecret(secret, Randomness.mix(secret)))
        roster.signed = signed[broadcast]
        let number = freeRosters.popLast() ?? rosters.count
        if number == rosters.count { rosters.append(roster) } else { rosters[number] = roster }
        numbers[broadcast] = number
        return number
    }

    private mutating func answer(
        _ place: Place, at ip: IPAddress, wanted: Int, lacking: StripeSet, announces: Int, at now: Instant,
        into welcome: inout Welcome
    ) {
        welcome.lease = rosters[place.roster].elect(place.member, at: now)
        welcome.viewers = rosters[place.roster].viewers
        let isNew = announces < settings.firstAnnounces && rosters[place.roster].count < settings.smallSwarm
        // A tenth of jitter, so that those who joined together do not come back together.
        let tenth = settings.interval / 10
        let interval = settings.interval + Int.random(in: -tenth...tenth, using: &random)
        welcome.newest = rosters[place.roster].newest
        if let signed = rosters[place.roster].signed { welcome.newest = min(welcome.newest, signed + 64) }
        welcome.interval =
            welcome.lease != nil ? settings.injectorInterval : isNew ? settings.firstInterval : interval
        welcome.duty = rosters[place.roster][place.member].duty
        welcome.isUnreachable =
            settings.callsPerSecond > 0 && rosters[place.roster].cards[place.member].isUnreachable
        rosters[place.roster].neighbors(
            of: place.member, lacking: lacking, limit: min(wanted, Limits.introductions),
            seed: disclosureSeed(ip, at: now), at: now, using: &random, &selection,
            into: &welcome.neighbors)
        for index in 0..<min(selection.unreachableCount, Self.callsPerAnswer) {
            call(rosters[place.roster].number(at: selection.unreachable(index)), to: place, at: now)
        }
    }

    private mutating func remove(_ membership: Membership, at place: Place, now: Instant) {
        let gone = rosters[place.roster].remove(place.member, at: now)
        silence.remove(gone.ticket)
        index.remove(membership)
        let address = gone.endpoint.ip.host
        if let count = memberships[address] { memberships[address] = count > 1 ? count - 1 : nil }
        if rosters[place.roster].count == 0 {
            numbers[membership.broadcast] = nil
            freeRosters.append(place.roster)
        }
    }

    /// Lets go of everybody who has been silent for too long. Every announcement does it too.
    package mutating func expire(at now: Instant) {
        while let oldest = silence.oldest, now - oldest.touched > settings.silence {
            remove(rosters[oldest.key.roster].membership(of: oldest.key.member), at: oldest.key, now: now)
        }
    }

    /// How many watch; one address counts for a few at most, however many peers it names.
    package func viewers(of broadcast: BroadcastID) -> Int { numbers[broadcast].map { rosters[$0].viewers } ?? 0 }

    // MARK: Reachability

    /// Checks that may wait; a peer that is not checked counts as reachable.
    private static let checksAtOnce = 1_000

    /// Whether somebody is to be dialled.
    package var hasChecks: Bool { !checks.isEmpty }

    /// Whom to dial now, `limit` at most; `note` wants to hear how that went.
    package mutating func takeChecks(_ limit: Int = .max) -> [Check] {
        let taken = Array(checks.prefix(limit))
        checks.removeFirst(taken.count)
        return taken
    }

    package mutating func note(_ check: Check, isReachable: Bool) {
        guard let place = find(check.membership),
            rosters[place.roster].cards[place.member].endpoint == check.endpoint
        else { return }
        rosters[place.roster].note(place.member, isReachable: isReachable, bell: check.bell)
    }

    // MARK: Calls

    /// Calls that may wait, and how many one answer may cause.
    private static let callsAtOnce = 1_000
    private static let callsPerAnswer = 4

    /// Whom to call now.
    package mutating func takeCalls() -> [Call] {
        defer { calls = [] }
        return calls
    }

    /// A neighbor that cannot be dialled hears of an asker who is told of it, as far as both addresses may.
    private mutating func call(_ neighbor: Int, to asker: Place, at now: Instant) {
        let card = rosters[asker.roster].cards[asker.member]
        guard settings.callsPerSecond > 0, card.endpoint.port != 0, calls.count < Self.callsAtOnce,
            let bell = rosters[asker.roster].bell(of: neighbor), bell.endpoint.ip != card.endpoint.ip,
            calling.admits(card.endpoint.ip, at: now), beingCalled.admits(bell.endpoint.ip, at: now)
        else { return }
        calls.append(Call(bell: bell, caller: card.introduction))
    }

    private func disclosureSeed(_ ip: IPAddress, at now: Instant) -> UInt64 {
        let window = UInt64(bitPattern: now.nanoseconds / max(1, settings.disclosure.nanoseconds))
        return Randomness.mix(Randomness.mix(secret ^ ip.host.high) ^ ip.host.low ^ Randomness.mix(window))
    }

    /// Of so many addresses of one broadcast an address is told, on average, by the segments that they hold.
    private static let disclosed: UInt64 = 256

    /// Who holds the segment and takes links, the newest holder first, as far as the asker is told of them.
    package func holders(of root: Root, for asker: IPAddress, at now: Instant) -> [Introduction] {
        introductions(to: index.holders(of: root), for: asker, at: now)
    }

    /// The same by the segment's name in BitTorrent.
    package func holders(of hash: InfoHash, for asker: IPAddress, at now: Instant) -> [Introduction] {
        introductions(to: index.holders(of: hash), for: asker, at: now)
    }

    /// Whether a segment of that name is known.
    package func knows(_ hash: InfoHash) -> Bool { index.knows(hash) }

    /// Each segment has other holders, so in a large swarm an address is told of the same part of them under all names.
    private func introductions(to holders: [Membership], for asker: IPAddress, at now: Instant) -> [Introduction] {
        let seed = disclosureSeed(asker, at: now)
        return holders.reversed().compactMap { holder in
            guard let place = find(holder) else { return nil }
            let endpoint = rosters[place.roster].cards[place.member].endpoint
            let draw = Randomness.mix(Randomness.mix(seed ^ endpoint.ip.high) ^ endpoint.ip.low)
            let rank = draw.multipliedFullWidth(by: UInt64(rosters[place.roster].count)).high
            return endpoint.port == 0 || rank >= Self.disclosed
                ? nil : Introduction(peer: holder.peer, endpoint: endpoint)
        }
    }

    // MARK: Broadcasts

    /// How many watch which broadcast, in no order.
    package var audiences: [(broadcast: BroadcastID, viewers: Int)] {
        numbers.map { ($0.key, rosters[$0.value].viewers) }
    }

    /// The origin has signed that its newest segment has this number.
    package mutating func note(newest: UInt64, of broadcast: BroadcastID) { sign(newest, of: broadcast) }

    /// The origin's word is not known any more.
    package mutating func forget(_ broadcast: BroadcastID) { sign(nil, of: broadcast) }

    private mutating func sign(_ newest: UInt64?, of broadcast: BroadcastID) {
        signed[broadcast] = newest
        if let roster = numbers[broadcast] { rosters[roster].signed = newest }
    }
}
