import Vocabulary

/// What we hold of one segment, what neighbors hold of it, and what is on its way.
struct SegmentProgress: Sendable {
    struct Want: Sendable {
        private let place: Int32
        let link: LinkID
        let time: Instant
        let deadline: Instant

        var index: Int { Int(place) }

        init(index: Int, link: LinkID, time: Instant, deadline: Instant) {
            (place, self.link, self.time, self.deadline) = (Int32(index), link, time, deadline)
        }
    }

    let statement: Statement
    let sequence: UInt64
    let arrival: Instant
    let count: Int
    var hasLeaves = false
    var leavesAsked: Instant?
    var leafQuestions = 0
    var heldCount = 0
    /// When half of the pieces were here.
    var halfway: Instant?
    var pieces: PieceStates
    private(set) var wants: [Want] = []
    /// How much of each stripe was pulled from others than its parent.
    var pulled = SIMD8<UInt16>()
    /// Neighbors have not been told of all that is held.
    var isUntold = false
    /// Nor of all that is under way from the origin.
    var owesPromise = false
    /// Since when only the origin could bring the rest in time.
    var urgentSince: Instant?
    var isDropped = false
    /// How many pieces were taken from the origin without waiting for peers.
    var taken = 0
    /// The stripe of which peers are not told that we have it, to see whether they bring it, and how much they have.
    private(set) var trial: Stripe?
    private var brought = 0

    // By seat, in the order of the links.
    /// What neighbors hold.
    var holders: PieceTable
    /// What neighbors say that they are fetching from the origin, and when each last said so.
    private var promises: PieceTable
    private var promiseTimes: [Instant] = []
    /// A bit for each neighbor that has shown to know the record.
    private var knowers: UInt64 = 0
    /// And for each that has had the leaf hashes for the asking.
    private var readers: UInt64 = 0

    /// How long a neighbor's word that it is fetching from the origin is believed.
    private static let promiseTime = Interval.seconds(4)

    init(_ statement: Statement, at now: Instant) {
        self.statement = statement
        let record = statement.record
        sequence = record.segment.sequence
        arrival = now
        count = record.pieceCount
        pieces = PieceStates(count: count)
        holders = PieceTable(count: count)
        promises = holders
    }

    var record: Record { statement.record }

    var isComplete: Bool { heldCount == count }

    /// How many pieces are missing that the origin is not sending.
    var open: Int { count - heldCount - pieces[.fetching].members }

    var held: PieceSet { pieces[.held] }

    /// What is neither here nor on its way from the origin.
    var missing: PieceSet {
        var missing = pieces.unasked
        missing.formUnion(pieces[.wanted])
        return missing
    }

    // MARK: Trials

    mutating func beginTrial(_ stripe: Stripe) { (trial, brought) = (stripe, 0) }

    /// Returns whether peers have brought most of the stripe.
    mutating func endTrial() -> Bool {
        defer { trial = nil }
        return trial.map { brought * 2 >= $0.pieces(among: count).count } ?? false
    }

    mutating func noteTrial(_ index: Int) {
        if let trial, trial.pieces(among: count).contains(index) { brought += 1 }
    }

    /// What peers may know of these pieces.
    func shown(_ pieces: PieceSet) -> PieceSet {
        guard let trial else { return pieces }
        var shown = pieces
        for index in trial.pieces(among: count) { shown.remove(index) }
        return shown
    }

    // MARK: Neighbors

    mutating func insertSeat(_ seat: Int) {
        holders.insertSeat(seat)
        promises.insertSeat(seat)
        if seat < promiseTimes.count { promiseTimes.insert(.zero, at: seat) }
        knowers = knowers.opened(at: seat)
        readers = readers.opened(at: seat)
    }

    mutating func removeSeat(_ seat: Int) {
        holders.removeSeat(seat)
        promises.removeSeat(seat)
        if seat < promiseTimes.count { promiseTimes.remove(at: seat) }
        knowers = knowers.closed(at: seat)
        readers = readers.closed(at: seat)
    }

    /// The neighbor knows the record; returns whether that is news.
    mutating func isKnown(to seat: Int) -> Bool {
        let isNews = knowers >> UInt64(seat) & 1 == 0
        knowers |= 1 << UInt64(seat)
        return isNews
    }

    /// Whether the neighbor may have the leaf hashes for the asking: once, as they are up to 64 KB for a word of ours.
    mutating func mayRead(_ seat: Int) -> Bool {
        guard hasLeaves, readers >> UInt64(seat) & 1 == 0 else { return false }
        readers |= 1 << UInt64(seat)
        return true
    }

    mutating func promise(_ indices: [Int], by seat: Int, at now: Instant) {
        if promiseTimes.count <= seat { promiseTimes.reserveCapacity(seat + 1) }
        while promiseTimes.count <= seat { promiseTimes.append(.zero) }
        if now - promiseTimes[seat] >= Self.promiseTime { promises.clear(seat) }
        for index in indices { promises.insert(index, of: seat) }
        promiseTimes[seat] = now
    }

    @inline(__always)
    func isPromised(_ index: Int, by seat: Int, at now: Instant) -> Bool {
        promises.contains(index, of: seat) && now - promiseTimes[seat] < Self.promiseTime
    }

    /// What neighbors are getting from the origin, by words that still count.
    @inline(__always)
    func promised(at now: Instant, by counts: (Int) -> Bool) -> PieceSet {
        promises.union { now - promiseTimes[$0] < Self.promiseTime && counts($0) }
    }

    /// Lets go of the memory for what is over: words that count no more, and wants when there will be none.
    mutating func tidy(at now: Instant) {
        if !promiseTimes.isEmpty, promiseTimes.allSatisfy({ now - $0 >= Self.promiseTime }) {
            promises = PieceTable(count: count)
            promiseTimes = []
        }
        if isComplete, wants.isEmpty, wants.capacity > 0 { wants = [] }
    }

    // MARK: Pieces

    mutating func ask(_ want: Want) {
        wants.makeRoom(by: 8)
        wants.append(want)
        pieces.insert(want.index, .wanted)
    }

    /// The want for a piece, taken back.
    mutating func settle(_ index: Int) -> Want? {
        guard pieces.contains(index, .wanted), let place = wants.firstIndex(where: { $0.index == index }) else {
            return nil
        }
        pieces.remove(index, .wanted)
        return wants.remove(at: place)
    }

    mutating func settle(where isSettled: (Want) -> Bool) -> [Want] {
        guard !wants.isEmpty else { return [] }
        let settled = wants.filter(isSettled)
        guard !settled.isEmpty else { return [] }
        wants.removeAll(where: isSettled)
        for want in settled { pieces.remove(want.index, .wanted) }
        return settled
    }

    @inline(__always)
    var missingBytes: Int {
        let whole = (count - heldCount) * PieceID.length
        return pieces.contains(count - 1, .held)
            ? whole : whole - PieceID.length + record.range(ofPiece: count - 1).count
    }
}
