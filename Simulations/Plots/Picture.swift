package import Results

/// What a picture shows of one or more runs.
package enum Picture: String, CaseIterable, Sendable {
    case offload, delay, copies, continuity, tree, sweep

    package enum DelayAxis: String, CaseIterable, Sendable {
        case automatic, linear, log
    }

    package struct Choices: Sendable {
        package var delayAxis = DelayAxis.automatic
        /// For `sweep`: which figure over which parameter; the first ones when `nil`.
        package var metric: String?
        package var parameter: String?

        package init() {}
    }

    /// How many settings a reader can tell apart.
    package static let mostSettings = Palette.styles.count

    package func svg(of runs: RunCollection, _ choices: Choices = Choices()) throws(ResultFailure) -> String {
        if self != .tree, self != .sweep, runs.settings.count > Self.mostSettings {
            throw ResultFailure(
                "\(runs.settings.count) settings are more than one picture can tell apart (\(Self.mostSettings)): "
                    + "choose some with --where, or use --kind sweep", exitCode: ResultFailure.missing)
        }
        switch self {
        case .offload: return try TimeCourse(metric: "offload").chart(of: runs).svg
        case .continuity: return try TimeCourse(metric: "playing_share").chart(of: runs).svg
        case .copies: return try SegmentCourse(metric: "copies").chart(of: runs).svg
        case .delay: return try DelayDistribution(axis: choices.delayAxis).chart(of: runs).svg
        case .tree: return try DeliveryTree(of: runs).svg
        case .sweep:
            return try SweepResponse(metric: choices.metric, parameter: choices.parameter).chart(of: runs).svg
        }
    }

    /// What no scheduler can beat: the first of `names` that the runs of each setting have a bound for.
    static func bounds(for names: [String], of runs: RunCollection) throws(ResultFailure) -> [Double?] {
        var bounds: [Double?] = []
        for setting in runs.settings {
            let summary = try setting.runs.first?.summary()
            bounds.append(names.lazy.compactMap { summary?.bound($0) }.first)
        }
        return bounds
    }

    /// Draws one rule when all settings share the bound, with `words` in the legend; else one for each, in its color.
    static func draw(
        _ bounds: [Double?], isVertical: Bool = false, into chart: inout Chart, _ words: (Double) -> String
    ) {
        if let first = bounds.compactMap({ $0 }).first, isShared(bounds) {
            let rule = Chart.Rule(value: first, isVertical: isVertical)
            chart.rules.append(rule)
            chart.legend.append(.init(label: words(first), pen: rule.pen))
            return
        }
        for (index, bound) in bounds.enumerated() {
            guard let bound else { continue }
            let color = Palette.styles[index % Palette.styles.count].color
            chart.rules.append(.init(value: bound, isVertical: isVertical, color: color))
        }
    }

    static let boundNote = " Dotted, in each setting's color: what no scheduler can beat."

    static func isShared(_ bounds: [Double?]) -> Bool {
        let known = bounds.compactMap { $0 }
        guard let first = known.first else { return true }
        return known.count == bounds.count && known.allSatisfy { abs($0 - first) <= 1e-6 * abs(first) }
    }

    /// What a caption says about thin and bold lines.
    static func legendNote(_ runs: RunCollection) -> String {
        runs.settings.contains { $0.runs.count > 1 } ? " Thin lines: single seeds; bold: their mean." : ""
    }
}
