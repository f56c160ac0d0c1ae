import Foundation
import OriginMedia
import Stage
import Synchronization
import Vocabulary

/// A folder for one test, where the ffmpeg program makes clips; gone when the test is over.
final class Studio: Sendable {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "/tributary-media-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]

    static func picture(rate: String = "25") -> [String] {
        ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=\(rate)"]
    }

    static func encoded(keyframes: Int, bFrames: Int = 2) -> [String] {
        [
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "300k", "-bf", "\(bFrames)",
            "-g", "\(keyframes)", "-keyint_min", "\(keyframes)", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "64k",
        ]
    }

    /// Runs ffmpeg and returns the path of what it made.
    func clip(_ name: String, seconds: Double = 6, _ arguments: [String]) async throws -> String {
        let path = "\(folder)/\(name)"
        let ffmpeg = try Program(
            "ffmpeg",
            ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"] + arguments + ["-t", "\(seconds)", path])
        guard try await ffmpeg.ended(within: .seconds(60)) == .exited(0) else {
            throw Program.Failure(description: ffmpeg.complaints)
        }
        return path
    }

    /// A clip with B-frames and sound.
    func film(_ name: String = "film.mp4", seconds: Double = 6) async throws -> String {
        try await clip(
            name, seconds: seconds,
            Self.picture() + Self.sound + Self.encoded(keyframes: 25) + ["-movflags", "+faststart"])
    }

    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }

    /// What ffprobe complains of, and how many pictures it decodes.
    func probe(_ segments: [CutSegment]) async throws -> (complaints: String, pictures: Int) {
        let path = try file("joined.ts", segments.flatMap(\.bytes))
        let ffprobe = try Program(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "v", "-count_frames", "-show_entries", "stream=nb_read_frames",
                "-of", "csv=p=0", path,
            ])
        _ = try await ffprobe.ended(within: .seconds(60))
        let digits = String(decoding: ffprobe.output, as: UTF8.self).prefix { $0.isNumber }
        return (ffprobe.complaints, Int(digits) ?? 0)
    }
}

/// Everything that a media source told.
final class Listener: Sendable {
    private let heard = Mutex<[MediaSource.Event]>([])

    var events: [MediaSource.Event] { heard.withLock { $0 } }

    var segments: [CutSegment] {
        events.compactMap { if case .cut(let segment) = $0 { segment } else { nil } }
    }

    var warnings: [String] { events.compactMap { if case .warned(let text) = $0 { text } else { nil } } }

    var retries: Int { events.count { if case .retrying = $0 { true } else { false } } }

    var description: MediaDescription? {
        events.compactMap { if case .described(let descriptions) = $0 { descriptions.first } else { nil } }.first
    }

    /// Of all renditions.
    var descriptions: [MediaDescription] {
        events.compactMap { if case .described(let descriptions) = $0 { descriptions } else { nil } }.first ?? []
    }

    var failure: MediaError? {
        events.compactMap { if case .failed(let error) = $0 { error } else { nil } }.first
    }

    var isOver: Bool {
        events.contains { event in
            switch event {
            case .ended, .failed: true
            default: false
            }
        }
    }

    /// How many programmes have ended because nobody came back.
    var programmesOver: Int { events.count { if case .abandoned = $0 { true } else { false } } }

    /// What was said last of all renditions.
    var lastDescriptions: [MediaDescription] {
        events.compactMap { if case .described(let descriptions) = $0 { descriptions } else { nil } }.last ?? []
    }

    func hear(_ event: MediaSource.Event) { heard.withLock { $0.append(event) } }
}

/// A broadcast of what encoders push, whose programme is over as soon as one has left.
struct Airing {
    let listener = Listener()
    private let entrance = Entrance()
    private let source: MediaSource

    init(_ container: Container) {
        var settings = MediaSource.Settings(input: .encoders)
        settings.entrance = entrance
        settings.grace = .zero
        settings.container = container
        source = MediaSource(settings)
        let listener = listener
        source.start { listener.hear($0) }
    }

    func stop() { source.stop() }

    /// Cuts the programme that `feed` holds, to its end.
    func play(_ feed: Feed, within patience: Interval) async throws {
        let number = listener.programmesOver + 1
        feed.finish("it has ended its programme")
        entrance.admit(feed)
        try await wait(for: "the end of programme \(number)", within: patience) { listener.programmesOver == number }
    }
}

/// Cuts `input` to its end, or until `enough` segments are there.
func cut(
    _ input: String, seconds: Double = 2, isLooping: Bool = false, enough: Int = .max,
    altering alter: (inout MediaSource.Settings) -> Void = { _ in }
) async throws -> Listener {
    var settings = MediaSource.Settings(input: MediaInput(input))
    settings.segmentDuration = Int64(seconds * 1e6)
    settings.isLooping = isLooping
    settings.isPaced = false
    alter(&settings)
    let source = MediaSource(settings)
    let listener = Listener()
    source.start { event in
        listener.hear(event)
        if listener.segments.count >= enough { source.stop() }
    }
    defer { source.stop() }
    try await wait(for: "the end of \(input)", within: .seconds(50)) { listener.isOver }
    return listener
}

/// A UDP port of this machine that was free a moment ago.
func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw Program.Failure(description: "no socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failed = withUnsafeMutableBytes(of: &address) { bytes -> Bool in
        guard let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return true }
        return bind(descriptor, pointer, length) != 0 || getsockname(descriptor, pointer, &length) != 0
    }
    guard !failed else { throw Program.Failure(description: "no port") }
    return Int(UInt16(bigEndian: address.sin_port))
}
