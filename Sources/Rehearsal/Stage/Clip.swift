import Foundation
import Vocabulary

/// A real encoded video with sound, made once by the ffmpeg program and kept in the cache folder.
package struct Clip: Sendable {
    package var width = 854
    package var height = 480
    /// Of picture and sound together, in kbit/s.
    package var bitrate = 1_500
    /// Seconds between keyframes.
    package var keyframeInterval = 2
    package var seconds = 60
    /// How much of the picture's bit rate may come early or late (the decoder's buffer).
    package var bufferSeconds = 1.0

    package init() {}

    /// Small and cut often, so that tests are quick.
    package static var brief: Clip {
        var clip = Clip()
        (clip.width, clip.height, clip.bitrate, clip.keyframeInterval, clip.seconds) = (640, 360, 1_200, 1, 40)
        return clip
    }

    /// The path of the file, which is made when it does not exist yet.
    package func file() async throws -> String {
        let folder = Self.cacheFolder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let picture = "\(width)x\(height)-\(keyframeInterval)s"
        let hrd = bufferSeconds == 1 ? "hrd" : "hrd\(bufferSeconds)"
        let path = "\(folder)/clip-\(picture)-\(hrd)-\(bitrate)k-\(seconds)s.mp4"
        if FileManager.default.fileExists(atPath: path) { return path }

        // Under another name first: two runs at once must not read each other's half of a file.
        let draft = "\(folder)/draft-\(getpid())-\(UInt32.random(in: .min ... .max)).mp4"
        defer { try? FileManager.default.removeItem(atPath: draft) }
        let ffmpeg = try Program("ffmpeg", arguments + [draft])
        let end = try await ffmpeg.ended(within: .seconds(300))
        guard end == .exited(0) else {
            throw Program.Failure(description: "ffmpeg could not make the test clip: \(ffmpeg.complaints)")
        }
        if rename(draft, path) != 0 { throw Program.Failure(description: "\(path) cannot be written") }
        return path
    }

    private var arguments: [String] {
        let frames = 30 * keyframeInterval
        let rate = "\(bitrate - 96)k"
        return [
            "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
            "-f", "lavfi", "-i", "testsrc2=size=\(width)x\(height):rate=30",
            "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:sample_rate=48000", "-t", "\(seconds)",
            "-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p", "-bf", "0",
            "-b:v", rate, "-minrate", rate, "-maxrate", rate,
            "-bufsize", "\(Int(Double(bitrate - 96) * bufferSeconds))k",
            "-x264-params", "nal-hrd=cbr:scenecut=0:keyint=\(frames):min-keyint=\(frames)",
            "-c:a", "aac", "-b:a", "96k", "-ac", "2", "-movflags", "+faststart",
        ]
    }

    private static var cacheFolder: String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") { return folder + "/tributary" }
        if let home = environment["HOME"], home.hasPrefix("/"), access(home, W_OK) == 0 {
            return home + "/.cache/tributary"
        }
        return NSTemporaryDirectory() + "/tributary-cache"
    }
}
