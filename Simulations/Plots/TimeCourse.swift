import Results

/// A share over imagined time.
struct TimeCourse {
    let metric: String

    func chart(of runs: RunCollection) throws(ResultFailure) -> Chart {
        var series: [Series] = []
        for (index, setting) in runs.settings.enumerated() {
            var curves: [[(x: Double, y: Double)]] = []
            for run in setting.runs {
                var curve: [(x: Double, y: Double)] = []
                try run.forEach(TimePoint.self) { point in
                    if point.metric == metric, point.group == "all" { curve.append((point.time, point.value)) }
                }
                if !curve.isEmpty { curves.append(curve) }
            }
            if !curves.isEmpty { series.append(Series(setting: setting, index: index, curves: curves)) }
        }
        let points = series.flatMap { $0.curves.joined() }
        guard let lowest = points.map(\.x).min(), let latest = points.map(\.x).max() else {
            throw ResultFailure("these runs have no \(metric) over time", exitCode: ResultFailure.missing)
        }
        let (title, factor) = Phrase.axis(metric)
        let hidden = points.count { $0.y < 0 }
        var caption = runs.provenance + Picture.legendNote(runs)
        if hidden > 0 { caption += " \(hidden) of \(points.count) values are below 0 and not shown." }
        var chart = Chart(
            title: runs.question, caption: caption,
            x: .linear("time (s)", min(0, lowest)...max(latest, lowest + 1), about: 8, isExact: true),
            y: .linear(title, 0...1, factor: factor, about: 5))
        for one in series { one.draw(into: &chart) }
        let bounds = try Picture.bounds(for: [metric], of: runs)
        let isShared = Picture.isShared(bounds)
        if series.count > 1 {
            chart.legend = series.map { one in
                let bound = isShared ? nil : bounds[one.index]
                return one.entry(bound.map { " (at most \(Phrase.short($0 * factor)) %)" } ?? "")
            }
        }
        Picture.draw(bounds, into: &chart) { "over the whole run, no scheduler above \(Phrase.short($0 * factor)) %" }
        if !isShared { chart.caption += Picture.boundNote }
        return chart
    }
}
