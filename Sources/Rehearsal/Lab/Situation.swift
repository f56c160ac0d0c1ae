import CommandLine
import RehearsalNetwork
import Scenarios
import Vocabulary

/// A scenario as the laboratory can make it: the network and the viewers of one run.
struct Situation: Sendable {
    enum Misconduct: Sendable {
        /// Sends pieces with a bit flipped.
        case lying
        /// Takes links and subscriptions and never sends a piece.
        case withholding
    }

    private let scenario: Scenario

    /// Those that are run when none is named.
    static let usual = [
        "thirty", "thirty-3x", "scarce", "half-give", "flash-crowd", "exodus", "stalled-peers", "hostile-peers",
    ]
    /// The clip that is broadcast is made for 2 MiB every 4 s.
    static let segmentDuration = 4.0
    private static let segmentLength = 2 << 20
    /// More would need more than a machine.
    private static let mostViewers = 200

    /// - Parameter changes: `key = value` lines for the simulator's grammar.
    init(_ name: String, changes: [String] = []) throws {
        let known: Scenario?
        do throws(ScenarioError) {
            known = try Catalog.scenario(name, overrides: changes)
        } catch {
            throw Complaint(error.description, exitCode: Complaint.usage)
        }
        guard let known else {
            throw Complaint(
                "there is no scenario \(name), but \(Catalog.names.joined(separator: ", "))", exitCode: Complaint.usage)
        }
        scenario = known
        if let obstacle {
            throw Complaint("the laboratory cannot make \(name): \(obstacle)", exitCode: Complaint.usage)
        }
    }

    var name: String { scenario.name }
    var question: String { scenario.question }
    var viewers: Int { scenario.viewers }
    var length: Interval { .seconds(scenario.length) }
    /// As a scenario file says them.
    var parameters: [(key: String, value: String)] { scenario.parameters }

    /// What of the scenario only the simulator has.
    private var obstacle: String? {
        let isKnownArrival =
            switch scenario.arrivals {
            case .atOnce, .over, .flashCrowd: true
            case .poisson, .trace: false
            }
        let wishes: [(has: Bool, what: String)] = [
            (viewers > Self.mostViewers, "it has more than \(Self.mostViewers) viewers"),
            (scenario.segmentLength != Self.segmentLength, "its segments are not 2 MiB long"),
            (scenario.segmentDuration != Self.segmentDuration, "its segments do not last 4 s"),
            (scenario.originOutage != nil || scenario.trackerOutage != nil, "somebody is away in it"),
            (scenario.sharedLines != nil, "viewers share lines in it"),
            (scenario.regions != nil, "it has regions"),
            (!isKnownArrival, "its viewers come by chance or by a trace"),
            (scenario.sessions != .stay || scenario.churn > 0, "its viewers come and go"),
            (scenario.liars > 0, "it has liars"),
            (scenario.stalledPeers > 0 && scenario.polluters > 0, "it has two kinds of misconduct"),
            (scenario.playerBuffer > 0, "its players wait for a buffer"),
            (
                scenario.neighbors != nil || scenario.injectors != nil || !scenario.policies.isEmpty,
                "it changes a policy"
            ),
        ]
        return wishes.first { $0.has }?.what
    }

    // MARK: Who is who

    /// Whether a viewer is among a share of them: every second one for a half, so that chosen and others are alike.
    private static func isAmong(_ share: Double, _ viewer: Int) -> Bool {
        Int(Double(viewer + 1) * share + 1e-9) > Int(Double(viewer) * share + 1e-9)
    }

    func isStingy(_ viewer: Int) -> Bool { Self.isAmong(scenario.freeRiders, viewer) }

    func misconduct(of viewer: Int) -> Misconduct? {
        if Self.isAmong(scenario.stalledPeers, viewer) { return .withholding }
        return Self.isAmong(scenario.polluters, viewer) ? .lying : nil
    }

    func isMisbehaving(_ viewer: Int) -> Bool { misconduct(of: viewer) != nil }

    /// When viewers vanish, from the moment at which the first may join.
    var exodus: Interval? { scenario.exodus.map { .seconds($0.time) } }
    func vanishes(_ viewer: Int) -> Bool { Self.isAmong(scenario.exodus?.share ?? 0, viewer) }

    /// When a viewer joins, from the moment at which the first may.
    func join(of viewer: Int) -> Interval {
        switch scenario.arrivals {
        case .over(let time): return .seconds(time * Double(viewer) / Double(max(1, viewers)))
        case .flashCrowd(let base, let start, let within):
            guard viewer >= base else { return .zero }
            return .seconds(start + within * Double(viewer - base) / Double(max(1, viewers - base)))
        case .atOnce, .poisson, .trace: return .zero
        }
    }

    var lastJoin: Interval { join(of: viewers - 1) }

    // MARK: Lines

    var origin: Line {
        var line = server
        line.up = bitsPerSecond(scenario.originUplink)
        return line
    }

    /// What is as far away as everybody and has no bound.
    var server: Line {
        // The scenario counts a packet's loss once, and here both ends may lose it.
        Line(
            delay: .seconds(scenario.delay), jitter: .seconds(scenario.jitter),
            loss: 1 - (1 - scenario.loss).squareRoot())
    }

    func line(of viewer: Int) -> Line {
        // The golden ratio's multiples lie evenly however many there are, and neighbors in number far from each other.
        let place = ((Double(viewer) + 0.5) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
        var line = server
        switch scenario.lines {
        case .spread(let up, let down):
            line.up = Self.bounded(up.bytesPerSecond(at: place, beside: scenario.bitrate) * 8)
            line.down = Self.bounded(down.bytesPerSecond(at: place, beside: scenario.bitrate) * 8)
        case .classes, .mix:
            var rest = place
            let classes = scenario.lines.classes ?? []
            let own = classes.first { one in
                rest -= one.share
                return rest < 0
            }
            guard let own = own ?? classes.last else { break }
            (line.up, line.down) = (bitsPerSecond(own.up), bitsPerSecond(own.down))
        }
        if isStingy(viewer), let rate = scenario.freeRiderUplink { line.up = bitsPerSecond(rate) }
        return line
    }

    func nat(of viewer: Int) -> NAT {
        let place = ((Double(viewer) + 0.5) * 0.414_213_562_373_095).truncatingRemainder(dividingBy: 1)
        return scenario.nat.flatMap { NAT(rawValue: $0.name(at: place)) } ?? .none
    }

    private func bitsPerSecond(_ rate: Rate) -> Double {
        Self.bounded(rate.bytesPerSecond(beside: scenario.bitrate) * 8)
    }

    /// A line that carries nothing would be one without a bound: it carries next to nothing.
    private static func bounded(_ rate: Double) -> Double { rate.isFinite ? max(rate, 1_000) : 0 }
}
