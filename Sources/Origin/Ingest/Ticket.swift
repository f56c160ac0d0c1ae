/// What an encoder shows at the door: a stream key, and which of the broadcast's renditions it brings.
package struct Ticket: Hashable, Sendable {
    package var key: String
    /// 0 is the source.
    package var rendition = 0

    package init(key: String, rendition: Int = 0) {
        self.key = key
        self.rendition = rendition
    }

    /// `KEY` or `KEY?rendition=1`; encoders that know applications write `live/KEY`. `nil` when there is no key.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let key = parts.first?.split(separator: "/").last else { return nil }
        self.key = String(key)
        for item in parts.dropFirst().first?.split(separator: "&") ?? [] where item.hasPrefix("rendition=") {
            rendition = Self.number(item.dropFirst("rendition=".count))
        }
    }

    /// What is no number is none of a broadcast's renditions.
    static func number(_ text: some StringProtocol) -> Int {
        Int(text).flatMap { $0 >= 0 ? $0 : nil } ?? .max
    }
}
