package import Models
package import Scenarios
import Simulator
import Vocabulary

extension SlottedTier.Parameters {
    /// The audience that the events tier would have with this seed; who sends nothing useful gives nothing, and who
    /// shares a line has an equal part of it.
    package init(_ scenario: Scenario) {
        let rate = scenario.bitrate / 8
        let seats = Attendance(scenario).seats
        let most = rate * Double(seats.count + 1)
        let chunk = Chunk(scenario)
        let slots = Int(scenario.length / chunk.seconds)
        var givers: [Int: Int] = [:]
        for seat in seats where seat.role.gives { givers[seat.home, default: 0] += 1 }
        self.init(
            viewers: seats.count, rate: rate,
            origin: scenario.originUplink.bytesPerSecond(beside: scenario.bitrate),
            uplinks: seats.map { $0.role.gives ? min(most, $0.up) / Double(givers[$0.home] ?? 1) : 0 },
            chunk: chunk.seconds)
        attendance = seats.map { seat in
            let join = min(slots, Int((seat.join.seconds / chunk.seconds).rounded(.up)))
            let leave = seat.leave == .distantFuture ? Double.infinity : seat.leave.seconds / chunk.seconds
            return join..<max(join, leave < Double(slots) ? Int(leave) : slots + Chunk.window)
        }
        window = Chunk.window
        chunks = slots - Chunk.window
        seed = scenario.seed
    }
}
