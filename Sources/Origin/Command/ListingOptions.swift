import ArgumentParser
import Vocabulary
import Wire

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
        for (name, text, limit) in [
            ("--description", description, Limits.descriptionLength), ("--thumbnail", thumbnail, Limits.urlLength),
        ] + tag.map({ ("--tag", $0, Limits.tagLength) }) {
            guard text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
                throw ValidationError("\(name) is longer than \(limit) bytes or has a line break")
            }
        }
        guard tag.count <= Limits.tags, Set(tag).count == tag.count, !tag.contains("") else {
            throw ValidationError("--tag may be given \(Limits.tags) times, each time with another word")
        }
        guard language.isEmpty || Listing.Details.isLanguage(language), language.utf8.count <= Limits.languageLength
        else { throw ValidationError("--language \(language) is no language tag, such as ko or pt-BR") }
        let isAddress = thumbnail.hasPrefix("http://") || thumbnail.hasPrefix("https://")
        guard thumbnail.isEmpty || isAddress && thumbnail.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw ValidationError("--thumbnail \(thumbnail) is no http:// or https:// address")
        }
    }
}
