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

    @Option(help: "How long each run goes on after the last viewer has come.")
    var seconds = 90.0

    @Option(help: "How many runs of each situation, with seeds from 1.")
    var seeds = 1

    @Flag(help: "Without the plain HTTP run beside.")
    var peersOnly = false

    @Option(help: "A folder for the results, one file a situation.")
    var out: String?

    @Option(help: "The folder with the programs; by default the one that holds this program.")
    var bin: String?

    /// What `sysexits.h` has no word for: "skipped", as Automake's tests say it.
    private static let skipped: Int32 = 77

    func validate() throws {
        guard (20...3_600).contains(seconds) else {
            throw ValidationError("--seconds takes a number from 20 to 3600")
        }
        guard (1...100).contains(seeds) else { throw ValidationError("--seeds takes a number from 1 to 100") }
        _ = try chosen()
    }

    func run() async throws {
        if list {
            for situation in Situation.all { Events.say("\(situation.name)  \(situation.question)") }
            return
        }
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
        guard let only else { return Situation.all }
        return try only.split(separator: ",").map { name in
            guard let situation = Situation.all.first(where: { $0.name == name }) else {
                throw ValidationError(
                    "there is no situation \(name), but \(Situation.all.map(\.name).joined(separator: ", "))")
            }
            return situation
        }
    }

    private func perform() async throws {
        let control = try CongestionControl()
        defer { control.restore() }
        if check { return try await checkNetwork() }
        let clip = try await Clip.measured.file()
        var files = try out.map { try ResultFiles($0) }
        for situation in try chosen() {
            files?.begin(situation)
            for seed in 1...UInt64(seeds) {
                for way in peersOnly ? [.peers] : Rehearsal.Way.allCases {
                    let plan = Rehearsal.Plan(
                        situation: situation, way: way, seed: seed, length: .seconds(seconds),
                        programs: bin ?? Program.ownFolder, clip: clip)
                    let run = try await Rehearsal(plan).run()
                    let findings = Findings(run)
                    for line in Table.viewers(findings) + Table.summary(findings, of: run) { Events.say(line) }
                    try files?.add(findings, of: run, seed: seed)
                }
            }
        }
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
