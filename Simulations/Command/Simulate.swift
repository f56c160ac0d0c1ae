import ArgumentParser
import Glibc

@main
struct Simulate: ParsableCommand {
    static let version = "1.0"

    static let configuration = CommandConfiguration(
        commandName: "tributary-simulate",
        abstract: "Asks questions about swarms of imagined viewers, answered by the same cores that real peers run.",
        discussion: """
            Examples:
              tributary-simulate list
              tributary-simulate run thirty --seed 7 --json
              tributary-simulate run thirty --set uplink='lognormal(2 x, 0.5)' --set churn='10 %/min' --out results/churn
              tributary-simulate list thirty > mine.scenario
              tributary-simulate run mine.scenario
              tributary-simulate validate --fast
            """,
        version: version,
        subcommands: [List.self, Run.self, Sweep.self, Plot.self, Validate.self])
}

func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

/// Writes to standard error: standard output carries results alone.
func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
