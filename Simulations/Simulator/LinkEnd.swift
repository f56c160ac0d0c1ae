import Vocabulary

/// One end of an imagined link: what its sender's TCP knows.
struct LinkEnd {
    /// The viewer at the other end.
    var peer: Int { Int(viewer) }
    private let viewer: Int32
    /// Packets that may be under way at once; it doubles with each round trip that used it up.
    private var window = Int32(Packets.initialWindow)
    private var flying: Int32 = 0
    /// What the packet of the last small frame could still carry.
    private var room: Int16 = 0
    var isOpen = true
    private var lastSent = Instant.zero - .seconds(3_600)
    /// What is sent before this has to wait until then: the window is used up.
    private(set) var blockedUntil = Instant.zero
    /// When the last small frame was sent.
    private var lastFrame = Instant.zero - .seconds(3_600)
    /// TCP does not reorder: nothing arrives before what was sent earlier.
    private var lastArrival = Instant.zero

    /// Linux forgets a connection's window after a pause of one retransmission time: at least this much and a round trip.
    private static let pause = Interval.milliseconds(200)

    init(peer: Int) { viewer = Int32(peer) }

    /// The number of the other end.
    static func twin(of number: Int) -> Int { number ^ 1 }

    /// Takes `packets` to be sent at `now`; returns how many of them the window lets out.
    mutating func admit(_ packets: Int, at now: Instant, roundTrip: Interval) -> Int {
        if flying == 0, now - lastSent > Self.pause + roundTrip { window = Int32(Packets.initialWindow) }
        let sent = min(Int32(packets), max(0, window - flying))
        flying += sent
        lastSent = now
        return Int(sent)
    }

    /// The window is used up: the first acknowledgement comes at `time` and lets the rest out.
    mutating func block(until time: Instant) {
        blockedUntil = max(blockedUntil, time)
        // All that is under way will have been acknowledged about then, and each acknowledgement widens the window.
        window = min(window + flying, 4_096)
    }

    /// When what would reach the other end at `time` does, behind what was sent before it.
    mutating func arrival(at time: Instant) -> Instant {
        lastArrival = max(lastArrival, time)
        return lastArrival
    }

    /// Lost packets halve the window.
    mutating func shrink() { window = max(2, window / 2) }

    mutating func acknowledge(_ packets: Int) { flying = max(0, flying - Int32(packets)) }

    /// Bytes of headers that a small frame of `bytes` costs: frames of one instant share packets.
    mutating func headers(of bytes: Int, at now: Instant) -> (bytes: Int, packets: Int) {
        if lastFrame == now, bytes <= Int(room) {
            room -= Int16(bytes)
            return (0, 0)
        }
        let rest = lastFrame == now ? bytes - Int(room) : bytes
        let packets = Packets.count(rest)
        room = Int16(packets * Packets.payload - rest)
        lastFrame = now
        return (packets * Packets.headers, packets)
    }
}
