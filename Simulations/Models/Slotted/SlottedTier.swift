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
        package var delayBound: Double
    }

    package static func run(_ parameters: Parameters) -> Figures {
        var swarm = PushSwarm(viewers: parameters.viewers, scheme: parameters.scheme)
        swarm.picks = parameters.picks
        swarm.copies = min(parameters.copies, max(1, Int(parameters.origin / parameters.rate)))
        swarm.window = min(63, max(1, parameters.window))
        swarm.paces = (0..<parameters.viewers).map { viewer in
            parameters.uplinks.isEmpty ? 0 : parameters.uplinks[viewer % parameters.uplinks.count] / parameters.rate
        }
        swarm.sessions = parameters.sessions.map { $0.scaled(by: 1 / parameters.chunk) }
        let figures = swarm.run(chunks: parameters.chunks, warmUp: 2 * swarm.window, seed: parameters.seed)
        let n = Double(parameters.viewers)
        let held = n * (1 - figures.missRatio.value)
        let injected = min(Double(swarm.copies), held)
        let repaired = min(n - held, max(0, parameters.origin / parameters.rate - injected))
        return Figures(
            copies: injected + repaired,
            offload: held + repaired > 0 ? 1 - (injected + repaired) / (held + repaired) : 0,
            deliveredRatio: (held + repaired) / n, peerRatio: (held - injected) / n,
            delayMean: figures.meanDelay.value * parameters.chunk,
            delayP50: Double(figures.delayP50) * parameters.chunk,
            delayP95: Double(figures.delayP95) * parameters.chunk,
            delayBound: DelayBound.worst(
                viewers: parameters.viewers, chunk: parameters.rate * parameters.chunk, origin: parameters.origin,
                uplink: parameters.uplinks.max() ?? 0))
    }
}
