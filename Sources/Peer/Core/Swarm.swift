package import Vocabulary

/// Everything one peer knows and decides about one broadcast.
///
/// Deterministic: the same facts at the same instants give the same commands. It reads no clock, opens no socket and
/// never holds a byte of payload. Each question has a value of its own, and this type only routes between them:
///
///     what has the origin said?       Chronicle          what do we hold, what comes?  SegmentProgress, PieceStates
///     who has what of a segment?      PieceTable         how well does a neighbor serve?  Neighbor, LinkHealth
///     when is a segment needed?       Playhead           what waits to be sent to it?     Outbox
///     whom could we link to?          Neighborhood       who pushes a stripe to us?            Feed
///     how fast is the origin?         OriginHealth       how much may be in flight from us?    Uplink, UploadBudget
///     do peers bring what they say?   Confidence         have they enough to give?        Supply
///     what is preferred where there is choice?  Policies
///
/// A piece's way: a record is accepted (`Swarm+Records`); an injector takes its stripes from the origin
/// (`Swarm+Injection`); a verified piece is pushed at once to the children of its stripe (`Swarm+Push`), which chose
/// their parents in `Swarm+Feeds`. What pushing missed is pulled (`Swarm+Pull`), and what nobody brings in time comes
/// from the origin (`Swarm+Origin`, `Swarm+Supply` where that is foreseen, and all of it in `Swarm+Doubt` where peers are
/// of no use). Links come and go in `Swarm+Links`.
package struct Swarm: Sendable {
    package let settings: Settings
    var random: Randomness
    let joined: Instant

    var chronicle: Chronicle
    var playhead: Playhead
    var neighborhood = Neighborhood()
    var origin = OriginHealth()
    var budget: UploadBudget
    var uplink = Uplink()
    var confidence = Confidence()
    /// Stalls that were looked at.
    var stallsSeen = 0
    /// When a piece was first asked of a neighbor.
    var firstAsked: Instant?
    var supply = Supply()

    /// One for each record that is known, ascending.
    var segments: [SegmentProgress] = []
    /// Ascending, and at each place the neighbor at the other end.
    var links: [LinkID] = []
    var neighbors: [Neighbor] = []
    var outboxes = Outboxes()
    /// By stripe number.
    var feeds = [Feed](repeating: Feed(), count: Stripe.count)
    /// Whose turn it is to be sent something.
    var turn = 0
    /// Errands since one for a piece of an older segment.
    var passedOver = 0

    /// What neighbors were last told that we can push.
    var toldOffers = OfferTable()

    var lease: Lease?
    /// The newest segment when the lease was given, once that is known: what is older was the share of others.
    var leaseFrom: UInt64?
    var duty: Stripe?
    var viewers = 0
    /// When the tracker answered first.
    var welcomedFirst: Instant?
    var nextAnnounce: Instant
    var lastAnnounce = Instant.zero
    /// When the stripe that we push on last reached us.
    var lastRooted: Instant
    var announceFailures = 0
    /// The tracker has dialled us in vain.
    package internal(set) var isUnreachable = false
    /// The port that others see of the one that takes links, once the tracker has said so.
    var outsidePort: UInt16?
    var portAskedAt: Instant?
    var freshRoots: [Root] = []
    /// Roots that are in the announce under way.
    var announcedRoots: [Root] = []

    var fetches: [Int: Fetch] = [:]
    var nextFetch = 0
    var isPollingHead = false
    var isFetchingRecords = false
    /// Records and leaf hashes learnt so far, and how many when records were last asked of the origin.
    var learned = 0
    var learnedBefore = 0
    /// Requests for records in a row that brought nothing new, and when the next may be made.
    var vainRequests = 0
    var recordsNotBefore = Instant.zero
    /// How often the origin was asked for what is missing just before a record.
    var holesAsked: [UInt64: Int] = [:]
    var lastNews: Instant
    /// Where playing starts: a few segments before the newest that was known on joining.
    var start: UInt64?
    /// The oldest and newest numbers that the origin has told of.
    var offered: ClosedRange<UInt64>?
    var isClosed = false

    /// False once the origin has been caught signing two records for one number.
    var shares = true
    var isStopped = false
    var lastTick: Instant
    var lastReview: Instant
    var lastSighting: Instant
    var lastImprovement: Instant
    var flushAt: Instant?
    package var tally = Tally()
    /// Bytes from peers at the last two reviews, a second apart.
    var bytesBefore = (earlier: 0, later: 0)

    /// One request to the origin that is under way.
    struct Fetch: Sendable {
        let sequence: UInt64
        let pieces: Range<Int>
        let began: Instant
        let bytes: Int
        /// Bytes that had come from the origin by then.
        let before: Int
        let reason: FetchReason
        /// Half of what may be asked for at once, or more, was under way.
        let isFull: Bool
    }

    package init(settings: Settings, seed: UInt64, at now: Instant) {
        self.settings = settings
        random = Randomness(seed: seed)
        joined = now
        chronicle = Chronicle(broadcast: settings.broadcast, rendition: settings.rendition)
        playhead = Playhead(joined: now, patience: settings.startPatience)
        budget = UploadBudget(rate: settings.uploadLimit, at: now)
        nextAnnounce = now
        lastRooted = now
        lastNews = now
        lastTick = now - settings.tick
        lastReview = now
        lastSighting = now
        lastImprovement = now
    }

    /// When to come back with `.timePassed`.
    package var nextDeadline: Instant {
        guard !isStopped else { return .distantFuture }
        let isBusy = !fetches.isEmpty || segments.indices.reversed().contains { !segments[$0].isComplete }
        let tick = lastTick + (isBusy ? settings.tick : .milliseconds(500))
        return flushAt.map { min($0, tick) } ?? tick
    }

    /// Takes one fact and appends what follows from it.
    package mutating func handle(_ fact: Fact, at now: Instant, into commands: inout [Command]) {
        guard !isStopped else { return }
        switch fact {
        case .linked(let link, let peer, let endpoint, let isOurs):
            linked(link, peer, endpoint, isOurs ?? (endpoint != nil), at: now, into: &commands)
        case .linkLost(let link): lost(link, at: now, into: &commands)
        case .dialFailed(let peer): neighborhood.failed(peer)
        case .greeted(let link, let uploads, let endpoint):
            greeted(link, uploads, endpoint, at: now, into: &commands)
        case .named(let link, let contacts):
            guard links.contains(link) else { return }
            neighborhood.learn(contacts, fromTracker: false, me: settings.me, at: now)
        case .heard(let link): with(link) { $0.lastHeard = now }
        case .ponged(let link): ponged(link, at: now)
        case .misbehaved(let link, let reason): misbehaved(link, reason, at: now, into: &commands)

        case .stated(let statement, let source): stated(statement, source, at: now, into: &commands)
        case .leavesVerified(let segment, let source): leavesVerified(segment, source, at: now, into: &commands)
        case .leavesWanted(let link, let segment):
            guard let place = place(segment), let seat = seat(link), segments[place].mayRead(seat) else { return }
            commands.append(.sendLeaves(link, segment))
        // Leaf hashes are asked for in time; a piece that waits for them changes nothing.
        case .pieceEarly: return

        case .holds(let link, let segment, let pieces): holds(link, segment, pieces, at: now, into: &commands)
        case .fetching(let link, let segment, let indices):
            guard let place = place(segment) else { return }
            guard let seat = seat(link) else { return }
            segments[place].promise(indices, by: seat, at: now)
            // What it takes from the origin it needs from nobody else.
            outboxes.takeOut(of: seat) { $0.segment == segment && indices.contains($0.index) }
        case .wanted(let link, let segment, let indices): wanted(link, segment, indices, at: now, into: &commands)
        case .cancelled(let link, let segment, let indices): cancelled(link, segment, indices)
        case .declined(let link, let segment, let indices): declined(link, segment, indices, at: now, into: &commands)
        case .choked(let link): choked(link, at: now, into: &commands)
        case .unchoked(let link):
            with(link) { $0.chokesUs = false }
            pull(at: now, into: &commands)
        case .offered(let link, let offers): offered(link, offers, at: now, into: &commands)
        case .subscribed(let link, let stripes): subscribed(link, stripes, at: now, into: &commands)
        case .refused(let link, let stripes): refused(link, stripes, at: now, into: &commands)
        case .pieceVerified(let piece, let source): verified(piece, source, at: now, into: &commands)
        case .pieceSent(let link, let piece): sent(link, piece, at: now, into: &commands)

        case .headArrived(let oldest, let newest, let targetDuration, let isClosed):
            headArrived(oldest, newest, targetDuration, isClosed, at: now, into: &commands)
        case .headFailed:
            isPollingHead = false
            origin.failed(at: now, using: &random)
        case .recordsDone:
            recordsDone(at: now, into: &commands)
        case .recordsFailed:
            isFetchingRecords = false
            origin.failed(at: now, using: &random)
        case .fetchDone(let fetch): fetchEnded(fetch, failed: false, at: now, into: &commands)
        case .fetchFailed(let fetch): fetchEnded(fetch, failed: true, at: now, into: &commands)

        case .answered(let welcome, let contacts): welcomed(welcome, contacts, at: now, into: &commands)
        case .announceFailed: announceFailed(at: now, into: &commands)
        case .called(let caller): called(caller, at: now, into: &commands)
        case .portSeen(let port): portSeen(port, at: now)
        case .portAskFailed: portAskedAt = nil

        case .playerAsked(let segment): playerAsked(segment, at: now, into: &commands)
        case .playerReceived(let segment):
            guard segment.rendition == settings.rendition else { return }
            playhead.complete(segment.sequence, byPlayer: true, at: now, duration: duration)
        case .timePassed: timePassed(at: now, into: &commands)
        case .stopped: stop(into: &commands)
        }
    }

    /// Time alone has passed: news is told, and every so often everything that can be late is looked at.
    private mutating func timePassed(at now: Instant, into commands: inout [Command]) {
        if let flushAt, now >= flushAt { flush(at: now, into: &commands) }
        guard now - lastTick >= settings.tick else { return }
        lastTick = now
        startWithoutHead(hasHeardAll: false, at: now)
        announceIfCutOff(at: now)
        announceIfDue(at: now, into: &commands)
        dial(at: now, into: &commands)
        expireWants(at: now, into: &commands)
        reviewConfidence(at: now)
        reviewFeeds(at: now, into: &commands)
        askOrigin(at: now, into: &commands)
        askForLateLeaves(at: now, into: &commands)
        pull(at: now, into: &commands)
        reviewInFlight(at: now)
        serve(at: now, into: &commands)
        guard now - lastReview >= .seconds(1) else { return }
        lastReview = now
        bytesBefore = (bytesBefore.later, tally.bytesFromPeers)
        reviewSupply(at: now)
        uplink.endRest(at: now)
        shedChildren(into: &commands)
        if childCount >= slots, slots > 0 {
            uplink.hasRoomLeft(at: now)
            planFlush(within: settings.gather, at: now)
        }
        reviewLinks(at: now, into: &commands)
        renewPromises(at: now, into: &commands)
        reviewServing(at: now, into: &commands)
        reviewWhoIsBehind()
        trimStore(into: &commands)
        for place in segments.indices { segments[place].tidy(at: now) }
    }

    /// What is gathered for a moment is told: what we hold, and what we can push.
    private mutating func flush(at now: Instant, into commands: inout [Command]) {
        flushAt = nil
        tellPromises(into: &commands)
        tellHoldings(into: &commands)
        tellOffers(into: &commands)
    }

    mutating func planFlush(within time: Interval, at now: Instant) {
        flushAt = flushAt.map { min($0, now + time) } ?? now + time
    }

    private mutating func stop(into commands: inout [Command]) {
        isStopped = true
        commands.append(.announce(announcement(.left)))
        for link in links { commands.append(.close(link, .leaving)) }
    }

    func id(_ sequence: UInt64) -> SegmentID { SegmentID(rendition: settings.rendition, sequence: sequence) }

    /// Where segment `sequence` is among the known ones; they mostly follow each other without a hole, and mostly the
    /// newest are meant.
    func place(_ sequence: UInt64) -> Int? {
        guard let last = segments.indices.last else { return nil }
        let newest = segments[last].sequence
        guard sequence <= newest else { return nil }
        if newest - sequence <= UInt64(last) {
            let guess = last - Int(newest - sequence)
            if segments[guess].sequence == sequence { return guess }
        }
        return segments.indices.first { segments[$0].sequence == sequence }
    }

    /// Only our own rendition has a place: of others we know nothing.
    func place(_ segment: SegmentID) -> Int? {
        segment.rendition == settings.rendition ? place(segment.sequence) : nil
    }

    func seat(_ link: LinkID) -> Int? { links.lastIndex(of: link) }

    mutating func with(_ link: LinkID, _ change: (inout Neighbor) -> Void) {
        guard let seat = seat(link) else { return }
        change(&neighbors[seat])
    }

    /// How long segment `sequence` plays, or what its like play.
    func duration(_ sequence: UInt64) -> Interval {
        place(sequence).map { .microseconds(segments[$0].record.duration) }
            ?? .seconds(Double(chronicle.targetDuration))
    }

    /// How long until segment `sequence` is needed; negative when it is late.
    ///
    /// Not inlined: where it would be, the swarm is being changed, and is copied whole for the closure.
    @inline(never)
    func slack(_ sequence: UInt64, at now: Instant) -> Interval {
        playhead.need(for: sequence, start: start ?? sequence, duration: { duration($0) }) - now
    }

    /// Bytes per second of the stream, by its newest segment.
    var streamRate: Double? {
        guard let last = segments.indices.last else { return nil }
        return Double(segments[last].record.length) / max(0.1, Double(segments[last].record.duration) / 1e6)
    }
}
