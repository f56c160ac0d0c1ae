package import Scenarios
import Simulator

/// How closely a scenario is imagined.
package enum Tier: String, CaseIterable, Sendable {
    /// The real cores, message by message.
    case events
    /// Chunks in slots, pushed by one of the classic schemes.
    case slotted
    /// An oracle's rates from moment to moment.
    case fluid

    /// The keys of a scenario whose values say something that this tier does not imagine.
    package func passesOver(_ scenario: Scenario) -> [String] {
        guard self != .events else { return [] }
        let rate = scenario.bitrate / 8
        let isNarrow = Attendance(scenario).seats.contains { $0.down < rate }
        let said: [(key: String, isSaid: Bool)] = [
            ("origin-outage", scenario.originOutage != nil), ("tracker-outage", scenario.trackerOutage != nil),
            ("shared-lines", self == .slotted && scenario.sharedLines != nil), ("downlink", isNarrow),
            ("regions", scenario.regions != nil), ("jitter", scenario.jitter > 0), ("loss", scenario.loss > 0),
            ("nat", scenario.nat != nil), ("liars", scenario.liars > 0), ("polluters", scenario.polluters > 0),
            ("stalled-peers", scenario.stalledPeers > 0), ("player-buffer", scenario.playerBuffer > 0),
            ("neighbors", scenario.neighbors != nil), ("injectors", scenario.injectors != nil),
        ]
        return said.filter(\.isSaid).map(\.key) + scenario.policies.keys.sorted().map { "policy.\($0)" }
    }

    /// Why this tier has no answer to a scenario; `nil` when it has one.
    package func refusal(of scenario: Scenario) -> String? {
        guard self != .events else { return nil }
        guard !Attendance(scenario).seats.isEmpty else {
            return "the \(rawValue) tier needs somebody who comes before the end"
        }
        guard self == .slotted else { return nil }
        guard scenario.originUplink.bytesPerSecond(beside: scenario.bitrate) >= scenario.bitrate / 8 else {
            return "the slotted tier needs an origin-uplink of the bitrate or more: its origin gives each chunk once"
        }
        let chunk = Chunk(scenario)
        let shortest = chunk.seconds * Double(Chunk.window + Chunk.fewest)
        guard scenario.length >= shortest else {
            let tenths = (shortest * 10).rounded(.up) / 10
            return "the slotted tier needs a length of \(tenths) s or more: \(Chunk.window) chunks of its window and "
                + "\(Chunk.fewest) that it counts"
        }
        return nil
    }
}
