import RehearsalNetwork
import Vocabulary

/// One question to the real programs, with the network in which it is asked.
struct Situation: Sendable {
    enum Misconduct: Sendable {
        /// Sends pieces with a bit flipped.
        case lying
        /// Takes links and subscriptions and never sends a piece.
        case withholding
    }

    var name: String
    var question: String
    var viewers = 30
    /// How many of them are there before the others come.
    var early = 0
    /// Over which time viewers join, evenly: all of them, or those who are not early.
    var arrivals = Interval.seconds(5)
    /// How long the early ones watch alone.
    var alone = Interval.zero
    /// What viewers have; see `line(of:)`.
    var viewer = Line(up: 8.388608e6, down: 40e6, delay: .milliseconds(20))
    var origin = Line(up: 8.388608e6, delay: .milliseconds(20))
    /// Every second viewer gives nothing and has this uplink, in bits per second.
    var stingyUp: Double?
    /// Which share of the viewers vanishes without a word half-way.
    var exodus = 0.0
    /// What every second peer does wrong.
    var misconduct: Misconduct?

    /// 2 MiB every 4 s.
    static let segmentDuration = 4.0
    static let segmentLength = 2 << 20

    init(_ name: String, _ question: String, _ change: (inout Situation) -> Void = { _ in }) {
        self.name = name
        self.question = question
        change(&self)
    }

    /// Bits per second of the stream.
    static var rate: Double { Double(segmentLength) * 8 / segmentDuration }

    func isStingy(_ viewer: Int) -> Bool { stingyUp != nil && viewer % 2 == 1 }
    func isMisbehaving(_ viewer: Int) -> Bool { misconduct != nil && viewer % 2 == 1 }
    /// Every second one, or every fourth for a quarter, so that those who stay and those who go are alike.
    func vanishes(_ viewer: Int) -> Bool {
        Int(Double(viewer + 1) * exodus) > Int(Double(viewer) * exodus)
    }

    func line(of viewer: Int) -> Line {
        guard isStingy(viewer), let stingyUp else { return self.viewer }
        var line = self.viewer
        line.up = stingyUp
        return line
    }

    /// When a viewer joins, from the moment at which the first may.
    func join(of viewer: Int) -> Interval {
        guard viewer >= early else { return .milliseconds(Int64(viewer) * 100) }
        let others = viewers - early
        return alone + arrivals * (Double(viewer - early) / Double(max(1, others)))
    }

    /// As a scenario file of the simulator says them.
    var parameters: [(key: String, value: String)] {
        [
            ("viewers", "\(viewers)"), ("segment-length", "\(Self.segmentLength) B"),
            ("segment-duration", "\(Self.segmentDuration) s"), ("uplink", "\(viewer.up) bit/s"),
            ("downlink", "\(viewer.down) bit/s"), ("delay", "\(viewer.delay.milliseconds) ms"),
            ("queue", "\(viewer.queue.milliseconds) ms"), ("origin-uplink", "\(origin.up) bit/s"),
            ("arrivals", "\(arrivals.seconds) s"),
        ]
    }

    var lastJoin: Interval { join(of: viewers - 1) }

    static let all: [Situation] = [
        Situation("thirty", "How many copies leave the origin when thirty viewers with twice the bitrate just watch?"),
        Situation("thirty-3x", "How late is the picture when thirty viewers have thrice the bitrate?") {
            $0.viewer.up = 3 * rate
        },
        Situation("scarce", "Who pays when viewers can give only half of what they take?") {
            $0.viewer.up = 0.5 * rate
            $0.origin.up = 0
        },
        Situation("half-give", "Who pays when half of the viewers give nothing?") {
            $0.viewer.up = 4 * rate
            $0.stingyUp = 0.25e6
        },
        Situation("flash-crowd", "What does it cost when thirty come to three within five seconds?") {
            ($0.early, $0.viewers) = (3, 33)
            $0.alone = .seconds(15)
        },
        Situation("exodus", "Who stalls when half of the viewers vanish at once?") { $0.exodus = 0.5 },
        Situation("stalled-peers", "Who waits when every other peer promises and never sends?") {
            $0.misconduct = .withholding
        },
        Situation("hostile-peers", "How far does a lie spread when every other peer sends wrong bytes?") {
            $0.misconduct = .lying
        },
    ]
}
