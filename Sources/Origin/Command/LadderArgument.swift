import ArgumentParser
import OriginMedia

/// The renditions that a broadcaster asks for: "720p,480p,audio" or "none".
struct LadderArgument: ExpressibleByArgument {
    static let standard = LadderArgument(heights: [720, 480], hasSound: false)

    var heights: [Int]
    var hasSound: Bool

    private init(heights: [Int], hasSound: Bool) {
        self.heights = heights
        self.hasSound = hasSound
    }

    init?(argument: String) {
        self.init(heights: [], hasSound: false)
        guard argument != "none" else { return }
        for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
            if word == "audio" {
                hasSound = true
                continue
            }
            let digits = word.hasSuffix("p") ? word.dropLast() : word
            guard let height = Int(digits), (64...4_320).contains(height), heights.count < 6 else { return nil }
            heights.append(height)
        }
    }

    var defaultValueDescription: String { "720p,480p" }
}

extension Container: ExpressibleByArgument {}
