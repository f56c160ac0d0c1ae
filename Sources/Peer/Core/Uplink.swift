import Vocabulary

/// How many pieces may be in flight over our own uplink, all links together, and how fast it is.
///
/// Steered by delay as LEDBAT is (RFC 6817), but once for the uplink and not for each link: what is handed to the network
/// early can neither be called back nor be overtaken by what matters more, and a queue in the viewer's own router is
/// felt by everything else in the house.
struct Uplink: Sendable {
    private var window = 4.0
    private(set) var inFlight = 0
    /// How long what is sent waits in our own queue.
    private(set) var queueing = Interval.zero
    /// Bytes per second while there was always something to send; `nil` until that has been seen.
    private(set) var rate: Double?
    /// What is believed of the uplink before it has been full once, in streams: a little more than everybody has to give.
    private var guess = 1.25
    /// The least time that a piece took to its acknowledgement.
    private var quickest: Interval?
    /// How long the first piece has been under way, until it has arrived.
    private var pending = Interval.zero
    /// Bytes per second that pieces have shown that waited behind others, at most, and how many such there were.
    private var shown = 0.0
    private var proofs = 0
    private var lastSample = Instant.zero
    private var isSaturated = false
    private var lastAcknowledgement = Instant.zero
    private var saturatedSince = Instant.zero
    /// The fastest that was measured lately: what a window that is too small makes of the rate must not make it smaller still.
    private var peak: Double?
    /// How long a piece alone takes to its acknowledgement, mostly; `nil` until one has.
    private var trip: Interval?
    /// How long a small question takes to a neighbor and back, mostly; `nil` until one has been answered.
    private var way: Interval?
    private var busyBytes = 0
    private var busyTime = Interval.zero
    /// When the piece left that has arrived and left last.
    private var newestArrival = Instant.zero
    /// Nothing is given until then: the uplink has been found too slow for it.
    private var restsUntil: Instant?
    private var rest = Interval.seconds(60)

    /// With a single one the uplink would stand still from its last byte to its acknowledgement.
    private static let bounds = 2.0...256.0
    /// Bytes per second at which each piece holds up what we ask for and acknowledge for a quarter of a second, so that less
    /// comes to us.
    private static let sluggish = Double(PieceID.length) * 4
    /// How many times as fast as the quickest piece, way included, an uplink is believed to be at most.
    private static let hope = 4.0
    /// After so many pieces with so many before them, with none of which much left, an uplink is slow.
    private static let proof = 3
    private static let queue = 2
    private static let longestRest = Interval.seconds(240)
    /// How long an uplink that is not full must stay so before more is given to it.
    private static let calm = Interval.seconds(5)
    /// Waiting time in our own queue that keeps the uplink busy whatever the jitter.
    static let target = Interval.milliseconds(60)
    /// A piece that takes longer waits at its neighbor, not here, if one that left later has arrived; and in any case.
    private static let overtakenPatience = Interval.seconds(3)
    private static let patience = Interval.seconds(8)
    private static let usualTrip = Interval.milliseconds(100)
    /// How much more may be in flight than would keep the line busy if pieces took no longer than one alone. With half as
    /// much more routers drop twice as many packets; with nothing more a line whose packets come late by chance stays idle.
    private static let spare = 1.15
    /// Ways up to here are short beside what a piece takes in an uplink.
    private static let shortWay = Interval.milliseconds(50)

    /// It is too slow for anything to be given; from time to time that is tried again.
    var isResting: Bool { restsUntil != nil }

    /// Bytes per second that the uplink carries of a stream of so many: what was measured, or else what is believed. A
    /// piece's way to its acknowledgement, of which its time in the uplink is a part, bounds that: the uplink of a viewer
    /// who has little to give is found out by the first piece, and not once several children wait for it.
    func rate(of stream: Double) -> Double {
        if let rate { return rate }
        let least = max(0.01, ((quickest ?? pending) - detour * 2).seconds)
        return guess * min(stream, Double(PieceID.length) / least * Self.hope)
    }

    /// Whether it has turned out to carry less than `least` bytes per second, and that to our own harm: then it rests.
    mutating func rests(below least: Double, at now: Instant) -> Bool {
        guard restsUntil == nil, let most = peak ?? mostShown, most < min(least, Self.sluggish) else { return false }
        restsUntil = now + rest
        rest = min(rest * 2, Self.longestRest)
        return true
    }

    /// What it carries at most, if several pieces have left behind others and little left with any; a part of that time
    /// is the way. A piece alone shows nothing: to the other side of the world it takes as long as over a slow uplink.
    private var mostShown: Double? { proofs < Self.proof ? nil : 1.5 * shown }

    mutating func endRest(at now: Instant) {
        guard let restsUntil, now >= restsUntil else { return }
        self.restsUntil = nil
        peak = nil
        (shown, proofs) = (0, 0)
    }

    var hasRoom: Bool { Double(inFlight) < window }

    /// The most that one link may have in flight, so that a slow one leaves room for others.
    var share: Int { max(min(3, Int(window)), Int(window / 2)) }

    /// There is more to send than may be in flight, or there is not.
    mutating func saturated(_ isSaturated: Bool, at now: Instant) {
        if isSaturated, !self.isSaturated {
            lastAcknowledgement = now
            saturatedSince = now
        }
        self.isSaturated = isSaturated
    }

