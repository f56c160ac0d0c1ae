package import Scenarios

/// What no scheduler can beat (Kumar, Liu, Ross, INFOCOM 2007; Huang, Li, Ross, SIGCOMM 2007).
package struct Bounds: Hashable, Sendable {
    package let copies: Double
    package let offload: Double
    /// Seconds until the last byte of a segment can be anywhere: it has to leave the origin, and to reach a viewer.
    package let delay: Double

    /// For `viewers` at the stream's `rate` with `uplink` bytes per second in all.
    package init(viewers: Int, rate: Double, uplink: Double, delay: Double = 0) {
        let demand = Double(viewers) * rate
        self.delay = delay
        copies = max(1, (demand - uplink) / rate)
        offload = max(0, min(1 - 1 / Double(max(1, viewers)), uplink / demand))
    }

    /// For all viewers of a scenario at once.
    package init(_ scenario: Scenario) {
        let seats = Attendance(scenario).seats
        let givingHomes = Set(seats.filter(\.role.gives).map(\.home)).sorted()
        let uplink = givingHomes.reduce(0) { $0 + seats[$1].up }
        let length = Double(scenario.segmentLength)
        let first = length / scenario.originUplink.bytesPerSecond(beside: scenario.bitrate)
        let downlink = seats.map(\.down).max() ?? .infinity
        self.init(
            viewers: seats.count, rate: scenario.bitrate / 8, uplink: uplink,
            delay: scenario.delay + max(first, length / downlink))
    }
}
