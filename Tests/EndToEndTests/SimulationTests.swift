import Foundation
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(5))) struct `The run command` {
    private static func run(_ arguments: String...) async throws -> (end: Program.End, complaint: String) {
        let program = try Program("\(Program.ownFolder)/tributary-simulate", ["run"] + arguments)
        let end = try await program.ended(within: .seconds(120))
        return (end, program.complaints)
    }

    private static func files(of folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name != "host.json" {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        return files
    }

    @Test func `writes the same bytes for the same seed in two processes, and others for another`() async throws {
        let folder = NSTemporaryDirectory() + "/tributary-run-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var results: [[String: Data]] = []
        for (name, seed) in [("a", "3"), ("b", "3"), ("c", "4")] {
            let (end, complaint) = try await Self.run(
                "steady", "--seed", seed, "--out", "\(folder)-\(name)", "--set", "viewers = 6", "--set",
                "length = 10 s",
                "--set", "segment-size = 128 KiB", "--set", "churn = 100 %/min", "--set", "loss = 1 %", "--set",
                "arrivals = over(2 s)")
            defer { try? FileManager.default.removeItem(atPath: "\(folder)-\(name)") }
            #expect(end == .exited(0), "\(complaint)")
            results.append(try Self.files(of: "\(folder)-\(name)"))
        }
        #expect(results[0].keys.sorted().count == 7)
        #expect(results[0] == results[1])
        #expect(results[0] != results[2])
    }

    @Test(arguments: [
        (["nowhere"], "there is no scenario \"nowhere\""), (["steady", "--set", "uplink = fast"], "--set:1: uplink:"),
        (["absent.scenario"], "absent.scenario can't be read"),
    ])
    func `says in one sentence what is wrong with a scenario, and runs nothing`(
        arguments: [String], sentence: String
    ) async throws {
        let program = try Program("\(Program.ownFolder)/tributary-simulate", ["run"] + arguments)
        #expect(try await program.ended(within: .seconds(60)) == .exited(64))
        #expect(program.complaints.contains(sentence))
        #expect(program.complaints.filter(\.isNewline).count == 1)
        #expect(program.output.isEmpty)
    }

    @Test func `is told by list which keys and policies there are`() async throws {
        let program = try Program("\(Program.ownFolder)/tributary-simulate", ["list", "--keys"])
        #expect(try await program.ended(within: .seconds(60)) == .exited(0), "\(program.complaints)")
        let lines = String(decoding: program.output, as: UTF8.self).split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("segment-duration  a time from 0.2 s to 60 s") })
        #expect(lines.contains { $0.hasPrefix("policy.pieces ") && $0.contains("RarestFirst") })
    }

    @Test func `reads files that an editor has marked as UTF-8`() async throws {
        let folder = NSTemporaryDirectory() + "/tributary-run-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "\u{FEFF}join_s\r\n1\r\n2\r\n".write(toFile: "\(folder)/in.csv", atomically: true, encoding: .utf8)
        try "\u{FEFF}# Who comes?\r\narrivals = trace(in.csv)\r\nlength = 5 s\r\n".write(
            toFile: "\(folder)/marked.scenario", atomically: true, encoding: .utf8)
        let (end, complaint) = try await Self.run("\(folder)/marked.scenario")
        #expect(end == .exited(0), "\(complaint)")
        let nowhere = try await Self.run(folder + "/.scenario")
        #expect(nowhere.complaint.contains("can't be read: No such file"))
    }
}
