import Glibc

/// Writes the files of one run where nobody looks, and puts all of them in place at the end.
///
/// A folder that did not exist appears at once and whole. In one that did, file after file is replaced, each at once.
/// What is not committed leaves no trace.
package final class ResultWriter {
    package let folder: String
    private let staging: String
    private var files: [String] = []
    private var isCommitted = false

    package static let files = [
        Manifest.file, Host.file, RunSummary.file, TimePoint.file, SegmentPoint.file, DistributionPoint.file,
        ViewerRow.file, TreeEdge.file,
    ]

    package init(folder: String) throws(ResultFailure) {
        var trimmed = folder[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        self.folder = String(trimmed)
        staging = Self.staging(for: self.folder, by: getpid())
        Folder.remove(staging)
        try Folder.make(staging)
    }

    deinit { if !isCommitted { Folder.remove(staging) } }

    /// Where the process `pid` of this machine writes before it commits.
    package static func staging(for folder: String, by pid: Int32) -> String {
        (Folder.exists(folder) ? "\(folder)/" : folder) + "\(stagingMark)\(pid)"
    }

    /// Between a folder's name and the process that is writing it. Machines that share a disk have names of their own.
    package static let stagingMark: String = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let letters = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter { $0 != UInt8(ascii: "/") }
        return ".partial-\(String(decoding: letters, as: UTF8.self))-"
    }()

    package func write(_ manifest: Manifest) throws(ResultFailure) {
        try write(Manifest.file) { (file) throws(ResultFailure) in try file.append(manifest.json.indented) }
    }

    package func write(_ host: Host) throws(ResultFailure) {
        try write(Host.file) { (file) throws(ResultFailure) in try file.append(host.json.indented) }
    }

    package func write(_ summary: RunSummary) throws(ResultFailure) {
        try write(RunSummary.file) { (file) throws(ResultFailure) in try file.append(summary.json.encoded + "\n") }
    }

    /// Writes a table, once for each kind of row.
    package func write<Row: ResultRow>(_ rows: some Sequence<Row>, of run: RunID) throws(ResultFailure) {
        try write(Row.file) { (file) throws(ResultFailure) in
            try file.append((["run_id"] + Row.columns).joined(separator: ",") + "\n")
            for row in rows {
                guard let fields = row.fields else { continue }
                try file.append(run.description + "," + fields.map(CSVReader.field).joined(separator: ",") + "\n")
            }
        }
    }

    private func write(
        _ name: String, _ body: (FileWriter) throws(ResultFailure) -> Void
    ) throws(ResultFailure) {
        let file = try FileWriter("\(staging)/\(name)", toBecome: "\(folder)/\(name)")
        try body(file)
        try file.finish()
        files.append(name)
    }

    /// Puts everything in place.
    package func commit() throws(ResultFailure) {
        precondition(!isCommitted, "a result is committed once")
        if Folder.exists(folder) {
            // What an earlier run left and this one has not would be taken for this one's. The manifest, which readers
            // want first, comes last.
            for name in Self.files where !files.contains(name) { unlink("\(folder)/\(name)") }
            let ordered = files.filter { $0 != Manifest.file } + files.filter { $0 == Manifest.file }
            for name in ordered { try Folder.move("\(staging)/\(name)", to: "\(folder)/\(name)") }
            rmdir(staging)
        } else {
            try Folder.move(staging, to: folder)
        }
        isCommitted = true
    }
}
