import ArgumentParser
import CommandLine
import Foundation
import Stage
import Vocabulary

@main
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-demo",
        abstract: "Plays a video through a swarm of peers on this machine and checks every byte that players receive.")

    @Option(help: "The video that is broadcast in a loop; a test clip is made when there is none.")
    var video: String?

    @Option(help: "How many peers watch.")
    var peers = 5

    @Option(help: "Ends by itself after so many seconds, with a summary.")
    var seconds: Double?

    @Option(help: "The folder with the programs; by default the one that holds this program.")
    var bin: String?

    func validate() throws {
        guard (1...50).contains(peers) else { throw ValidationError("--peers takes a number from 1 to 50") }
        if let seconds, !(1...86_400).contains(seconds) {
            throw ValidationError("--seconds takes a number from 1 to 86400")
        }
    }

    func run() async throws {
        prepareForSignals()
        await complaining {
            if let video, access(video, R_OK) != 0 { throw Complaint("\(video) cannot be read") }
            if video == nil { Events.say("Making a test clip with ffmpeg (kept for the next time)") }
            let clip: String
            if let video { clip = video } else { clip = try await Clip().file() }
            let performance = try Performance(programs: bin ?? Program.ownFolder, video: clip, peers: peers)
            let verdict = await perform(performance)
            if let verdict { throw Complaint(verdict) }
        }
    }

    /// Returns what went wrong, after everything has ended.
    private func perform(_ performance: Performance) async -> String? {
        var verdict: String?
        var live = ""
        do {
            live = try await performance.begin()
            Events.say(live)
            let table = Task { await showStatus(of: performance) }
            _ = await waitForStop(duration: seconds)
            table.cancel()
            await table.value
            let outcome = await performance.conclude()
            Events.say(outcome.text)
            if !outcome.problems.isEmpty { verdict = outcome.problems.joined(separator: "; ") }
        } catch {
            verdict = "\(error)"
        }
        await performance.end()
        return verdict
    }

    /// Rewrites the table in place on a terminal; elsewhere, writes a line now and then.
    private func showStatus(of performance: Performance) async {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var height = 0
        while !Task.isCancelled {
            let table = await performance.table()
            if isTerminal {
                let up = height > 0 ? "\u{1b}[\(height)A" : ""
                Events.say(up + table.map { "\u{1b}[K" + $0 }.joined(separator: "\n"))
                height = table.count
            } else if let total = table.last {
                Events.say(total)
            }
            try? await Task.sleep(for: .seconds(isTerminal ? 1 : 5))
        }
    }
}
