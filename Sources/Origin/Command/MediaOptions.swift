import ArgumentParser
import OriginCore
import OriginMedia
import OriginService
import Vocabulary

/// What is made of an input, whichever command names it.
struct MediaOptions: ParsableArguments {
    @Option(help: "What viewers see as the broadcast's name.")
    var title: String?

    @Option(
        help: ArgumentHelp(
            "A smaller rendition that is ready-made: a file, an address or \"encoders\", as --input is, with the same times and keyframes; may be given several times.",
            valueName: "input"))
    var rendition: [String] = []

    @Flag(help: "Begin again when a file ends.")
    var loop = false

    @Option(help: "Seconds that a segment should play, from 0.5 to 30.")
    var segmentDuration = 2.0

    @Option(help: "How segments are wrapped: ts, or cmaf for HLS and MPEG-DASH.")
    var container = Container.ts

    @Option(
        help: "Smaller renditions to make with ffmpeg, such as 720p,480p,audio, or none; only those below the source.")
    var ladder = LadderWish.standard

    static func input(_ text: String) -> MediaInput { text == "encoders" ? .encoders : MediaInput(text) }

    func validate() throws {
        guard (0.5...30).contains(segmentDuration) else {
            throw ValidationError("--segment-duration must be from 0.5 to 30 seconds")
        }
        guard (title ?? "").utf8.count <= Limits.titleLength else {
            throw ValidationError("--title is longer than \(Limits.titleLength) bytes")
        }
        guard rendition.count <= Limits.renditions - 2 else {
            throw ValidationError("--rendition may be given \(Limits.renditions - 2) times")
        }
    }

    /// What holds between them and the input.
    func check(_ text: String) throws {
        let input = Self.input(text)
        guard !loop || input.kind == .file else { throw ValidationError("--loop needs a file as --input") }
        guard rendition.isEmpty || input.kind != .standardInput else {
            throw ValidationError("--rendition needs a file, an address or \"encoders\" as --input")
        }
        // Both are read to their ends, or go on for ever.
        for text in rendition where Self.input(text).kind != input.kind {
            throw ValidationError("--rendition \(text) must be a file, an address or \"encoders\", as --input is")
        }
    }

    func programme(_ input: String, title other: String) -> Programme {
        var programme = Programme(title: title ?? other)
        programme.input = Self.input(input)
        programme.renditions = rendition.map(Self.input)
        programme.isLooping = loop
        programme.segmentDuration = segmentDuration
        programme.container = container
        programme.ladder = ladder
        return programme
    }
}
