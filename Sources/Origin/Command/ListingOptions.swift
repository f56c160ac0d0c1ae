import ArgumentParser
import OriginService
import Vocabulary

/// What viewers read in a tracker's directory besides the title.
struct ListingOptions: ParsableArguments {
    @Option(help: "What the broadcast is about, for the directory of trackers.")
    var description = ""

    @Option(help: ArgumentHelp("A word that it is found by; may be given several times.", valueName: "word"))
    var tag: [String] = []

    @Option(help: "The language that is spoken, such as ko or pt-BR.")
    var language = ""

    @Option(help: ArgumentHelp("The address of a still picture.", valueName: "url"))
    var thumbnail = ""

    var details: Listing.Details {
        var details = Listing.Details()
        details.description = description
        details.tags = tag
        details.language = language
        details.thumbnail = thumbnail
        return details
    }

    func validate() throws {
        if let mistake = details.mistake { throw ValidationError("--\(mistake)") }
    }
}
