import ArgumentParser
import CommandLine
import Foundation
import RehearsalNetwork
import Stage
import Vocabulary

@main
struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-lab",
        abstract: "Runs the real programs in shaped networks on this machine and measures them from outside.")

    @Flag(help: "List the situations.")
    var list = false

    @Flag(help: "Measure the network itself: round trips, rates, loss and NAT, as expected and as measured.")
    var check = false

    @Option(help: "Only these situations, by name, with commas between them.")
    var only: String?

    @Option(help: "Another value for a key of the scenarios, as KEY=VALUE; repeatable.")
    var set: [String] = []

    @Option(help: "How many seconds the broadcast is watched; short for --set length='N s'.")
    var seconds: Double?

    @Option(help: "How many viewers there are; short for --set viewers=N.")
    var viewers: Int?

    @Option(help: "How many runs of each situation, with seeds from 1.")
    var seeds = 1

    @Flag(help: "Only the runs through peers: neither plain HTTP nor the simulator beside.")
    var peersOnly = false

    @Flag(help: "Put the results that --out names into the page that --page-file names.")
    var page = false

    @Option(help: ArgumentHelp("The page.", visibility: .hidden))
    var pageFile = "Documentation/Lab.md"

    @Option(help: "A folder for the results, one file a situation.")
    var out: String?

    @Option(help: "The folder with the programs; by default the one that holds this program.")
    var bin: String?

    /// What `sysexits.h` has no word for: "skipped", as Automake's tests say it.
    private static let skipped: Int32 = 77

    func validate() throws {
        guard (30...3_600).contains(seconds ?? 30) else {
            throw ValidationError("--seconds takes a number from 30 to 3600")
        }
        guard !page || out != nil else { throw ValidationError("--page needs --out with a folder of results") }
        guard (1...100).contains(seeds) else { throw ValidationError("--seeds takes a number from 1 to 100") }
        do { _ = try chosen() } catch { throw ValidationError("\(error)") }
    }

    func run() async throws {
        if list {
            for situation in try Situation.usual.map({ try Situation($0) }) {
                Events.say("\(situation.name)  \(situation.question)")
            }
            return
        }
        if page { return await complaining { try writePage() } }
        prepareForSignals()
        if let obstacle = Star.obstacle { Complaint(obstacle, exitCode: Self.skipped).exit() }
        Priority.raise()
        await complaining {
            let work = Task { try await perform() }
            let stop = Task {
                _ = await waitForStop()
                work.cancel()
            }
            defer { stop.cancel() }
            do {
                try await work.value
            } catch is CancellationError {
                throw Complaint("stopped; everything has been removed", exitCode: 130)
            }
        }
    }

    private func chosen() throws -> [Situation] {
        let names = only.map { $0.split(separator: ",").map(String.init) } ?? Situation.usual
        return try names.map { try Situation($0, changes: changes) }
    }

    private var changes: [String] {
        self.set + (viewers.map { ["viewers = \($0)"] } ?? []) + (seconds.map { ["length = \($0) s"] } ?? [])
    }

    private func perform() async throws {
        if check { return try await checkNetwork() }
        let clip = try await Clip.measured.file()
        var files = try ResultFiles(out)
        for situation in try chosen() {
            files.begin(situation)
            for seed in 1...UInt64(seeds) {
                for way in peersOnly ? [.peers] : Rehearsal.Way.allCases {
                    let plan = Rehearsal.Plan(
                        situation: situation, way: way, seed: seed, programs: bin ?? Program.ownFolder, clip: clip)
                    let run = try await Rehearsal(plan).run()
                    let findings = Findings(run)
                    let lines = Table.viewers(findings) + Table.segments(findings) + Table.summary(findings, of: run)
                    for line in lines { Events.say(line) }
                    try files.add(findings, of: run, seed: seed)
                }
                if !peersOnly { try await files.add(imagine(situation, seed: seed)) }
            }
            if !peersOnly, let comparison = files.comparison { Events.say(comparison.sentence) }
        }
    }

    private func imagine(_ situation: Situation, seed: UInt64) async throws -> Imagined {
        try await Imagined.run(
            situation.name, seed: seed, options: changes.flatMap { ["--set", $0] }, programs: bin ?? Program.ownFolder)
    }

    private func writePage() throws {
        guard let out else { return }
        try Page(results: out, names: Situation.usual).write(into: pageFile)
    }

    private func checkNetwork() async throws {
        var check = NetworkCheck()
        try await check.run()
        for finding in check.findings {
            Events.say(
                "\(finding.isRight ? "ok  " : "BAD ") \(finding.what): expected \(finding.expected), "
                    + "measured \(finding.measured)")
        }
        if check.findings.contains(where: { !$0.isRight }) { throw Complaint("the network is not what it should be") }
    }
}

extension Clip {
    /// The origin cuts it into segments of 2 MiB each 4 s: 4.19 Mbit/s.
    static var measured: Clip {
        var clip = Clip()
        (clip.width, clip.height, clip.bitrate, clip.keyframeInterval, clip.seconds) = (1_280, 720, 4_032, 4, 60)
        clip.bufferSeconds = 0.5
        return clip
    }
}
