import Vocabulary

/// How fast the origin answers, measured, and when it may be asked again after a failure.
struct OriginHealth: Sendable {
    private(set) var latency = Interval.milliseconds(300)
    /// Bytes per second of one fetch, request time included.
    private(set) var rate = 1_000_000.0
    /// Pieces that may be asked for at once because they are late. Doubles while they come fast, grows slowly while they
    /// come in time and is halved when they do not, as TCP's window is: an origin that is slow because everybody asks it
    /// must be asked less, not more.
    private(set) var window = 4
    /// Until when nothing is asked for that peers may still bring: so long as the origin is overrun, each request for
    /// what is late delays the injectors, and so everybody.
    private(set) var restsUntil = Instant.zero
    private var rest = Interval.seconds(1)
    private var failures = 0
    private var notBefore = Instant.zero

    /// How long a fetch of `bytes` takes by what was seen so far.
    func timeToFetch(_ bytes: Int) -> Interval { latency + .seconds(Double(bytes) / max(rate, 1)) }

    func isAvailable(at now: Instant) -> Bool { now >= notBefore }

    /// Shares are taken by many at once and measure the origin's rate alone; what is late also tells how busy it is.
    mutating func fetched(
        _ bytes: Int, in time: Interval, isShare: Bool, at now: Instant, using random: inout Randomness
    ) {
        failures = 0
        if !isShare { steer(bytes, in: time, at: now, using: &random) }
        let seconds = max(time.seconds, 0.0005)
        if bytes <= 128 << 10 {
            latency = latency * 0.75 + .seconds(seconds) * 0.25
        } else {
            rate = rate * 0.75 + Double(bytes) / seconds * 0.25
        }
    }

    private mutating func steer(_ bytes: Int, in time: Interval, at now: Instant, using random: inout Randomness) {
        let tooLong = max(Interval.milliseconds(1_500), .seconds(Double(bytes) / 100_000))
        if time > tooLong {
            window = max(2, window / 2)
            restsUntil = now + rest * Double.random(in: 0.5...1.5, using: &random)
            rest = min(rest * 2, .seconds(8))
        } else {
            window = min(256, time < .milliseconds(500) ? window * 2 : window + 8)
            rest = .seconds(1)
        }
    }

    /// Doubles the pause from 0.25 s to 4 s, with full jitter, so that viewers do not come back all at once.
    mutating func failed(at now: Instant, using random: inout Randomness) {
        failures = min(failures + 1, 5)
        let ceiling = 0.25 * Double(1 << (failures - 1))
        notBefore = now + .seconds(Double.random(in: 0.1...max(ceiling, 0.11), using: &random))
    }
}
