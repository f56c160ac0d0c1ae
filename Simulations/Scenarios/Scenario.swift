package import Vocabulary

/// One question about a swarm, with the imagined world in which it is asked.
package struct Scenario: Hashable, Sendable {
    package var name: String
    /// Its title: one sentence that ends with a question mark.
    package var question: String

    package var viewers = 30
    /// Bytes of one segment, or bits per second of the stream.
    package var volume = Volume.segment(1 << 20)
    /// Seconds.
    package var segmentDuration = 2.0
    /// How long the broadcast is watched, in seconds.
    package var length = 60.0

    package var originUplink = Rate.bitsPerSecond(16e6)
    package var originOutage: Outage?
    package var trackerOutage: Outage?

    package var lines = Lines.spread(up: .same(.bitsPerSecond(8e6)), down: .same(.bitsPerSecond(40e6)))
    package var sharedLines: SharedLines?
    /// Seconds that a host's packets take to any other host, regions aside: a round trip takes twice as long.
    package var delay = 0.020
    package var regions: Mixture?
    package var regionDelays = Regions.builtIn
    package var regionFile: String?
    /// Seconds at most by which a packet is later than the delay says.
    package var jitter = 0.0
    /// Share of packets that are lost on their way.
    package var loss = 0.0
    package var nat: Mixture?

    package var arrivals = Arrivals.over(5)
    package var sessions = Sessions.stay
    /// Share of viewers that leave per second, each replaced by a newcomer.
    package var churn = 0.0
    package var exodus: Exodus?

    /// Share of viewers that give nothing and say so, and their uplink, if it is another.
    package var freeRiders = 0.0
    package var freeRiderUplink: Rate?
    /// Share of viewers that promise pieces and never send one.
    package var stalledPeers = 0.0
    /// Share of viewers that claim to have everything.
    package var liars = 0.0
    /// Share of viewers that send bytes that do not verify.
    package var polluters = 0.0

    /// Seconds of the stream that a player has before it starts, one whole segment at least.
    package var playerBuffer = 0.0
    /// How many links a viewer opens; `nil` for what real peers do.
    package var neighbors: Int?
    /// How many viewers fetch for the swarm; `nil` for what real trackers do.
    package var injectors: Int?
    /// By the name of the question that each answers.
    package var policies: [String: String] = [:]
    package var seed: UInt64 = 1

    /// The values' files: what was read, so that a run is named by it.
    var files: [String: UInt64] = [:]

    package enum Volume: Hashable, Sendable {
        case segment(Int)
        case bitrate(Double)
    }

    /// When somebody is away, in seconds.
    package struct Outage: Hashable, Sendable {
        package let start: Double
        package let length: Double

        package var range: Range<Instant> {
            Instant.zero + .seconds(start)..<Instant.zero + .seconds(start + length)
        }
    }

    /// A share of the viewers vanishes at one moment without a word.
    package struct Exodus: Hashable, Sendable {
        package let share: Double
        /// Seconds.
        package let time: Double
    }

    /// A share of the viewers lives in homes of so many viewers each, which share one line.
    package struct SharedLines: Hashable, Sendable {
        package let share: Double
        package let size: Int
    }

    init(name: String, question: String) {
        self.name = name
        self.question = question
    }

    /// Bytes of one segment.
    package var segmentLength: Int {
        switch volume {
        case .segment(let bytes): bytes
        case .bitrate(let rate): max(1, Int((rate * segmentDuration / 8).rounded()))
        }
    }

    /// Bits per second of the stream.
    package var bitrate: Double { Double(segmentLength) * 8 / segmentDuration }

    /// Viewers that are there at first, or come in the course of a trace.
    package var audience: Int {
        guard case .trace(_, let guests) = arrivals else { return viewers }
        return guests.count
    }

    /// The region that the origin is in, where it matters: the first that is named.
    package var originRegion: String? {
        if case .trace(_, let guests) = arrivals, let region = guests.lazy.compactMap(\.region).first { return region }
        return regions?.parts.first?.name
    }

    package static let natKinds = ["none", "full", "restricted", "symmetric"]
}
