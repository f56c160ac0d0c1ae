package import Models
package import Scenarios
import Simulator
import Vocabulary

extension FluidTier.Parameters {
    /// The audience that the events tier would have with this seed; who sends nothing useful gives nothing.
    package init(_ scenario: Scenario) {
        let rate = scenario.bitrate / 8
        let seats = Attendance(scenario).seats
        // More than everybody's stream is of no use to anybody, and sums of infinities are none.
        let most = rate * Double(seats.count + 1)
        var homes: [Int: [Seat]] = [:]
        for seat in seats { homes[seat.home, default: []].append(seat) }
        self.init(
            rate: rate, origin: scenario.originUplink.bytesPerSecond(beside: scenario.bitrate),
            audience: seats.map { seat in
                let isAlone = homes[seat.home]?.count == 1
                return FluidTier.Viewer(seat, uplink: isAlone && seat.role.gives ? min(most, seat.up) : 0)
            }, duration: scenario.length, chunk: Chunk(scenario).bytes)
        // A home's line is there while anybody is there who gives.
        for (_, members) in homes.sorted(by: { $0.key < $1.key }) where members.count > 1 {
            sharedUplinks += Self.line(of: members.filter(\.role.gives), at: min(most, members[0].up))
        }
    }

    private static func line(of members: [Seat], at uplink: Double) -> [FluidTier.Viewer] {
        var times: [FluidTier.Viewer] = []
        for seat in members.sorted(by: { $0.join < $1.join }) {
            let stay = FluidTier.Viewer(seat, uplink: uplink)
            if let last = times.last, stay.joins <= last.leaves {
                times[times.count - 1].leaves = max(last.leaves, stay.leaves)
            } else {
                times.append(stay)
            }
        }
        return times
    }
}

extension FluidTier.Viewer {
    fileprivate init(_ seat: Seat, uplink: Double) {
        self.init(
            joins: seat.join.seconds, leaves: seat.leave == .distantFuture ? .infinity : seat.leave.seconds,
            uplink: uplink)
    }
}
