/// The same audience as in a scenario, served by an oracle: what no scheduler can beat, moment by moment.
package enum FluidTier {
    package struct Viewer: Hashable, Sendable {
        /// Seconds from the start; `leaves` may be infinite.
        package var joins: Double
        package var leaves: Double
        /// Bytes per second.
        package var uplink: Double

        package init(joins: Double, leaves: Double = .infinity, uplink: Double) {
            self.joins = joins
            self.leaves = leaves
            self.uplink = uplink
        }
    }

    package struct Parameters: Hashable, Sendable {
        /// Bytes per second of the stream and of the origin's uplink.
        package var rate: Double
        package var origin: Double
        package var audience: [Viewer]
        /// Uplinks that are no viewer's own, such as of homes with several viewers, while they are there.
        package var sharedUplinks: [Viewer] = []
        /// Seconds.
        package var duration: Double
        /// Bytes of the unit that viewers pass on only when they have all of it.
        package var chunk: Double
        /// Bytes sent beside each useful byte.
        package var overhead = 0.0

        package init(rate: Double, origin: Double, audience: [Viewer], duration: Double, chunk: Double) {
            self.rate = rate
            self.origin = origin
            self.audience = audience
            self.duration = duration
            self.chunk = chunk
        }
    }

    package struct Sample: Hashable, Sendable {
        package var time: Double
        package var viewers: Int
        /// Bytes per second.
        package var originRate: Double
        package var deliveredRate: Double
        package var isUniversal: Bool
    }

    package struct Figures: Hashable, Sendable {
        package var originBytes = 0.0
        package var peerBytes = 0.0
        package var deliveredBytes = 0.0
        package var wantedBytes = 0.0
        /// Bytes of the stream while anybody watched.
        package var streamBytes = 0.0
        /// Seconds in which somebody watched and in which all could have everything.
        package var watchedSeconds = 0.0
        package var universalSeconds = 0.0
        package var mostViewers = 0
        /// Seconds from a chunk's birth until the last of the most viewers can have it.
        package var delayBound = 0.0
        /// One a second.
        package var samples: [Sample] = []

        package var copies: Double { streamBytes > 0 ? originBytes / streamBytes : 0 }
        package var offload: Double { deliveredBytes > 0 ? peerBytes / deliveredBytes : 0 }
        package var deliveredRatio: Double { wantedBytes > 0 ? deliveredBytes / wantedBytes : 1 }
        package var universalShare: Double { watchedSeconds > 0 ? universalSeconds / watchedSeconds : 1 }
    }

    package static func run(_ parameters: Parameters) -> Figures {
        // At one moment who leaves goes before who comes: they are never there together. Lines come after their viewers
        // and go before them.
        var changes: [(time: Double, order: Int, viewers: Int, uplink: Double)] = []
        for viewer in parameters.audience where viewer.joins < parameters.duration && viewer.joins < viewer.leaves {
            changes.append((max(0, viewer.joins), 2, 1, viewer.uplink))
            if viewer.leaves < parameters.duration { changes.append((viewer.leaves, 1, -1, -viewer.uplink)) }
        }
        for line in parameters.sharedUplinks where line.joins < parameters.duration && line.joins < line.leaves {
            changes.append((max(0, line.joins), 3, 0, line.uplink))
            if line.leaves < parameters.duration { changes.append((line.leaves, 0, 0, -line.uplink)) }
        }
        changes.sort { ($0.time, $0.order) < ($1.time, $1.order) }
        changes.append((parameters.duration, 0, 0, 0))
        var figures = Figures()
        var viewers = 0
        var uplinks = 0.0
        var now = 0.0
        for change in changes {
            let state = allocation(viewers: viewers, uplinks: uplinks, parameters)
            figures.add(state, wanted: Double(viewers) * parameters.rate, rate: parameters.rate, for: change.time - now)
            while Double(figures.samples.count) < change.time, figures.samples.count < 1_000_000 {
                var sample = state
                sample.time = Double(figures.samples.count)
                figures.samples.append(sample)
            }
            now = change.time
            viewers += change.viewers
            // Without viewers, what is left of the sum is rounding.
            uplinks = viewers == 0 ? 0 : uplinks + change.uplink
            figures.mostViewers = max(figures.mostViewers, viewers)
        }
        figures.delayBound = DelayBound.worst(
            viewers: figures.mostViewers, chunk: parameters.chunk, origin: parameters.origin,
            uplink: (parameters.audience + parameters.sharedUplinks).map(\.uplink).max() ?? 0)
        return figures
    }

    /// What the oracle does while nobody comes or goes: the highest rate up to the stream's, at least cost to the origin.
    private static func allocation(viewers: Int, uplinks: Double, _ parameters: Parameters) -> Sample {
        let useful = uplinks / (1 + parameters.overhead)
        let each = min(
            parameters.rate,
            StreamingCapacity.maximumRate(origin: parameters.origin, uplinks: useful, viewers: viewers))
        let delivered = Double(viewers) * each
        return Sample(
            time: 0, viewers: viewers, originRate: viewers == 0 ? 0 : max(each, delivered - useful),
            deliveredRate: viewers == 0 ? 0 : delivered, isUniversal: viewers == 0 || each >= parameters.rate)
    }
}

extension FluidTier.Figures {
    fileprivate mutating func add(_ state: FluidTier.Sample, wanted: Double, rate: Double, for seconds: Double) {
        guard state.viewers > 0 else { return }
        originBytes += state.originRate * seconds
        peerBytes += (state.deliveredRate - state.originRate) * seconds
        deliveredBytes += state.deliveredRate * seconds
        wantedBytes += wanted * seconds
        streamBytes += rate * seconds
        watchedSeconds += seconds
        if state.isUniversal { universalSeconds += seconds }
    }
}
