import ArgumentParser
import CommandLine
import OriginService
import Vocabulary
import Wire

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes, lists and revokes the stream keys with which encoders may publish.",
        discussion: """
            A key is a secret, unlike the broadcast's id: it is shown when it is made and never again. A revoked key
            ends the session of whoever uses it within two seconds.

            Examples:
              tributary-origin keys make town-hall --name studio
              tributary-origin keys list
              tributary-origin keys revoke town-hall studio
            """,
        subcommands: [Make.self, List.self, Revoke.self])

    struct Make: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a stream key and shows it, this once.")

        @Argument(help: "The broadcast's name.")
        var broadcast: String

        @Option(help: "What the key is called, for example after who gets it.")
        var name = "main"

        @Option(help: "The folder whose folders are the broadcasts.")
        var data = "tributary-broadcasts"

        @Flag(help: "Write one JSON object on standard output.")
        var json = false

        func validate() throws {
            guard KeyRing.isName(name) else { throw ValidationError("--name may have up to 64 of a-z, 0-9 and -") }
        }

        func run() async {
            await complaining {
                let key = try KeyRing.make(name, in: Shelf(data).existing(broadcast))
                guard !json else {
                    return Events.emit([
                        ("event", "key"), ("broadcast", .string(broadcast)), ("name", .string(name)),
                        ("key", .string(key)),
                    ])
                }
                Events.say(key)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the stream keys by name, with the Unix time of their making; not the keys themselves.")

        @Argument(help: "The broadcast's name; all broadcasts without it.")
        var broadcast: String?

        @Option(help: "The folder whose folders are the broadcasts.")
        var data = "tributary-broadcasts"

        @Flag(help: "Write JSON, one object a line, on standard output.")
        var json = false

        func run() async {
            await complaining {
                let shelf = Shelf(data)
                if let broadcast { _ = try shelf.existing(broadcast) }
                for name in try broadcast.map({ [$0] }) ?? shelf.names {
                    for entry in try KeyRing(in: shelf.folder(of: name)).entries {
                        if json {
                            Events.emit([
                                ("event", "key"), ("broadcast", .string(name)), ("name", .string(entry.name)),
                                ("made", .integer(entry.made)),
                            ])
                        } else {
                            Events.say("\(name)\t\(entry.name)\t\(entry.made)")
                        }
                    }
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a stream key back; whoever publishes with it is sent away within two seconds.")

        @Argument(help: "The broadcast's name.")
        var broadcast: String

        @Argument(help: "The key's name.")
        var name: String

        @Option(help: "The folder whose folders are the broadcasts.")
        var data = "tributary-broadcasts"

        func run() async {
            await complaining { try KeyRing.revoke(name, in: Shelf(data).existing(broadcast)) }
        }
    }
}
