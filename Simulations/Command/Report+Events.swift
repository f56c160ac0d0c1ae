import Results
import Scenarios
import Simulator
import Tiers
import Vocabulary

/// What the real cores did.
extension Report {
    init(_ scenario: Scenario, _ result: Measurements, traced: (sequence: Int, index: Int)) {
        self.init(scenario, tier: .events, viewers: result.viewers, lines: Self.lines(result, of: scenario))
        timePoints = Self.timePoints(result, span: max(1, Int(scenario.segmentDuration.rounded(.up))))
        segmentPoints = Self.segmentPoints(result)
        distributions = Self.distributions(result)
        visitors = Self.visitors(result)
        edges = result.hops.map {
            TreeEdge(
                segment: traced.sequence, piece: traced.index, from: $0.from, to: $0.to, sent: $0.sent,
                arrived: $0.arrived)
        }
    }

    /// What no run can show, whatever the policies; `nil` when nothing is wrong.
    static func fault(in result: Measurements, of scenario: Scenario) -> String? {
        guard result.isConserved else { return "bytes were made or lost" }
        let bounds = Bounds(result.segments, of: scenario)
        guard result.copies >= bounds.copies - 1e-9 else {
            return "viewers got what neither left the origin nor fits the lines of those who give"
        }
        if let first = result.delays.bins.first, first.upperEdge.seconds < bounds.delay * 0.99 {
            return "a segment came whole before its last byte could"
        }
        return nil
    }

    private static func lines(_ result: Measurements, of scenario: Scenario) -> [Line] {
        let bounds = Bounds(result.segments, of: scenario)
        let steady = Bounds(result.steadySegments, of: scenario, since: result.steadyFrom)
        let delivered = Double(max(1, result.deliveredBytes))
        let watched = max(1e-9, result.watched.seconds)
        return [
            Line("copies", result.copies, bound: bounds.copies, "to bring viewers as much, no scheduler below"),
            Line("offload", result.offload, bound: bounds.offload, "to bring viewers as much, no scheduler above"),
            Line(
                "delay_p50_s", seconds(0.5, result.delays), bound: bounds.delay,
                "publication to whole segment; none below"),
            Line("delay_p95_s", seconds(0.95, result.delays), bound: bounds.delay),
            Line("delay_max_s", seconds(1, result.delays), bound: bounds.delay),
            Line("steady_delay_p50_s", seconds(0.5, result.steadyDelays), "after the first viewers' first 10 s"),
            Line("steady_delay_p95_s", seconds(0.95, result.steadyDelays)),
            Line("steady_copies", result.steadyCopies, bound: steady.copies),
            Line("first_picture_p50_s", seconds(0.5, result.firstPictures), "joining to the first 64 KiB"),
            Line("first_picture_p95_s", seconds(0.95, result.firstPictures)),
            Line("startup_p50_s", seconds(0.5, result.startups), "joining to first whole segment"),
            Line("startup_p95_s", seconds(0.95, result.startups)),
            Line("stalls", Double(result.stalls)),
            Line("stalled_s", result.stalled.seconds),
            Line("stalled_share", result.stalled.seconds / watched, "of the time that viewers watched"),
            Line("missed_segments", Double(result.missed), "due and not whole at the end"),
            Line("control_share", result.controlShare, "frames, requests and announces by delivered bytes"),
            Line("wire_share", result.wireShare, "all bytes on the viewers' downlinks by delivered bytes"),
            Line(
                "wire_copies", Double(result.originWireBytes) / Double(max(1, result.streamBytes)), "headers included"),
            Line("duplicate_share", Double(result.duplicateBytes) / delivered),
            Line("origin_bytes", Double(result.originBytes)),
            Line("peer_bytes", Double(result.peerBytes)),
            Line("delivered_bytes", Double(result.deliveredBytes)),
            Line("lost_bytes", Double(result.lostBytes), "under way to who had gone, or at the end"),
            Line("refused_bytes", Double(result.refusedBytes), "sent by polluters, never accepted"),
            Line("bans", Double(result.bans)),
            Line("viewers_seen", Double(result.viewers)),
        ]
            + (result.packetsSent > 0
                ? [
                    Line(
                        "packet_loss_share", Double(result.packetsLost) / Double(result.packetsSent),
                        "of pieces' and frames' packets")
                ] : [])
            + Traffic.Kind.allCases.map { kind in
                Line("\(spelled(kind))_share", Double(result.traffic[kind]) / delivered)
            }
            + result.fetched.sorted { $0.key < $1.key }.map { Line("fetched_\($0.key)_pieces", Double($0.value)) }
    }

