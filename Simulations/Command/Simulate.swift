import ArgumentParser
import Glibc
import Scenarios
import Simulator
import Vocabulary

@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-simulate",
        abstract: "Asks questions about swarms of imagined viewers, answered by the same cores that real peers run.",
        discussion: """
            Examples:
              tributary-simulate list
              tributary-simulate run steady --viewers 100
              tributary-simulate run polluters --seed 7 --json
              tributary-simulate validate --fast
            """,
        subcommands: [List.self, Run.self, Sweep.self, Plot.self, Validate.self])
}

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the scenarios and the question that each asks.")

    func run() {
        for scenario in Catalog.all { print(pad(scenario.name, 16) + scenario.question) }
    }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs one scenario and prints what it has shown.")

    @Argument(help: "A scenario's name, as `list` shows it.") var scenario: String
    @Option(help: "How many viewers there are.") var viewers: Int?
    @Option(help: "Where randomness starts: the same seed gives the same run.") var seed: UInt64 = 1
    @Option(help: "How many imagined seconds the broadcast is watched.") var seconds: Double?
    @Flag(help: "Prints one JSON object.") var json = false

    func validate() throws {
        guard Catalog.named(scenario) != nil else {
            let names = Catalog.all.map(\.name).joined(separator: ", ")
            throw ValidationError("there is no scenario \"\(scenario)\"; there are \(names)")
        }
        if let viewers, !(1...100_000).contains(viewers) {
            throw ValidationError("--viewers takes a number from 1 to 100000")
        }
        if let seconds, !(1...86_400).contains(seconds) {
            throw ValidationError("--seconds takes a number from 1 to 86400")
        }
    }

    func run() throws {
        guard var world = Catalog.named(scenario) else { return }
        world.seed = seed
        if let viewers { world.viewers = viewers }
        if let seconds { world.length = .seconds(seconds) }
        var simulation = Simulation(world)
        let showsProgress = isatty(STDERR_FILENO) == 1
        let result = simulation.run { now in
            guard showsProgress else { return }
            complain("\r\(Int(now.nanoseconds / 1_000_000_000)) of \(Int(world.length.seconds)) s")
        }
        if showsProgress { complain("\r\u{1B}[K") }
        let report = Report(scenario: world, result: result)
        print(json ? report.json : report.text)
        guard result.isConserved else {
            complain("tributary-simulate: bytes were made or lost; this run proves a bug in the simulator\n")
            throw ExitCode.failure
        }
        guard report.keepsBounds else {
            complain(
                "tributary-simulate: the run beats a bound that nothing can beat; this is a bug in the simulator\n")
            throw ExitCode.failure
        }
    }
}

func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

/// Writes to standard error: standard output carries results alone.
func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
