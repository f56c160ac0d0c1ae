/// The files of one run, to be read.
package struct ResultFolder: Sendable {
    package let path: String
    package let manifest: Manifest

    package init(_ path: String) throws(ResultFailure) {
        self.path = path
        manifest = try Manifest(folder: path)
    }

    package var runID: RunID { manifest.runID }

    package func summary() throws(ResultFailure) -> RunSummary {
        let file = "\(path)/\(RunSummary.file)"
        let summaries = try RunSummary.read(file)
        guard let summary = summaries.first(where: { $0.runID == runID }) else {
            throw ResultFailure(
                "\(file) has no line about run \(runID), which its manifest names", exitCode: ResultFailure.malformed)
        }
        return summary
    }

    /// All rows of one table, for example `rows(TimePoint.self)`.
    package func rows<Row: ResultRow>(_ type: Row.Type) throws(ResultFailure) -> [Row] {
        var rows: [Row] = []
        try forEach(type) { rows.append($0) }
        return rows
    }

    /// Reads a table of any size, one row at a time.
    package func forEach<Row: ResultRow>(_ type: Row.Type, _ body: (Row) -> Void) throws(ResultFailure) {
        var reader = try CSVReader(path: "\(path)/\(Row.file)", columns: ["run_id"] + Row.columns)
        while let row = try reader.next() {
            guard row.text(0) == runID.description else {
                throw row.wrong(0, "\(runID), as in its manifest")
            }
            body(try Row(row))
        }
    }
}
