import Vocabulary

/// How fast the origin answers, measured, and when it may be asked again after a failure.
struct OriginHealth: Sendable {
    private(set) var latency = Interval.milliseconds(300)
    /// Bytes per second of one fetch, request time included.
    private(set) var rate = 1_000_000.0
    /// Pieces that may be asked for at once because they are late. Doubles while they come fast, grows slowly while they
    /// come in time and is halved when they do not, as TCP's window is: an origin that is slow because everybody asks it
    /// must be asked less, not more. It begins with one, because a thousand who ask for a little have asked for much.
    private var reached = 1
    private var lastUse = Instant.zero
    /// Until when nothing is asked for that peers may still bring: so long as the origin is overrun, each request for
    /// what is late delays the injectors, and so everybody.
    private(set) var restsUntil = Instant.zero
    private var rest = Interval.seconds(1)
    /// The shortest fetch and the fastest lately.
    private var quickest = Interval.milliseconds(300)
    private var fastest = 1_000_000.0
    /// Bytes per second of all fetches together, the most lately.
    private var flow = 0.0
    /// So many times the stream's rate, given to one of many.
    private static let plenty = 2.5
    /// Waiting time at the origin above which it is asked less.
    private static let patience = Interval.milliseconds(500)
    /// A fetch takes so many, from the request on, until TCP's window has opened.
    private static let roundTrips = 4.0
    /// How long what the origin could give is believed.
    private static let validity = Interval.seconds(15)
    private static let longestRest = Interval.seconds(8)
    private var failures = 0
    private var notBefore = Instant.zero

    /// Many late pieces came at once lately, and none had to wait: it has more to give than it is asked for.
    func isQuick(at now: Instant) -> Bool { window(at: now) >= 64 }

    /// It is quick, and that at several times the rate of the stream: what carries that but twice is quick, too, to the first
    /// who asks.
    func isPlentiful(for stream: Double, at now: Instant) -> Bool { isQuick(at: now) && flow > Self.plenty * stream }

    /// A window that was not used for some segments says little of today (RFC 7661): from then on it is halved each second
    /// down to two.
    func window(at now: Instant) -> Int {
        let idle = min(10, max(0, Int((now - lastUse - Self.validity).seconds)))
        return min(reached, max(2, reached >> idle))
    }

    /// How long a fetch of `bytes` takes by what was seen so far.
    func timeToFetch(_ bytes: Int) -> Interval { latency + .seconds(Double(bytes) / max(rate, 1)) }

    func isAvailable(at now: Instant) -> Bool { now >= notBefore }

    /// Shares are taken by many at once and measure the origin's rate alone; what is late also tells how busy it is.
    ///
    /// - Parameters:
    ///   - queueing: how long what we send waits in our own queue, as requests and acknowledgements do.
    ///   - arrived: bytes of all fetches that came in that time.
    ///   - isFull: as much was asked for as may be, or half of it; less says nothing of what more would have met.
    mutating func fetched(
        _ bytes: Int, in time: Interval, arrived: Int, queueing: Interval, isShare: Bool, isFull: Bool, at now: Instant,
        using random: inout Randomness
    ) {
        failures = 0
        let seconds = max(time.seconds, 0.0005)
        quickest = min(time, quickest + quickest * 0.01)
        flow = max(Double(arrived) / seconds, flow * 0.99)
        fastest = max(Double(bytes) / seconds, fastest * 0.99)
        if bytes <= 128 << 10 {
            latency = latency * 0.75 + .seconds(seconds) * 0.25
        } else {
            rate = rate * 0.75 + Double(bytes) / seconds * 0.25
        }
        if !isShare { steer(bytes, in: time - queueing * Self.roundTrips, isFull: isFull, at: now, using: &random) }
    }

    /// What took longer than the best that was seen has waited for others: for injectors, whom nobody may delay.
    private mutating func steer(
        _ bytes: Int, in time: Interval, isFull: Bool, at now: Instant, using random: inout Randomness
    ) {
        reached = window(at: now)
        lastUse = now
        let waited = time - quickest - .seconds(Double(bytes) / fastest)
        if waited > Self.patience {
            reached = max(1, reached / 2)
            restsUntil = now + rest * Double.random(in: 0.5...1.5, using: &random)
            rest = min(rest * 2, Self.longestRest)
        } else {
            rest = .seconds(1)
            if isFull { reached = min(256, waited < Self.patience * 0.3 ? reached * 2 : reached + 4) }
        }
    }

    /// Doubles the pause from 0.25 s to 4 s, with full jitter, so that viewers do not come back all at once.
    mutating func failed(at now: Instant, using random: inout Randomness) {
        failures = min(failures + 1, 5)
        let ceiling = 0.25 * Double(1 << (failures - 1))
        notBefore = now + .seconds(Double.random(in: 0.1...max(ceiling, 0.11), using: &random))
    }
}
