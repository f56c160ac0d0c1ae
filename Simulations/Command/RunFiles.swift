import Results
import Scenarios
import Simulator
import Vocabulary

/// The files of one run.
struct RunFiles {
    let report: Report
    let traced: (sequence: Int, index: Int)

    private var result: Measurements { report.result }

    func write(to folder: String, host: Host) throws(ResultFailure) {
        let manifest = report.manifest
        let run = manifest.runID
        let writer = try ResultWriter(folder: folder)
        try writer.write(manifest)
        try writer.write(host)
        try writer.write(report.summary)
        try writer.write(timePoints, of: run)
        try writer.write(segmentPoints, of: run)
        try writer.write(distributions, of: run)
        try writer.write(viewers, of: run)
        try writer.write(edges, of: run)
        try writer.commit()
    }

    /// Shares are of what was sent in the last segment's duration; bytes are of the last second.
    private var timePoints: [TimePoint] {
        let span = max(1, Int(report.scenario.segmentDuration.rounded(.up)))
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

    private var segmentPoints: [SegmentPoint] {
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

    private var distributions: [DistributionPoint] {
        let spectra = [("delay_s", result.delays), ("startup_s", result.startups), ("stall_s", result.stallLengths)]
        return spectra.flatMap { metric, spectrum in
            spectrum.bins.map { DistributionPoint(metric: metric, value: $0.upperEdge.seconds, count: $0.count) }
        }
    }

    private var viewers: [ViewerRow] {
        result.visits.enumerated().map { index, visit in
            ViewerRow(
                viewer: index, join: visit.join, leave: visit.leave, up: visit.up, down: visit.down,
                region: visit.region, nat: visit.nat, role: visit.role, stalls: visit.stalls, stalled: visit.stalled,
                startup: visit.startup, bytesFromPeers: visit.bytesFromPeers, bytesFromOrigin: visit.bytesFromOrigin,
                bytesUploaded: visit.bytesUploaded)
        }
    }

    private var edges: [TreeEdge] {
        result.hops.map {
            TreeEdge(
                segment: traced.sequence, piece: traced.index, from: $0.from, to: $0.to, sent: $0.sent,
                arrived: $0.arrived)
        }
    }
}
