/// Means over the seeds of each setting.
package struct Aggregate: Sendable {
    package struct Row: Sendable {
        /// One for each key.
        package let values: [String]
        package let metrics: [(name: String, estimate: Estimate)]
        package let finished: Int
        package let failed: Int
    }

    /// The parameters that differ, the ones asked for first.
    package let keys: [String]
    /// In the order of `rows`.
    package let rows: [Row]

    package init(_ runs: [RunSummary], keys asked: [String]) {
        let keys = asked + Self.varying(runs).filter { !asked.contains($0) }
        var groups: [[String]: [RunSummary]] = [:]
        var order: [[String]] = []
        for run in runs {
            let values = keys.map { Self.value($0, run) }
            if groups[values] == nil { order.append(values) }
            groups[values, default: []].append(run)
        }
        self.keys = keys
        rows = order.map { values in
            let runs = groups[values] ?? []
            var names: [String] = []
            for name in runs.flatMap({ $0.metrics.map(\.name) }) where !names.contains(name) { names.append(name) }
            return Row(
                values: values,
                metrics: names.compactMap { name in
                    Estimate(runs.compactMap { $0.metric(name) }).map { (name, $0) }
                },
                finished: runs.count { $0.error == nil }, failed: runs.count { $0.error != nil })
        }
    }

    private static func value(_ key: String, _ run: RunSummary) -> String {
        switch key {
        case "scenario": run.scenario
        case "tier": run.tier
        default: run.parameter(key) ?? ""
        }
    }

    private static func varying(_ runs: [RunSummary]) -> [String] {
        guard let first = runs.first else { return [] }
        var keys = ["scenario", "tier"]
        for run in runs { keys += run.parameters.map(\.key).filter { !keys.contains($0) } }
        return keys.filter { key in runs.contains { value(key, $0) != value(key, first) } }
    }

    /// The table of `aggregate.csv`. A single run has neither interval nor deviation: those fields are empty.
    package var csv: String {
        var text =
            (keys + ["metric", "n", "mean", "ci95_low", "ci95_high", "sd"]).map(CSVReader.field)
            .joined(separator: ",") + "\n"
        for row in rows {
            for (name, estimate) in row.metrics {
                let numbers = [
                    estimate.mean, estimate.interval?.lowerBound, estimate.interval?.upperBound, estimate.deviation,
                ]
                let fields =
                    row.values + [name, String(estimate.count)]
                    + numbers.map { $0.map { $0.isFinite ? Numeral.text($0) : "" } ?? "" }
                text += fields.map(CSVReader.field).joined(separator: ",") + "\n"
            }
        }
        return text
    }
}
