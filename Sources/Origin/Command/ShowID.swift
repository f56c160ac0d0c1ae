import ArgumentParser
import CommandLine
import Integrity
import OriginService
import Vocabulary

struct ShowID: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "id", abstract: "Prints the broadcast's id, 64 hexadecimal digits; makes the key if there is none."
    )

    @Option(help: "The folder of the broadcast's key, journal and segments.")
    var data = "tributary-data"

    func run() async {
        await complaining { Events.say("\(try DataFolder.key(in: data).broadcast)") }
    }
}
