import Vocabulary

/// What we know of one linked peer: how fast it is, and what we owe each other. What it has stands with the segments, and
/// what waits to be sent to it in its outbox, so that this is plain memory, of which a copy costs nothing.
struct Neighbor: Sendable {
    let link: LinkID
    /// Whether we dialled it, and whether the link counts as ours: both ends agree on that.
    let isOutbound: Bool
    let isOurs: Bool
    var isGreeted = false
    var uploads = false
    let peer: PeerID
    /// Where it takes links; told on to others.
    var endpoint: Endpoint?
    var chokesUs = false
    var isChoked = false
    /// It does not have most of the segment before the newest: it has just come, or has been late for long, and needs
    /// older ones before the newest.
    var isBehind = true
    /// It has been told of our offers before.
    var knowsOffers = false
    /// Stripes that we want it to push, and have said so; and that we push to it.
    var follows = StripeSet()
    var children = StripeSet()
    var lastHeard: Instant
    private(set) var lastPinged: Instant
    /// Whether the last ping is still to be answered.
    private var isPinged = false

    var offers = OfferTable()

    // What we ask of it.
    var health = LinkHealth()
    private(set) var asked = 0
    var received = 0
    /// When it last brought a piece, or was first asked after a pause.
    private var lastProgress: Instant

    // What it asks of us.
    /// The shortest time from sending a piece to its acknowledgement.
    private var base = Interval.seconds(1)
    private(set) var queueing = Interval.zero
    /// The same over many pieces, and when the last one was acknowledged.
    private(set) var usualQueueing = Interval.zero
    private(set) var lastAcknowledgement = Instant.zero
    var sent = 0

    private static let longestWay = Interval.seconds(1)

    init(link: LinkID, peer: PeerID, endpoint: Endpoint?, isOurs: Bool, at now: Instant) {
        self.link = link
        self.peer = peer
        self.endpoint = endpoint
        isOutbound = endpoint != nil
        self.isOurs = isOurs
        lastHeard = now
        lastPinged = now
        lastProgress = now
    }

    func offer(of stripe: Stripe) -> Offer? { offers[stripe] }

    func relays(_ stripe: Stripe) -> Bool { offers.relays.contains(stripe) }

    mutating func pinged(at now: Instant) {
        lastPinged = now
        isPinged = true
    }

    /// It has answered; returns how long its way is, if it was asked. It may answer late on purpose.
    mutating func ponged(at now: Instant) -> Interval? {
        lastHeard = now
        guard isPinged else { return nil }
        isPinged = false
        let way = min(now - lastPinged, Self.longestWay)
        health.isAway(by: way)
        return way
    }

    mutating func ask(_ count: Int, at now: Instant) {
        if asked == 0 { lastProgress = now }
        asked += count
    }

    mutating func takeBack(_ count: Int) { asked = max(0, asked - count) }

    mutating func deliver(after time: Interval, at now: Instant) {
        takeBack(1)
        lastProgress = now
        health.delivered(after: time)
    }

    /// It owes us pieces and has brought none for much longer than they take.
    func isStuck(at now: Instant) -> Bool {
        asked > 0 && now - lastProgress > max(.milliseconds(400), health.pieceTime * 3)
    }

    /// Whether pieces can be expected of it at all.
    func brings(at now: Instant) -> Bool {
        isGreeted && uploads && !chokesUs && !isStuck(at: now) && !health.isDemoted(at: now)
    }

    /// Takes note that a sent piece has arrived; returns how long it waited in queues.
    mutating func acknowledged(_ errand: Outbox.Errand, at now: Instant) -> Interval {
        let time = now - errand.time
        base = min(time, base + base * 0.002)
        queueing = queueing * 0.75 + (time - base) * 0.25
        usualQueueing = usualQueueing * 0.9375 + (time - base) * 0.0625
        lastAcknowledgement = now
        return time - base
    }
}

extension [Neighbor] {
    /// Looks at the neighbors where they are: these questions are asked for every piece.
    func survey<Result>(_ look: (UnsafeBufferPointer<Neighbor>) -> Result) -> Result {
        withUnsafeBufferPointer(look)
    }

    func anySeat(_ test: (UnsafePointer<Neighbor>) -> Bool) -> Bool {
        survey { seats in
            guard let first = seats.baseAddress else { return false }
            for seat in seats.indices where test(first + seat) { return true }
            return false
        }
    }
}
