import ArgumentParser

@main
struct TrackerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-tracker",
        abstract: "Introduces the viewers of a broadcast to each other.",
        subcommands: [Serve.self])
}
