import ArgumentParser
import CommandLine
import Integrity
import OriginCore
import OriginMedia
import OriginService
import Vocabulary
import Wire

struct Broadcasts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adds, lists and removes the broadcasts that `serve` runs.",
        discussion: """
            Each broadcast has a folder with its identity, its journal and the hashes of its stream keys, and in it the
            file `programme`, which may be edited by hand.

            Examples:
              tributary-origin broadcasts add town-hall --title "Town hall" --slate be-right-back.mp4
              tributary-origin broadcasts add camera --input udp://127.0.0.1:5000
              tributary-origin broadcasts add match --input https://example.org/1080/index.m3u8 \\
                --rendition https://example.org/720/index.m3u8 --rendition https://example.org/480/index.m3u8
              tributary-origin broadcasts list
              tributary-origin broadcasts remove camera
            """,
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a broadcast, or changes one.")

        @Argument(help: "Its name: up to 64 of a-z, 0-9 and -.")
        var name: String

        @OptionGroup var details: ListingOptions

        @Option(help: "\"encoders\" with a stream key, or a file or address as `publish` takes it.")
        var input = "encoders"

        @OptionGroup var media: MediaOptions

        @Option(help: "A clip that is shown in a loop when the encoder has not come back within the grace period.")
        var slate: String?

        @Option(help: "Seconds for which the broadcast is held open for an encoder that is gone.")
        var grace = 60.0

        @Option(help: "A second encoder with a right key: take-over, or refuse while the first is there.")
        var secondEncoder = OnAir.Policy.takeOver.rawValue

        @Option(help: "The folder whose folders are the broadcasts.")
        var data = "tributary-broadcasts"

        func validate() throws {
            try media.check(input)
            guard (0...86_400).contains(grace) else { throw ValidationError("--grace must be from 0 to 86400 seconds") }
            guard OnAir.Policy(rawValue: secondEncoder) != nil else {
                throw ValidationError("--second-encoder must be take-over or refuse")
            }
            guard input != "-" else { throw ValidationError("--input - is for `publish` alone") }
            for text in [media.title, slate, input].compactMap({ $0 }) + media.rendition
            where text.contains(where: \.isNewline) {
                throw ValidationError("\"\(text)\" has a line break")
            }
        }

        func run() async {
            await complaining {
                var programme = media.programme(input, title: name)
                programme.details = details.details
                programme.slate = slate
                programme.grace = grace
                programme.secondEncoder = OnAir.Policy(rawValue: secondEncoder) ?? .takeOver
                try Shelf(data).add(name, programme)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the broadcasts: name, id, title, and what was last heard of each.")

        @Option(help: "The folder whose folders are the broadcasts.")
        var data = "tributary-broadcasts"

        @Flag(help: "Write JSON, one object a line, on standard output.")
        var json = false

        func run() async {
            await complaining {
                let shelf = Shelf(data)
                for name in try shelf.names {
                    let folder = shelf.folder(of: name)
                    let programme = try Programme(in: folder)
                    let id = "\(try DataFolder.key(in: folder).broadcast)"
                    let state = (DataFolder.state(in: folder) ?? "never served").filter { !$0.isNewline }
                    if json {
                        Events.emit([
                            ("event", "broadcast"), ("name", .string(name)), ("broadcast", .string(id)),
                            ("title", .string(programme.title)), ("state", .string(state)),
                        ])
                    } else {
                        Events.say("\(name)\t\(id)\t\(programme.title)\t\(state)")
                    }
                }
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serves a broadcast no longer; its identity and keys stay in its folder.")

        @Argument(help: "The broadcast's name.")
        var name: String

        @Option(help: "The folder whose folders are the broadcasts.")
        var data = "tributary-broadcasts"

        func run() async {
            await complaining { try Programme.remove(in: Shelf(data).existing(name)) }
        }
    }
}
