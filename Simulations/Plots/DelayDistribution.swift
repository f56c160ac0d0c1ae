import Results

/// Which share of segments was complete how long after publication.
struct DelayDistribution {
    let axis: Picture.DelayAxis

    private struct Setting {
        let series: RunCollection.Setting
        let index: Int
        let single: [Histogram]
        let pooled: Histogram

        var style: Palette.Style { Palette.styles[index] }
    }

    func chart(of runs: RunCollection) throws(ResultFailure) -> Chart {
        var settings: [Setting] = []
        for (index, setting) in runs.settings.enumerated() {
            var single: [Histogram] = []
            var pooled = Histogram()
            for run in setting.runs {
                let histogram = Histogram(of: "delay_s", in: try run.rows(DistributionPoint.self))
                guard histogram.count > 0 else { continue }
                single.append(histogram)
                pooled.merge(histogram)
            }
            if pooled.count > 0 {
                settings.append(
                    Setting(series: setting, index: index, single: single, pooled: pooled))
            }
        }
        let positive = settings.flatMap { $0.pooled.bins.map(\.upperEdge) }.filter { $0 > 0 }
        guard let shortest = positive.min(), let longest = positive.max() else {
            throw ResultFailure("these runs have no distribution of delays", exitCode: ResultFailure.missing)
        }
        let bounds = try Picture.bounds(for: ["delay_p50_s", "delay_s"], of: runs)
        let isShared = Picture.isShared(bounds)
        // The farthest thousandth would squeeze all others on a linear axis.
        let far = settings.compactMap { $0.pooled.quantile(0.999) }.max() ?? longest
        let near = settings.compactMap { $0.pooled.quantile(0.01) }.filter { $0 > 0 }.min() ?? shortest
        let isLogarithmic = axis == .log || axis == .automatic && far > 20 * near
        let beyond = settings.reduce(0) { sum, setting in
            sum + setting.pooled.bins.filter { $0.upperEdge > far * 1.02 }.reduce(0) { $0 + $1.count }
        }
        let lowest = min(shortest, bounds.compactMap { $0 }.filter { $0 > 0 }.min() ?? shortest)
        var caption = runs.provenance
        if runs.settings.contains(where: { $0.runs.count > 1 }) {
            caption += " Thin lines: single seeds; bold: all of them together."
        }
        caption += " Filled marks: median; hollow: 95th percentile."
        if !isLogarithmic, beyond > 0 { caption += " \(beyond) longer delays are beyond the right edge." }
        var chart = Chart(
            title: runs.question, caption: caption,
            x: isLogarithmic
                ? .logarithmic("delay from publication to complete segment (s)", lowest * 0.9...longest * 1.1)
                : .linear("delay from publication to complete segment (s)", 0...far * 1.05, about: 8),
            y: .linear("segments complete (%)", 0...1, factor: 100, about: 5))
        if !isShared { chart.caption += Picture.boundNote }
        for setting in settings { draw(setting, isShared ? nil : bounds[setting.index], into: &chart) }
        Picture.draw(bounds, isVertical: true, into: &chart) { "no scheduler below \(Phrase.short($0)) s" }
        return chart
    }

    private func draw(_ setting: Setting, _ bound: Double?, into chart: inout Chart) {
        let edge = chart.x.range.upperBound
        if setting.single.count > 1 {
            for histogram in setting.single {
                chart.curves.append(
                    .init(
                        points: Self.steps(histogram, to: edge),
                        pen: .init(color: setting.style.color, width: 0.7, opacity: 0.4)))
            }
        }
        let pen = Drawing.Pen(color: setting.style.color, width: 2.2, dashes: setting.style.dashes)
        chart.curves.append(.init(points: Self.steps(setting.pooled, to: edge), pen: pen))
        var label = setting.series.label
        for (share, name) in [(0.5, "median"), (0.95, "95th")] {
            guard let value = setting.pooled.quantile(share) else { continue }
            if value <= edge {
                chart.spots.append(
                    .init(
                        x: value, y: share, color: setting.style.color, mark: setting.style.mark,
                        isFilled: share == 0.5))
            }
            label += "\(label.isEmpty ? "" : share == 0.5 ? ": " : ", ")\(name) \(Phrase.short(value)) s"
        }
        if let bound { label += ", bound \(Phrase.short(bound)) s" }
        chart.legend.append(.init(label: label, pen: pen))
    }

    /// Bins are finer than a pixel, so a step a bin is the distribution itself.
    private static func steps(_ histogram: Histogram, to edge: Double) -> [(x: Double, y: Double)] {
        var points: [(x: Double, y: Double)] = []
        var seen = 0
        for bin in histogram.bins {
            points.append((bin.upperEdge, Double(seen) / Double(histogram.count)))
            seen += bin.count
            points.append((bin.upperEdge, Double(seen) / Double(histogram.count)))
        }
        if let last = points.last, last.x < edge { points.append((edge, last.y)) }
        return points
    }
}
