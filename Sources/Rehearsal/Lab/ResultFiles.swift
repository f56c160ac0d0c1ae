import CommandLine
import Foundation
import Wire

/// The folder of a laboratory's results: `<situation>.json` with everything, and `lab.jsonl` with a line for each run.
struct ResultFiles {
    private let folder: String
    private var runs: [JSONValue] = []
    private var lines = ""

    init(_ folder: String) throws {
        self.folder = folder
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Complaint("\(folder) cannot be made", exitCode: Self.cannotCreate)
        }
    }

    /// What `sysexits.h` calls EX_CANTCREAT.
    private static let cannotCreate: Int32 = 73

    mutating func begin(_ situation: Situation) { runs = [] }

    mutating func add(_ findings: Findings, of run: Rehearsal.Record, seed: UInt64) throws {
        runs.append(findings.json(of: run, seed: seed))
        lines += JSONValue.object(findings.summary(of: run, seed: seed)).encoded + "\n"
        let situation = run.situation
        let whole = JSONValue.object([
            ("format", 1), ("scenario", .string(situation.name)), ("question", .string(situation.question)),
            ("parameters", .object(situation.parameters.map { ($0.key, .string($0.value)) })), ("runs", .array(runs)),
        ])
        try write(whole.encoded + "\n", to: "\(situation.name).json")
        try write(lines, to: "lab.jsonl")
    }

    private func write(_ text: String, to name: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"), options: .atomic)
        } catch {
            throw Complaint("\(folder)/\(name) cannot be written", exitCode: Self.cannotCreate)
        }
    }
}
