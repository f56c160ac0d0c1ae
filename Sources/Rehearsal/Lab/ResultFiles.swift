import CommandLine
import Foundation
import Stage
import Wire

/// The folder of a laboratory's results: `<situation>.json` with everything, and `lab.jsonl` with a line for each run.
struct ResultFiles {
    private let folder: String?
    private var runs: [JSONValue] = []
    private var imagined: [JSONValue] = []
    private var situation: Situation?
    private var lines = ""

    /// - Parameter folder: `nil` to keep nothing.
    init(_ folder: String?) throws {
        self.folder = folder
        guard let folder else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Complaint("\(folder) cannot be made", exitCode: Self.cannotCreate)
        }
    }

    /// What `sysexits.h` calls EX_CANTCREAT.
    private static let cannotCreate: Int32 = 73

    mutating func begin(_ situation: Situation) {
        self.situation = situation
        (runs, imagined) = ([], [])
    }

    mutating func add(_ run: Imagined) throws {
        imagined.append(run.json)
        try write()
    }

    /// What the file of the present situation holds.
    var comparison: Comparison? { JSON(parsing: Array(content.utf8)).flatMap(Comparison.init) }

    mutating func add(_ findings: Findings, of run: Rehearsal.Record, seed: UInt64) throws {
        runs.append(findings.json(of: run, seed: seed))
        lines += JSONValue.object(findings.summary(of: run, seed: seed)).encoded + "\n"
        try write()
    }

    private var content: String {
        guard let situation else { return "" }
        return JSONValue.object([
            ("format", 1), ("scenario", .string(situation.name)), ("question", .string(situation.question)),
            ("parameters", .object(situation.parameters.map { ($0.key, .string($0.value)) })), ("runs", .array(runs)),
            ("simulated", .array(imagined)),
        ]).encoded + "\n"
    }

    private func write() throws {
        guard let folder, let situation else { return }
        try write(content, to: "\(folder)/\(situation.name).json")
        try write(lines, to: "\(folder)/lab.jsonl")
    }

    private func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Complaint("\(path) cannot be written", exitCode: Self.cannotCreate)
        }
    }
}
