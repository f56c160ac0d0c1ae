import Foundation
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(2))) final class `A sweep` {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "/tributary-sweep-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func sweep(_ out: String, _ arguments: String...) throws -> Program {
        try Program(
            "\(Program.ownFolder)/tributary-simulate", ["sweep", "steady", "--out", "\(folder)/\(out)"] + arguments)
    }

    private func read(_ path: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
    }

    private func runs(_ out: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(out)/runs")) ?? []).sorted()
    }

    /// The processes that a program has started and that are there.
    private func children(of program: Program) -> [Int32] {
        let text = try? String(contentsOfFile: "/proc/\(program.pid)/task/\(program.pid)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { Int32($0) }
    }

    /// Waits until the program has children that are not on their way through `setpriv` any more.
    private func children(of program: Program, within bound: Interval) async throws -> [Int32] {
        try await wait(for: "a run to start", within: bound) {
            self.children(of: program).contains { pid in
                (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8))?.hasPrefix("tributary-simul")
                    ?? false
            }
        }
        return children(of: program)
    }

    @Test func `in shards gives the same tables as in one piece, and runs nothing twice`() async throws {
        let whole = try sweep("whole", "--grid", "viewers=2,3", "--set", "length=8 s", "--seeds", "1..2")
        #expect(try await whole.ended(within: .seconds(60)) == .exited(0), "\(whole.complaints)")
        #expect(String(decoding: whole.output, as: UTF8.self).hasPrefix("viewers"))
        for shard in ["1/2", "2/2"] {
            let part = try sweep(
                "parts", "--grid", "viewers=2,3", "--set", "length=8 s", "--seeds", "1..2", "--shard", shard)
            #expect(try await part.ended(within: .seconds(60)) == .exited(0), "\(part.complaints)")
            #expect(runs("parts").count == (shard == "1/2" ? 2 : 4))
        }
        #expect(runs("parts") == runs("whole"))
        for table in ["summary.jsonl", "aggregate.csv", "sweep.json"] {
            #expect(try read("parts/\(table)") == read("whole/\(table)"))
        }
        let more = try sweep("whole", "--grid", "viewers=2,3", "--set", "length=8 s", "--seeds", "1..3")
        #expect(try await more.ended(within: .seconds(60)) == .exited(0))
        #expect(more.complaints.contains("4 of 6 runs are there already"))
        #expect(runs("whole").count == 6)
    }

    @Test func `that is interrupted takes its runs with it and leaves no half of one`() async throws {
        let sweep = try sweep("stopped", "--set", "length=86400 s", "--seeds", "1..2", "--jobs", "2")
        let pids = try await children(of: sweep, within: .seconds(120))
        sweep.signal(SIGINT)
        #expect(try await sweep.ended(within: .seconds(120)) == .exited(130), "\(sweep.complaints)")
        #expect(sweep.complaints.contains("the same command goes on with the 2 runs that are missing"))
        for pid in pids { #expect(kill(pid, 0) != 0) }
        #expect(runs("stopped").isEmpty)
    }

    @Test func `that is killed takes its runs with it, too`() async throws {
        let sweep = try sweep("killed", "--set", "length=86400 s", "--seeds", "1", "--jobs", "1")
        let pids = try await children(of: sweep, within: .seconds(120))
        sweep.signal(SIGKILL)
        _ = try await sweep.ended(within: .seconds(60))
        try await wait(for: "the run to end", within: .seconds(60)) { pids.allSatisfy { kill($0, 0) != 0 } }
    }

    @Test func `has no run that goes on after it was killed before the run began`() async throws {
        let orphan = try Program(
            "\(Program.ownFolder)/tributary-simulate", ["run", "steady", "--set", "length=86400 s", "--child-of", "1"])
        #expect(try await orphan.ended(within: .seconds(60)) == .exited(1))
    }

    @Test func `keeps runs that crashed as rows with their errors`() async throws {
        let first = try sweep("crash", "--set", "length=3600 s", "--seeds", "1..2", "--jobs", "1")
        let victim = try #require(try await children(of: first, within: .seconds(120)).first)
        kill(victim, SIGKILL)
        try await wait(for: "the next run", within: .seconds(120)) {
            let now = self.children(of: first)
            return !now.isEmpty && !now.contains(victim)
        }
        // Not by a signal that the Swift runtime answers with a long look at the stack.
        for pid in children(of: first) { kill(pid, SIGKILL) }
        #expect(try await first.ended(within: .seconds(120)) == .exited(1), "\(first.complaints)")
        let rows = try read("crash/summary.jsonl").split(separator: "\n")
        #expect(rows.count == 2)
        #expect(rows.allSatisfy { $0.contains("\"metrics\":{}") && $0.contains("killed by signal ") })
    }

    @Test(arguments: [
        (["--grid", "viewers=2,x"], 64, "viewers"), (["--grid", "nonsense=1"], 64, "nonsense"),
        (["--shard", "3/2"], 64, "--shard 3/2"), (["--seeds", "x"], 64, "--seeds x"), (["--jobs", "0"], 64, "--jobs"),
        (["--set", "viewers"], 64, "--set viewers"), (["--out", "/proc/nowhere"], 73, "cannot write /proc/nowhere"),
    ])
    func `refuses what it cannot do in a sentence, before anything runs`(
        arguments: [String], code: Int32, word: String
    ) async throws {
        let sweep = try Program(
            "\(Program.ownFolder)/tributary-simulate",
            ["sweep", "steady"] + (arguments.contains("--out") ? [] : ["--out", "\(folder)/none"]) + arguments)
        #expect(try await sweep.ended(within: .seconds(60)) == .exited(code))
        #expect(sweep.complaints.contains(word), "\(sweep.complaints)")
        #expect(runs("none").isEmpty)
    }
}
