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
    var holds: [UInt64: PieceSet] = [:]
    var fetching: [UInt64: Promise] = [:]
    var knows: Set<UInt64> = []

    // What we ask of it.
    var chokesUs = false
    var health: LinkHealth
    private(set) var asked = 0
    var received = 0
    /// When it last brought a piece, or was first asked after a pause.
    private var lastProgress: Instant

    // What it asks of us.
    var isChoked = false
    var wants: [PieceID] = []
    var sending = 0
    var sent = 0
    /// Pieces gained since it was last told.
    var untold: [UInt64: [Int]] = [:]

    /// Pieces that a neighbor says it is fetching from the origin, and when it last said so.
    struct Promise: Sendable {
        var pieces: PieceSet
        var time: Instant
    }

    init(link: LinkID, peer: PeerID, endpoint: Endpoint?, at now: Instant) {
        self.link = link
        self.peer = peer
        self.endpoint = endpoint
        isOutbound = endpoint != nil
        lastHeard = now
        lastPinged = now
        lastProgress = now
        health = LinkHealth()
    }

    func has(_ piece: PieceID) -> Bool { holds[piece.segment.sequence]?.contains(piece.index) ?? false }

    func isFetching(_ piece: PieceID, at now: Instant) -> Bool {
        guard let promise = fetching[piece.segment.sequence] else { return false }
        return promise.pieces.contains(piece.index) && now - promise.time < .seconds(4)
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

    mutating func forget(_ sequence: UInt64) {
        holds[sequence] = nil
        fetching[sequence] = nil
        knows.remove(sequence)
        untold[sequence] = nil
        wants.removeAll { $0.segment.sequence == sequence }
    }
}
