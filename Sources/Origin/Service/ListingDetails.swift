package import Vocabulary
import Wire

extension Listing.Details {
    /// What is wrong with what an operator has written, beginning with its name; `nil` when trackers will take it.
    package var mistake: String? {
        for (name, text, limit) in [
            ("description", description, Limits.descriptionLength), ("thumbnail", thumbnail, Limits.urlLength),
        ] + tags.map({ ("tag", $0, Limits.tagLength) }) {
            guard text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
                return "\(name) is longer than \(limit) bytes or has a line break"
            }
        }
        guard tags.count <= Limits.tags, Set(tags).count == tags.count, !tags.contains("") else {
            return "tag may be given \(Limits.tags) times, each time with another word"
        }
        guard language.isEmpty || Self.isLanguage(language), language.utf8.count <= Limits.languageLength else {
            return "language \(language) is no language tag, such as ko or pt-BR"
        }
        let isAddress = thumbnail.hasPrefix("http://") || thumbnail.hasPrefix("https://")
        guard thumbnail.isEmpty || isAddress && thumbnail.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            return "thumbnail \(thumbnail) is no http:// or https:// address"
        }
        return nil
    }
}
