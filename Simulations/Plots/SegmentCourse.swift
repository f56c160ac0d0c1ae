import Results

/// A figure of each segment, in the order of publication.
struct SegmentCourse {
    let metric: String

    func chart(of runs: RunCollection) throws(ResultFailure) -> Chart {
        var series: [Series] = []
        var hasUnfinished = false
        for (index, setting) in runs.settings.enumerated() {
            var curves: [[(x: Double, y: Double)]] = []
            for run in setting.runs {
                var curve: [(x: Double, y: Double)] = []
                var unfinished: Set<Double> = []
                try run.forEach(SegmentPoint.self) { point in
                    if point.metric == metric { curve.append((Double(point.sequence), point.value)) }
                    if point.metric == "complete_share", point.value == 0 { unfinished.insert(Double(point.sequence)) }
                }
                // What was published when the run ended says nothing yet.
                hasUnfinished = hasUnfinished || !unfinished.isEmpty
                curve = curve.filter { !unfinished.contains($0.x) }
                if !curve.isEmpty { curves.append(curve.sorted { $0.x < $1.x }) }
            }
            if !curves.isEmpty { series.append(Series(setting: setting, index: index, curves: curves)) }
        }
        let points = series.flatMap { $0.curves.joined() }
        guard let first = points.map(\.x).min(), let last = points.map(\.x).max(), let top = points.map(\.y).max()
        else { throw ResultFailure("these runs have no \(metric) of segments", exitCode: ResultFailure.missing) }
        let bounds = try Picture.bounds(for: [metric], of: runs)
        let (title, factor) = Phrase.axis(metric)
        let margin = max(0.5, (last - first) * 0.01)
        var chart = Chart(
            title: runs.question, caption: runs.provenance + Picture.legendNote(runs),
            x: .linear("segment", first - margin...last + margin, about: 8, isExact: true),
            y: .linear(title, 0...max(top, (bounds.compactMap { $0 }.max() ?? 0) * 1.15, 1.2), factor: factor, about: 5)
        )
        for one in series { one.draw(into: &chart, mark: true) }
        let isShared = Picture.isShared(bounds)
        if series.count > 1 {
            chart.legend = series.map { one in
                let bound = isShared ? nil : bounds[one.index]
                return one.entry(bound.map { " (at least \(Phrase.short($0 * factor)))" } ?? "")
            }
        }
        Picture.draw(bounds, into: &chart) { "over the whole run, no scheduler below \(Phrase.short($0 * factor))" }
        if !isShared { chart.caption += Picture.boundNote }
        if hasUnfinished { chart.caption += " Segments that nobody completed are left out." }
        return chart
    }
}
