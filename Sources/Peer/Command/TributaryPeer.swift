import ArgumentParser
import PeerWatch

@main
struct TributaryPeer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-peer", abstract: "Watch a broadcast, and share it with the others who watch it.",
        subcommands: [Watch.self])

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a broadcast from other viewers and its origin, and serve it to a player on this machine.")

        @OptionGroup var arguments: WatchArguments

        mutating func run() async { await arguments.watch() }
    }
}
