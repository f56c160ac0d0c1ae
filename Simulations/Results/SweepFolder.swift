import Glibc

/// The folder of a sweep: one folder for each finished run, one file for each failed one, and tables of all of them.
///
/// Any number of processes on any number of machines may write into it: each run is somebody's alone, and every table
/// is made anew from all runs and put in place at once.
package struct SweepFolder: Sendable {
    package let path: String

    package static let grid = "sweep.json"
    package static let aggregate = "aggregate.csv"

    package init(path: String) throws(ResultFailure) {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        self.path = String(trimmed)
        try Folder.make("\(self.path)/runs")
    }

    package func folder(of run: RunID) -> String { "\(path)/runs/\(run)" }

    private func failure(of run: RunID) -> String { "\(path)/failed/\(run).json" }

    package func isFinished(_ run: RunID) -> Bool { Folder.exists(folder(of: run)) }

    /// Keeps a failed run's row, with the error instead of figures, until a later sweep has finished it.
    package func noteFailure(_ row: RunSummary) throws(ResultFailure) {
        try Folder.make("\(path)/failed")
        try Folder.replace(failure(of: row.runID), with: row.json.encoded + "\n")
    }

    package func forgetFailure(of run: RunID) { unlink(failure(of: run)) }

    /// Removes what processes of this machine that are no more have left half-written.
    package func removeRemains() throws(ResultFailure) {
        for name in try Folder.names(in: "\(path)/runs") {
            guard let mark = name.firstRange(of: ResultWriter.stagingMark), let pid = Int32(name[mark.upperBound...]),
                kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            Folder.remove("\(path)/runs/\(name)")
        }
    }

    package func writeGrid(_ grid: Grid, scenario: String, tier: String, set: [Parameter]) throws(ResultFailure) {
        var fields: [JSONNode.Field] = [
            .init("format", .number(1)), .init("scenario", .text(scenario)), .init("tier", .text(tier)),
            .init("set", .object(set.map { .init($0.key, .text($0.value)) })),
        ]
        fields += grid.json.fields ?? []
        try Folder.replace("\(path)/\(Self.grid)", with: JSONNode.object(fields).indented)
    }

    // MARK: Tables

    /// All rows, finished and failed, in the order of their parameters and seeds.
    package func rows() throws(ResultFailure) -> [RunSummary] {
        var rows: [RunSummary] = []
        for name in try finished() {
            let run = try ResultFolder("\(path)/runs/\(name)")
            rows.append(try run.summary())
        }
        let known = Set(rows.map(\.runID))
        if Folder.exists("\(path)/failed") {
            for name in try Folder.names(in: "\(path)/failed") where name.hasSuffix(".json") {
                for row in try RunSummary.read("\(path)/failed/\(name)") where !known.contains(row.runID) {
                    rows.append(row)
                }
            }
        }
        return rows.sorted { Self.precedes($0, $1) }
    }

    private func finished() throws(ResultFailure) -> [String] {
        try Folder.names(in: "\(path)/runs").filter { RunID(parsing: $0) != nil }
    }

    /// Makes the tables anew and returns what is in them.
    @discardableResult
    package func rebuild(keys: [String]) throws(ResultFailure) -> Aggregate {
        while true {
            let before = try finished()
            let rows = try rows()
            let aggregate = Aggregate(rows, keys: keys)
            try Folder.replace(
                "\(path)/\(RunSummary.file)", with: rows.map { $0.json.encoded + "\n" }.joined())
            try Folder.replace("\(path)/\(Self.aggregate)", with: aggregate.csv)
            // Another process may have finished a run in between and written its tables before ours.
            if try finished() == before { return aggregate }
        }
    }

    private static func precedes(_ a: RunSummary, _ b: RunSummary) -> Bool {
        if a.scenario != b.scenario { return a.scenario < b.scenario }
        if a.tier != b.tier { return a.tier < b.tier }
        for (x, y) in zip(a.parameters, b.parameters) where x != y {
            return x.key == y.key ? Quantity.precedes(x.value, y.value) : x.key < y.key
        }
        return (a.seed, a.runID) < (b.seed, b.runID)
    }
}
