import Vocabulary

/// What we know of one linked peer: what it has, how fast it is, and what we owe each other.
struct Neighbor: Sendable {
    let link: LinkID
    let peer: PeerID
    let isOutbound: Bool
    /// Where it takes links; told on to others.
    var endpoint: Endpoint?
    var isGreeted = false
    var uploads = false
    var lastHeard: Instant
    var lastPinged: Instant

    // What it has.
    var holdings = Holdings()
    var fetching: [Promise] = []
    /// The newest records that it has shown to know.
    private var known: [UInt64] = []
    var offers: [Offer] = []

    // What we ask of it.
    var chokesUs = false
    var health = LinkHealth()
    private(set) var asked = 0
    var received = 0
    /// Stripes that we want it to push, and have said so.
    var follows = StripeSet()
    /// When it last brought a piece, or was first asked after a pause.
    private var lastProgress: Instant

    // What it asks of us.
    var isChoked = false
    /// Stripes that we push to it.
    var children = StripeSet()
    /// Pieces to push that it pushes on itself, those that it does not, and those that it asked for.
    var relays = PieceQueue()
    var pushes = PieceQueue()
    var wants: [PieceID] = []
    var inFlight: [Errand] = []
    /// The shortest time from sending a piece to its acknowledgement.
    private var base = Interval.seconds(1)
    private(set) var queueing = Interval.zero
    var sent = 0
    /// What it was last told of our offers.
    var toldOffers: [Offer] = []

    /// Pieces that a neighbor says it is fetching from the origin, and when it last said so.
    struct Promise: Sendable {
        let sequence: UInt64
        var pieces: PieceSet
        var time: Instant
    }

    /// A piece that is on its way to the neighbor.
    struct Errand: Sendable {
        let piece: PieceID
        let time: Instant
        /// Nothing else was on its way to anybody.
        let isAlone: Bool
    }

    /// How long a neighbor's word that it is fetching from the origin is believed.
    private static let promiseTime = Interval.seconds(4)
    private static let knownLimit = 32

    init(link: LinkID, peer: PeerID, endpoint: Endpoint?, at now: Instant) {
        self.link = link
        self.peer = peer
        self.endpoint = endpoint
        isOutbound = endpoint != nil
        lastHeard = now
        lastPinged = now
        lastProgress = now
    }

    func has(_ piece: PieceID) -> Bool { holdings.contains(piece) }

    func offer(of stripe: Stripe) -> Offer? { offers.first { $0.stripe == stripe } }

    /// Returns whether that is news.
    mutating func knows(_ sequence: UInt64) -> Bool {
        if known.contains(sequence) { return false }
        if known.count >= Self.knownLimit { known.removeFirst() }
        known.append(sequence)
        return true
    }

    /// What it is fetching of segment `sequence`, by a word that still counts.
    func promised(_ sequence: UInt64, at now: Instant) -> PieceSet? {
        fetching.first { $0.sequence == sequence && now - $0.time < Self.promiseTime }?.pieces
    }

    mutating func promise(_ sequence: UInt64, _ indices: [Int], count: Int, at now: Instant) {
        fetching.removeAll { now - $0.time >= Self.promiseTime }
        if let place = fetching.firstIndex(where: { $0.sequence == sequence }) {
            for index in indices { fetching[place].pieces.insert(index) }
            fetching[place].time = now
        } else {
            fetching.append(Promise(sequence: sequence, pieces: PieceSet(count: count, indices), time: now))
        }
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

    /// The piece on its way, which is so no more.
    mutating func arrived(_ piece: PieceID) -> Errand? {
        inFlight.firstIndex { $0.piece == piece }.map { inFlight.remove(at: $0) }
    }

    /// Takes note that a sent piece has arrived; returns how long it waited in queues.
    mutating func acknowledged(_ errand: Errand, at now: Instant) -> Interval {
        let time = now - errand.time
        base = min(time, base + base * 0.002)
        queueing = queueing * 0.75 + (time - base) * 0.25
        return time - base
    }

    /// Takes pieces out of what waits to be sent to it.
    mutating func takeOut(where isGone: (PieceID) -> Bool) {
        relays.removeAll(where: isGone)
        pushes.removeAll(where: isGone)
        wants.removeAll(where: isGone)
    }

    mutating func forget(_ sequence: UInt64) {
        holdings.forget(sequence)
        fetching.removeAll { $0.sequence == sequence }
        known.removeAll { $0 == sequence }
        takeOut { $0.segment.sequence == sequence }
    }
}

extension [Neighbor] {
    /// Looks at the neighbors where they are: a copy of one costs a reference count for each of its arrays, and these
    /// questions are asked for every piece.
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

/// Which pieces of which segments a neighbor has said it holds.
struct Holdings: Sendable {
    private var entries: [(sequence: UInt64, pieces: PieceSet)] = []

    private func place(_ sequence: UInt64) -> Int? { entries.lastIndex { $0.sequence == sequence } }

    subscript(sequence: UInt64) -> PieceSet? { place(sequence).map { entries[$0].pieces } }

    func contains(_ piece: PieceID) -> Bool {
        guard let place = place(piece.segment.sequence) else { return false }
        return entries[place].pieces.contains(piece.index)
    }

    mutating func set(_ sequence: UInt64, _ pieces: PieceSet) {
        if let place = place(sequence) { entries[place].pieces = pieces } else { entries.append((sequence, pieces)) }
    }

    mutating func insert(_ piece: PieceID, count: Int) {
        if let place = place(piece.segment.sequence) {
            entries[place].pieces.insert(piece.index)
        } else {
            entries.append((piece.segment.sequence, PieceSet(count: count, CollectionOfOne(piece.index))))
        }
    }

    mutating func remove(_ piece: PieceID) {
        guard let place = place(piece.segment.sequence) else { return }
        entries[place].pieces.remove(piece.index)
    }

    mutating func forget(_ sequence: UInt64) { entries.removeAll { $0.sequence == sequence } }
}

/// Pieces in the order in which they are to leave.
struct PieceQueue: Sendable {
    private var pieces: [PieceID] = []
    private var first = 0

    var isEmpty: Bool { first == pieces.count }

    mutating func append(_ piece: PieceID) { pieces.append(piece) }

    mutating func popFirst() -> PieceID? {
        guard first < pieces.count else { return nil }
        let piece = pieces[first]
        first += 1
        if first == pieces.count {
            pieces.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 64 {
            pieces.removeFirst(first)
            first = 0
        }
        return piece
    }

    mutating func removeAll(where isGone: (PieceID) -> Bool) {
        guard !isEmpty else { return }
        pieces.removeFirst(first)
        first = 0
        pieces.removeAll(where: isGone)
    }
}