    /// A neighbor has answered a small question after so long. Behind our own pieces that says nothing of the way.
    mutating func reaches(after time: Interval) {
        guard inFlight == 0 || way == nil else { return }
        way = way.map { $0 + (time - $0) * (time < $0 ? 0.25 : 0.125) } ?? time
    }

    /// What was sent first has been under way for so long.
    mutating func waits(for time: Interval) { pending = time }

    mutating func sent() { inFlight += 1 }

    mutating func gone(_ count: Int = 1) { inFlight = max(0, inFlight - count) }

    /// So many pieces have waited at neighbors who acknowledge nothing: the time until now says nothing of the uplink.
    mutating func passedOver(_ count: Int, at now: Instant) {
        guard count > 0 else { return }
        gone(count)
        busyBytes = 0
        busyTime = .zero
        lastAcknowledgement = now
    }

    mutating func arrived(sentAt time: Instant) { newestArrival = max(newestArrival, time) }

    func isOverdue(since time: Instant, at now: Instant) -> Bool {
        now - time >= (time < newestArrival ? Self.overtakenPatience : Self.patience)
    }

    /// A piece has arrived, however late: of the uplink that tells as much as one in time.
    ///
    /// - Parameter ahead: pieces that were under way when it was sent.
    mutating func shows(_ bytes: Int, after time: Interval, ahead: Int) {
        quickest = quickest.map { min($0, time) } ?? time
        guard ahead >= Self.queue else { return }
        proofs += 1
        // What was under way has left in the same time.
        shown = max(shown, Double((ahead + 1) * bytes) / max((time - detour * 4).seconds, 0.001))
    }

    /// - Parameter queueing: how much longer than its link's shortest time the piece took.
    mutating func acknowledged(_ bytes: Int, queueing: Interval, at now: Instant) {
        gone()
        self.queueing = self.queueing * 0.875 + queueing * 0.125
        if queueing > target * 3 {
            window -= 0.5
        } else if queueing > target {
            window -= 0.5 / window
        } else if isSaturated {
            window += queueing < target * 0.5 ? 1 : 2 / window
        }
        measure(bytes, at: now)
        window = min(max(window, Self.bounds.lowerBound), ceiling)
    }

    /// All slots are taken and the uplink has still not been full for a while: it can carry more.
    mutating func hasRoomLeft(at now: Instant) {
        guard !isSaturated, now - lastSample > Self.calm else { return }
        lastSample = now - Self.calm + .seconds(2)
        if let rate { self.rate = rate * 1.2 } else { guess = min(guess * 1.4, 32) }
    }

    /// How much longer the way is than short ones. TCP's window begins with less than a piece (RFC 6928) and opens over
    /// several ways, and again after each pause: what waits for that waits in no queue of ours.
    var detour: Interval { max(.zero, (way ?? .zero) - Self.shortWay) }

    /// The wait that is steered for: each piece that leaves waits for the one before it, however long that takes.
    private var target: Interval {
        max(Self.target + detour, .seconds(peak.map { 2 * Double(PieceID.length) / $0 } ?? 0))
    }

    /// What was sent while nothing else was under way shows how long the way itself is. Half of such times are longer and
    /// half are shorter: what was lost on its way and sent again would make a mean of no meaning. The first is believed,
    /// because there may be few: an uplink that is never empty again is bounded by it.
    mutating func travelled(for time: Interval) { trip = trip.map { $0 * (time > $0 ? 1.05 : 0.95) } ?? time }

    /// By Little's law, what keeps the line busy while a piece is on its way, and a little more for what acknowledgements
    /// wait at those who are busy themselves. A router drops what is handed to it beyond that, for several neighbors at once, and
    /// they wait for it longest: delay alone does not steer how much is in flight (as in BBR: Cardwell et al., ACM Queue
    /// 14(5), 2016), nor can a link that began when the uplink was full mistake that wait for the length of its way.
    private var ceiling: Double {
        guard let peak else { return Self.bounds.upperBound }
        let time = (trip ?? Self.usualTrip) + detour * 3
        let pieces = peak / Double(PieceID.length) * time.seconds * Self.spare + 1
        return min(max(pieces, Self.bounds.lowerBound), Self.bounds.upperBound)
    }

    private mutating func measure(_ bytes: Int, at now: Instant) {
        guard isSaturated else { return }
        // What was in flight when the uplink filled up has come out of turn.
        guard now - saturatedSince > .milliseconds(200) else {
            lastAcknowledgement = now
            return
        }
        busyBytes += bytes
        busyTime = busyTime + (now - lastAcknowledgement)
        lastAcknowledgement = now
        let pieces = busyBytes / PieceID.length
        guard busyTime > .milliseconds(800), pieces > 16 || pieces >= 4 && busyTime > .seconds(2) else { return }
        let sample = Double(busyBytes) / busyTime.seconds
        lastSample = now
        busyBytes = 0
        busyTime = .zero
        // Until then the window was what held pieces up, not the line.
        let time = window * Double(PieceID.length) / sample
        guard rate != nil || queueing > target * 0.5 || time > detour.seconds * 8 else { return }
        rate = rate.map { $0 * 0.8 + sample * 0.2 } ?? sample
        peak = max(sample, (peak ?? 0) * 0.99)
    }
}
