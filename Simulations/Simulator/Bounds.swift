package import Scenarios
package import Vocabulary

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

    private init(copies: Double, offload: Double, delay: Double) {
        self.copies = copies
        self.offload = offload
        self.delay = delay
    }

    /// For all viewers of a scenario at once.
    package init(_ scenario: Scenario) {
        let seats = Attendance(scenario).seats
        let givingHomes = Set(seats.filter(\.role.gives).map(\.home)).sorted()
        let uplink = givingHomes.reduce(0) { $0 + seats[$1].up }
        self.init(
            viewers: seats.count, rate: scenario.bitrate / 8, uplink: uplink, delay: Self.delay(scenario, seats))
    }

    private static func delay(_ scenario: Scenario, _ seats: [Seat]) -> Double {
        let length = Double(scenario.segmentLength)
        let first = length / scenario.originUplink.bytesPerSecond(beside: scenario.bitrate)
        let downlink = seats.map(\.down).max() ?? .infinity
        // Whichever way it takes, it first goes from the origin to somebody.
        let way = scenario.originRegion.flatMap { scenario.regionDelays.names.firstIndex(of: $0) }.map { origin in
            seats.map { scenario.regionDelays.delays[origin][$0.region] }.min() ?? 0
        }
        return scenario.delay + (way ?? 0) + max(first, length / downlink)
    }

    /// For the `segments` of a run and what viewers got of them, all of it since `start`.
    ///
    /// Whatever anybody got left the origin once, and so did what the lines of those who gave cannot have carried while
    /// they were there: that holds for those who come late or leave, and for a run that served nobody.
    package init(_ segments: [Measurements.Segment], of scenario: Scenario, since start: Instant = .zero) {
        let seats = Attendance(scenario).seats
        let carried = Self.capacity(of: seats, scenario, since: start)
        let shown = segments.reduce(0) { $0 + Double($1.shownBytes) }
        let useful = segments.reduce(0) { $0 + Double($1.usefulBytes) }
        let stream = segments.reduce(0) { $0 + Double($1.length) }
        let least = max(shown, useful - carried)
        self.init(
            copies: least / max(1, stream), offload: useful > 0 ? 1 - least / useful : 0,
            delay: Self.delay(scenario, seats))
    }

    /// Bytes that homes can have sent while somebody was there who gives.
    private static func capacity(of seats: [Seat], _ scenario: Scenario, since start: Instant) -> Double {
        let end = Instant.zero + .seconds(scenario.length)
        var free = [Instant](repeating: start, count: seats.count)
        var bytes = 0.0
        for seat in seats where seat.role.gives {
            let (from, to) = (max(seat.join, free[seat.home]), min(seat.leave, end))
            guard from < to else { continue }
            bytes += seats[seat.home].uplink(beside: scenario.bitrate / 8) * (to - from).seconds
            free[seat.home] = to
        }
        return bytes
    }
}
