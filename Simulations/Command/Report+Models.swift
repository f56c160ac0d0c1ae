import Models
import Results
import Scenarios
import Simulator
import Tiers
import Vocabulary

/// What an oracle could do, and what one of the classic schemes does.
extension Report {
    init(_ scenario: Scenario, _ figures: FluidTier.Figures) {
        let bounds = Bounds(scenario)
        let whole = Self.isBounded(scenario, by: bounds, delivered: figures.deliveredRatio) ? bounds : nil
        self.init(
            scenario, tier: .fluid, viewers: Attendance(scenario).seats.count,
            lines: [
                Line("copies", figures.copies, bound: whole?.copies, "all viewers at once"),
                Line("offload", figures.offload, bound: whole?.offload, "all viewers at once"),
                Line("delivered_share", figures.deliveredRatio, "of what those who were there wanted"),
                Line("universal_share", figures.universalShare, "of the time, everybody could have everything"),
                Line("piece_delay_max_s", nil, bound: figures.delayBound, "birth to the last viewer; none below"),
                Line("delay_p50_s", nil, bound: bounds.delay, "publication to whole segment; none below"),
                Line("origin_bytes", figures.originBytes.rounded()),
                Line("peer_bytes", figures.peerBytes.rounded()),
                Line("delivered_bytes", figures.deliveredBytes.rounded()),
                Line("viewers_most", Double(figures.mostViewers), "at once"),
            ])
        timePoints = figures.samples.flatMap { sample in
            let delivered = sample.deliveredRate
            let rate = scenario.bitrate / 8
            let watched = [
                ("offload", 1 - sample.originRate / delivered), ("copies", sample.originRate / rate),
                ("delivered_share", delivered / (rate * Double(sample.viewers))), ("origin_bytes", sample.originRate),
                ("peer_bytes", delivered - sample.originRate),
            ]
            return ([("viewers", Double(sample.viewers))] + (sample.viewers > 0 ? watched : [])).map {
                TimePoint(time: sample.time, metric: $0, value: $1)
            }
        }
    }

    /// Bounds for all viewers at once are none where not everybody got everything, or where viewers have too little to give
    /// and not all are there all the time.
    private static func isBounded(_ scenario: Scenario, by bounds: Bounds, delivered: Double) -> Bool {
        let seats = Attendance(scenario).seats
        return delivered >= 1 - 1e-9
            && (bounds.copies <= 1
                || seats.allSatisfy { $0.join == seats[0].join && $0.leave == .distantFuture })
    }

    init(_ scenario: Scenario, _ figures: SlottedTier.Figures, chunk: Double) {
        let bounds = Bounds(scenario)
        let hasDelays = figures.delayCounts.contains { $0 > 0 }
        func delay(_ value: Double) -> Double? { hasDelays ? value : nil }
        self.init(
            scenario, tier: .slotted, viewers: Attendance(scenario).seats.count,
            lines: [
                Line("copies", figures.copies, bound: figures.copiesBound, "to bring viewers as much, no scheme below"),
                Line(
                    "offload", figures.offload, bound: figures.offloadBound, "to bring viewers as much, no scheme above"
                ),
                Line("delivered_share", figures.deliveredRatio, "of what those who were there wanted"),
                Line("peer_share", figures.peerRatio, "the same, by viewers alone and in time"),
                Line("piece_delay_mean_s", delay(figures.delayMean), "birth to arrival from viewers"),
                Line("piece_delay_p50_s", delay(figures.delayP50)),
                Line("piece_delay_p95_s", delay(figures.delayP95)),
                Line(
                    "piece_delay_max_s", delay(figures.delayMax), bound: figures.delayBound,
                    "birth to the last viewer; none below if all get it"),
                Line("delay_p50_s", nil, bound: bounds.delay, "publication to whole segment; none below"),
            ])
        timePoints = Self.timePoints(figures.courses)
        distributions = figures.delayCounts.enumerated().filter { $1 > 0 }.map {
            DistributionPoint(metric: "piece_delay_s", value: Double($0) * chunk, count: $1)
        }
    }

    /// Means over the chunks that were born in the same second.
    private static func timePoints(_ courses: [SlottedTier.Course]) -> [TimePoint] {
        var points: [TimePoint] = []
        var start = courses.startIndex
        while start < courses.endIndex {
            let second = courses[start].born.rounded(.down)
            let end = courses[start...].firstIndex { $0.born >= second + 1 } ?? courses.endIndex
            let part = courses[start..<end]
            let count = Double(part.count)
            let viewers = part.reduce(0) { $0 + Double($1.viewers) }
            let delivered = part.reduce(0) { $0 + $1.delivered }
            let copies = part.reduce(0) { $0 + $1.copies }
            for (metric, value) in [
                ("viewers", viewers / count), ("offload", 1 - copies / delivered), ("copies", copies / count),
                ("delivered_share", delivered / viewers),
            ] {
                points.append(TimePoint(time: second, metric: metric, value: value))
            }
            start = end
        }
        return points
    }
}