    private static func spelled(_ kind: Traffic.Kind) -> String {
        "\(kind)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }

    private static func seconds(_ q: Double, _ spectrum: Spectrum) -> Double? { spectrum.quantile(q)?.seconds }

    // MARK: Tables

    /// Shares are of what was sent in the last segment's duration; bytes are of the last second.
    private static func timePoints(_ result: Measurements, span: Int) -> [TimePoint] {
        var points: [TimePoint] = []
        for (place, now) in result.seconds.enumerated() {
            let before = place >= span ? result.seconds[place - span] : Measurements.Second(time: 0)
            let last = place > 0 ? result.seconds[place - 1] : Measurements.Second(time: 0)
            let origin = Double(now.originBytes - before.originBytes)
            let delivered = Double(now.deliveredBytes - before.deliveredBytes)
            let stream = Double(now.streamBytes - before.streamBytes)
            // A part of a segment may be delivered in one span and counted at the origin in the one before.
            if delivered > 0 { add("offload", max(0, 1 - origin / delivered)) }
            if stream > 0 { add("copies", origin / stream) }
            add("viewers", Double(now.viewers))
            if now.viewers > 0 { add("playing_share", Double(now.playing) / Double(now.viewers)) }
            add("origin_bytes", Double(now.originBytes - last.originBytes))
            add("peer_bytes", Double(now.peerBytes - last.peerBytes))

            func add(_ metric: String, _ value: Double) {
                points.append(TimePoint(time: now.time, metric: metric, value: value))
            }
        }
        return points
    }

    private static func segmentPoints(_ result: Measurements) -> [SegmentPoint] {
        var points: [SegmentPoint] = []
        for (sequence, segment) in result.segments.enumerated() {
            func add(_ metric: String, _ value: Double) {
                points.append(
                    SegmentPoint(
                        sequence: sequence, published: segment.published.seconds, metric: metric, value: value))
            }
            add("copies", Double(segment.originBytes) / Double(segment.length))
            if let delay = segment.delays.quantile(0.5) { add("delay_p50_s", delay.seconds) }
            if let delay = segment.delays.quantile(0.95) { add("delay_p95_s", delay.seconds) }
            add("viewers", Double(segment.viewers))
            if segment.viewers > 0 { add("complete_share", Double(segment.completions) / Double(segment.viewers)) }
        }
        return points
    }

    private static func distributions(_ result: Measurements) -> [DistributionPoint] {
        let spectra = [("delay_s", result.delays), ("startup_s", result.startups), ("stall_s", result.stallLengths)]
        return spectra.flatMap { metric, spectrum in
            spectrum.bins.map { DistributionPoint(metric: metric, value: $0.upperEdge.seconds, count: $0.count) }
        }
    }

    private static func visitors(_ result: Measurements) -> [ViewerRow] {
        result.visits.enumerated().map { index, visit in
            ViewerRow(
                viewer: index, join: visit.join, leave: visit.leave, up: visit.up, down: visit.down,
                region: visit.region, nat: visit.nat, role: visit.role, stalls: visit.stalls, stalled: visit.stalled,
                startup: visit.startup, bytesFromPeers: visit.bytesFromPeers, bytesFromOrigin: visit.bytesFromOrigin,
                bytesUploaded: visit.bytesUploaded)
        }
    }
}
