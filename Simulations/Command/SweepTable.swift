import Results

/// The means of a sweep for a person to read.
struct SweepTable {
    let text: String

    private static let shown = ["offload", "copies", "delay_p50_s", "delay_p95_s", "startup_p95_s", "stalls"]

    init(_ aggregate: Aggregate) {
        let names = Self.shown.filter { name in aggregate.rows.contains { $0.metrics.contains { $0.name == name } } }
        let hasFailures = aggregate.rows.contains { $0.failed > 0 }
        var lines = [aggregate.keys + ["runs"] + (hasFailures ? ["failed"] : []) + names]
        for row in aggregate.rows {
            let cells = names.map { name in
                row.metrics.first { $0.name == name }.map { Self.cell($0.estimate) } ?? "-"
            }
            lines.append(row.values + ["\(row.finished)"] + (hasFailures ? ["\(row.failed)"] : []) + cells)
        }
        let widths = (lines.first ?? []).indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        text =
            lines.map { line in
                zip(line, widths).map { pad($0, $1) }.joined(separator: "  ").trimmedAtEnd
            }.joined(separator: "\n") + "\n\n± is half of the 95 % interval over the seeds (Student)"
    }

    /// A mean to the digit that its interval leaves in doubt.
    private static func cell(_ estimate: Estimate) -> String {
        guard let half = estimate.halfWidth, half.isFinite else { return "\(rounded(estimate.mean, 3)) ± ?" }
        // Equal values differ by rounding at most.
        guard half > 1e-9 * abs(estimate.mean) else { return "\(rounded(estimate.mean, 3)) ± 0" }
        var decimals = 1
        var scaled = half
        while scaled < 1, decimals < 5 {
            scaled *= 10
            decimals += 1
        }
        return "\(rounded(estimate.mean, decimals)) ± \(rounded(half, decimals))"
    }

    private static func rounded(_ value: Double, _ decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        let parts = Numeral.text((value * scale).rounded() / scale).split(separator: ".")
        guard decimals > 0, parts.count <= 2, let whole = parts.first, !whole.contains("e") else {
            return parts.joined(separator: ".")
        }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        return "\(whole).\(fraction)" + String(repeating: "0", count: max(0, decimals - fraction.count))
    }
}

extension String {
    fileprivate var trimmedAtEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
