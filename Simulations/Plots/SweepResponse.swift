package import Results

/// A figure over a parameter, with 95 % intervals over the seeds.
package struct SweepResponse {
    let metric: String?
    let parameter: String?

    /// The figures that a sweep is asked for first.
    private static let preferred = [
        "offload", "copies", "delay_p50_s", "delay_p95_s", "startup_p95_s", "stalls", "stalled_s",
    ]

    init(metric: String?, parameter: String?) {
        self.metric = metric
        self.parameter = parameter
    }

    /// The figures of these runs that a picture of a sweep shows when none is named.
    package static func metrics(of runs: RunCollection) throws(ResultFailure) -> [String] {
        guard let run = runs.runs.first else { return [] }
        let summary = try run.summary()
        return preferred.filter { summary.metric($0) != nil }
    }

    func chart(of runs: RunCollection) throws(ResultFailure) -> Chart {
        let keys = runs.varying
        guard let key = parameter ?? Self.mainKey(runs) else {
            throw ResultFailure(
                "these runs differ by nothing but their seeds, so there is no parameter to draw over",
                exitCode: ResultFailure.missing)
        }
        guard keys.contains(key) else {
            throw ResultFailure(
                "\(key) is the same in all of these runs; \(keys.joined(separator: ", ")) differ",
                exitCode: ResultFailure.missing)
        }
        let summaries = try read(runs)
        let names = Set(summaries.joined().flatMap { $0.metrics.map(\.name) })
        guard let metric = metric ?? Self.preferred.first(where: names.contains) ?? names.sorted().first,
            names.contains(metric)
        else {
            throw ResultFailure(
                "no run has the figure \(metric ?? ""); there are \(names.sorted().joined(separator: ", "))",
                exitCode: ResultFailure.missing)
        }
        return try draw(metric, over: key, runs, summaries)
    }

    private struct Line {
        let label: String
        var points: [(x: Double, estimate: Estimate, bound: Double?)] = []
    }

    private func draw(
        _ metric: String, over key: String, _ runs: RunCollection, _ summaries: [[RunSummary]]
    ) throws(ResultFailure) -> Chart {
        let texts = runs.settings.map { Self.value(key, $0) }
        let common = Quantity.common(texts)
        let names = Array(Set(texts)).sorted(by: Quantity.precedes)
        var lines: [Line] = []
        for (index, setting) in runs.settings.enumerated() {
            let values = summaries[index].compactMap { $0.metric(metric) }
            guard let estimate = Estimate(values) else { continue }
            let label = Self.label(setting, runs.varying.filter { $0 != key })
            let x = common?.numbers[index] ?? Double(names.firstIndex(of: texts[index]) ?? 0)
            let bounds = summaries[index].compactMap { $0.bound(metric) }
            let line = lines.firstIndex { $0.label == label } ?? lines.count
            if line == lines.count { lines.append(Line(label: label)) }
            lines[line].points.append((x, estimate, Estimate(bounds)?.mean))
        }
        guard lines.count <= Palette.styles.count else {
            throw ResultFailure(
                "\(lines.count) lines are more than one picture can tell apart (\(Palette.styles.count)): choose some "
                    + "with --where", exitCode: ResultFailure.missing)
        }
        let (title, factor) = Phrase.axis(metric)
        let all = lines.flatMap(\.points)
        let heights = all.flatMap { point in
            [point.estimate.mean, point.estimate.interval?.upperBound, point.bound].compactMap { $0 }
        }
        let depths = all.compactMap { $0.estimate.interval?.lowerBound ?? $0.estimate.mean }
        let counts = all.map(\.estimate.count)
        var caption = runs.provenance + " Bars: 95 % intervals of the mean (Student), n = \(counts.min() ?? 0)"
        caption += counts.min() == counts.max() ? "." : "–\(counts.max() ?? 0)."
        let hasBounds = all.contains { $0.bound != nil }
        if hasBounds { caption += " Dotted: what no scheduler can beat." }
        let isShare = factor == 100
        let low = depths.min() ?? 0
        var chart = Chart(
            title: runs.question, caption: caption, x: xAxis(key, common, names),
            y: .linear(
                title,
                (low < 0 && !isShare ? low : 0)...(isShare
                    ? max(1, heights.max() ?? 1) : max(heights.max() ?? 1, 1e-9)),
                factor: factor, about: 5))
        for (index, line) in lines.enumerated() {
            let points = line.points.sorted { $0.x < $1.x }
            let style = Palette.styles[index]
            let pen = Drawing.Pen(color: style.color, width: 2, dashes: style.dashes)
            let bounds = points.compactMap { point in point.bound.map { (x: point.x, y: $0) } }
            chart.curves.append(
                .init(points: bounds, pen: .init(color: style.color, width: 1.3, dashes: Palette.boundDashes)))
            chart.curves.append(
                .init(
                    points: points.map { ($0.x, $0.estimate.mean) }, pen: pen, mark: style.mark,
                    intervals: points.map(\.estimate.interval)))
            if lines.count > 1 { chart.legend.append(.init(label: line.label, pen: pen, mark: style.mark)) }
        }
        return chart
    }

    private func xAxis(_ key: String, _ common: (numbers: [Double], unit: String)?, _ names: [String]) -> Axis {
        let words = Phrase.words(key)
        guard let common, let low = common.numbers.min(), let high = common.numbers.max() else {
            return .names(words, names)
        }
        let title = common.unit.isEmpty ? words : "\(words) (\(common.unit))"
        // A reader wants to know which values were tried.
        let tried = Set(common.numbers).count <= 9 ? Array(Set(common.numbers)) : []
        if low > 0, high >= 20 * low {
            return .logarithmic(title, low * 0.85...high * 1.18).marking(tried)
        }
        let margin = max((high - low) * 0.05, abs(high) * 1e-3)
        return .linear(title, low - margin...high + margin, about: 7, isExact: true).marking(tried)
    }

    private func read(_ runs: RunCollection) throws(ResultFailure) -> [[RunSummary]] {
        var all: [[RunSummary]] = []
        for setting in runs.settings {
            var summaries: [RunSummary] = []
            for run in setting.runs { summaries.append(try run.summary()) }
            all.append(summaries)
        }
        return all
    }

    /// The number that takes the most values; of several, the first.
    private static func mainKey(_ runs: RunCollection) -> String? {
        var best: (key: String, count: Int)?
        for key in runs.varying {
            let texts = runs.settings.map { value(key, $0) }
            let count = Quantity.common(texts) == nil ? 0 : Set(texts).count
            if count > best?.count ?? -1 { best = (key, count) }
        }
        return best?.key
    }

    private static func value(_ key: String, _ setting: RunCollection.Setting) -> String {
        guard let manifest = setting.runs.first?.manifest else { return "" }
        switch key {
        case "scenario": return manifest.scenario
        case "tier": return manifest.tier
        default: return manifest.parameters.first { $0.key == key }?.value ?? ""
        }
    }

    private static func label(_ setting: RunCollection.Setting, _ keys: [String]) -> String {
        keys.map { "\(Phrase.words($0)) \(value($0, setting))" }.joined(separator: ", ")
    }
}
