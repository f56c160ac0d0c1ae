/// A scenario's swarm in slots of one chunk: no packets, no round trips, one of the classic schemes.
package enum SlottedTier {
    package struct Parameters: Hashable, Sendable {
        package var viewers: Int
        /// Bytes per second of the stream and of the origin's uplink.
        package var rate: Double
        package var origin: Double
        /// Bytes per second, one for each viewer; shorter lists are used again from their start.
        package var uplinks: [Double]
        /// Seconds of a chunk.
        package var chunk: Double
        package var scheme = PushSwarm.Scheme.latestUseful
        /// Neighbors that each viewer picks; `nil` when everybody knows everybody.
        package var picks: Int?
        /// Viewers to whom the origin gives each new chunk; what is missing at its end comes from the origin as well.
        package var copies = 1
        /// Chunks between the newest and the one that is played.
        package var window = 60
        /// Seconds that viewers stay; who leaves is replaced at once. `nil` when nobody leaves.
        package var sessions: Law?
        /// The slots in which each viewer is there, in place of `sessions`; empty when all always are.
        package var attendance: [Range<Int>] = []
        package var chunks = 400
        package var seed: UInt64 = 1

        package init(viewers: Int, rate: Double, origin: Double, uplinks: [Double], chunk: Double) {
            self.viewers = viewers
            self.rate = rate
            self.origin = origin
            self.uplinks = uplinks
            self.chunk = chunk
        }
    }

    package struct Figures: Hashable, Sendable {
        package var copies: Double
        package var offload: Double
        package var deliveredRatio: Double
        /// Share of bytes due that viewers alone deliver in time.
        package var peerRatio: Double
        /// Seconds, from a chunk's birth.
        package var delayMean: Double
        package var delayP50: Double
        package var delayP95: Double
        package var delayMax: Double
        package var delayBound: Double
        /// What nobody can beat who brings viewers as much of these chunks.
        package var copiesBound: Double
        package var offloadBound: Double
        /// How often each delay was counted, by chunks of time.
        package var delayCounts: [Int]
        /// Only with an attendance, of chunks that somebody was due.
        package var courses: [Course] = []
    }

    /// How one chunk fared.
    package struct Course: Hashable, Sendable {
        /// Seconds from the start.
        package var born: Double
        package var viewers: Int
        /// Viewers that got it from viewers, that got the first copies, and whom the origin helped at the end.
        package var fromViewers: Double
        package var injected: Double
        package var repaired: Double

        package var copies: Double { injected + repaired }
        package var delivered: Double { fromViewers + copies }
    }

    package static func run(_ parameters: Parameters) -> Figures {
        var swarm = PushSwarm(viewers: parameters.viewers, scheme: parameters.scheme)
        swarm.picks = parameters.picks
        swarm.copies = max(1, Int(min(Double(parameters.copies), parameters.origin / parameters.rate)))
        swarm.window = min(63, max(1, parameters.window))
        swarm.paces = (0..<parameters.viewers).map { viewer in
            parameters.uplinks.isEmpty ? 0 : parameters.uplinks[viewer % parameters.uplinks.count] / parameters.rate
        }
        swarm.sessions = parameters.sessions.map { $0.scaled(by: 1 / parameters.chunk) }
        swarm.attendance = parameters.attendance
        let warmUp = parameters.attendance.isEmpty ? 2 * swarm.window : 0
        let figures = swarm.run(chunks: parameters.chunks, warmUp: warmUp, seed: parameters.seed)
        let courses = figures.courses.filter { $0.due > 0 }
        let all =
            parameters.attendance.isEmpty
            ? [
                course(
                    due: parameters.viewers, held: Double(parameters.viewers) * (1 - figures.missRatio.value), swarm,
                    parameters)
            ]
            : courses.map { course(born: $0.birth, due: $0.due, held: Double($0.held), swarm, parameters) }
        let wanted = all.reduce(0) { $0 + Double($1.viewers) }
        let delivered = all.reduce(0) { $0 + $1.delivered }
        let copies = all.reduce(0) { $0 + $1.copies }
        // Whatever anybody has left the origin once, and so did what viewers cannot have sent from the first of these
        // births to the end of the last one's window.
        let slots = (courses.first?.birth ?? 0)..<(courses.last?.birth ?? parameters.chunks - 1) + swarm.window
        let counted = parameters.attendance.isEmpty ? Double(parameters.chunks) : Double(courses.count)
        let given = capacity(of: swarm, during: slots) * Double(all.count) / max(1, counted)
        let least = max(all.reduce(0) { $0 + min(1, $1.delivered) }, delivered - given)
        let present = parameters.attendance.isEmpty ? parameters.viewers : all.map(\.viewers).max() ?? 0
        return Figures(
            copies: all.isEmpty ? 0 : copies / Double(all.count),
            offload: delivered > 0 ? 1 - copies / delivered : 0, deliveredRatio: wanted > 0 ? delivered / wanted : 1,
            peerRatio: wanted > 0 ? all.reduce(0) { $0 + $1.fromViewers } / wanted : 0,
            delayMean: figures.meanDelay.value * parameters.chunk,
            delayP50: Double(figures.delayP50) * parameters.chunk,
            delayP95: Double(figures.delayP95) * parameters.chunk,
            delayMax: Double(figures.delayCounts.lastIndex { $0 > 0 } ?? 0) * parameters.chunk,
            delayBound: DelayBound.worst(
                viewers: present, chunk: parameters.rate * parameters.chunk, origin: parameters.origin,
                uplink: parameters.uplinks.max() ?? 0),
            copiesBound: all.isEmpty ? 0 : least / Double(all.count),
            offloadBound: delivered > 0 ? 1 - least / delivered : 0,
            delayCounts: figures.delayCounts, courses: parameters.attendance.isEmpty ? [] : all)
    }

    /// Chunks that viewers can have sent.
    private static func capacity(of swarm: PushSwarm, during slots: Range<Int>) -> Double {
        swarm.paces.enumerated().reduce(0) { sum, viewer in
            let there = swarm.attendance.isEmpty ? slots : slots.clamped(to: swarm.attendance[viewer.offset])
            // A part of a chunk may have been left from before.
            return there.isEmpty || viewer.element == 0 ? sum : sum + viewer.element * Double(there.count) + 1
        }
    }

    private static func course(
        born slot: Int = 0, due: Int, held: Double, _ swarm: PushSwarm, _ parameters: Parameters
    ) -> Course {
        let injected = min(Double(swarm.copies), held)
        return Course(
            born: Double(slot) * parameters.chunk, viewers: due, fromViewers: held - injected, injected: injected,
            repaired: min(Double(due) - held, max(0, parameters.origin / parameters.rate - injected)))
    }
}
