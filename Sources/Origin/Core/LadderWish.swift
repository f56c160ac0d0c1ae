/// The renditions that a broadcaster asks for, written "720p,480p,audio", or "none".
package struct LadderWish: Hashable, Sendable, CustomStringConvertible {
    package static let standard = LadderWish(heights: [720, 480], hasSound: false)

    package private(set) var heights: [Int]
    /// A rendition with sound alone.
    package private(set) var hasSound: Bool

    private init(heights: [Int], hasSound: Bool) {
        self.heights = heights
        self.hasSound = hasSound
    }

    package init?(_ text: some StringProtocol) {
        self.init(heights: [], hasSound: false)
        guard text != "none" else { return }
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            if word == "audio" {
                hasSound = true
                continue
            }
            let digits = word.hasSuffix("p") ? word.dropLast() : word
            guard let height = Int(digits), (64...4_320).contains(height), heights.count < 6 else { return nil }
            heights.append(height)
        }
    }

    package var description: String {
        let words = heights.map { "\($0)p" } + (hasSound ? ["audio"] : [])
        return words.isEmpty ? "none" : words.joined(separator: ",")
    }
}
