import Foundation
import Inspection
import Stage
import Testing
import Vocabulary
import WebClient

/// `tributary-origin serve` with broadcasts of its own, and the encoders that send to it.
actor Newsroom {
    nonisolated let folder: String
    nonisolated let client = WebClient()
    private(set) var origin: Program?
    private(set) var rtmp = ""
    private(set) var rtmps = ""
    private(set) var srt = ""
    private var encoders: [Program] = []

    private init() throws {
        folder = NSTemporaryDirectory() + "/tributary-newsroom-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Leaves no process and no file behind, whatever happens. What is served in the end is checked, but for `pardoned`.
    static func run(pardoning pardoned: Set<Item> = [], _ scene: (Newsroom) async throws -> Void) async throws {
        let newsroom = try Newsroom()
        do {
            try await scene(newsroom)
            await newsroom.inspect(pardoned)
        } catch {
            await newsroom.recordLogs()
            await newsroom.end()
            throw error
        }
        await newsroom.end()
    }

    private func recordLogs() {
        guard let origin else { return }
        Attachment.record(origin.complaints, named: "origin.log")
        print("--- origin, \(origin.end.map { "\($0)" } ?? "running"): \(origin.complaints.suffix(4_000))")
    }

    private func end() async {
        for encoder in encoders { await encoder.stop() }
        await origin?.stop()
        client.shutdown()
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: The operator

    /// Runs a command of the origin to its end and returns what it wrote.
    @discardableResult
    func command(_ arguments: String...) async throws -> String {
        let program = try Program(
            "\(Program.ownFolder)/tributary-origin", arguments + ["--data", "\(folder)/broadcasts"])
        guard try await program.ended(within: .seconds(30)) == .exited(0) else {
            throw Program.Failure(description: program.complaints)
        }
        return String(decoding: program.output, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    func add(_ name: String, _ options: String...) async throws {
        let program = try Program(
            "\(Program.ownFolder)/tributary-origin",
            ["broadcasts", "add", name, "--segment-duration", "1", "--data", "\(folder)/broadcasts"] + options)
        guard try await program.ended(within: .seconds(30)) == .exited(0) else {
            throw Program.Failure(description: program.complaints)
        }
    }

    func key(of name: String, _ label: String = "main") async throws -> String {
        try await command("keys", "make", name, "--name", label)
    }

    /// Adds a broadcast without renditions in `container`, which outlives its encoder; returns its key.
    func open(_ name: String, _ container: String) async throws -> String {
        try await add(name, "--ladder", "none", "--grace", "600", "--container", container)
        return try await key(of: name)
    }

    /// - Parameter wrapper: a program that becomes the origin, and its arguments.
    func serve(_ options: [String] = [], through wrapper: [String] = []) async throws {
        let words = wrapper + ["\(Program.ownFolder)/tributary-origin"]
        let program = try Program(
            words[0],
            words.dropFirst() + [
                "serve", "--json", "--listen", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--srt", "127.0.0.1:0",
                "--data", "\(folder)/broadcasts",
            ] + options)
        origin = program
        let ready = try await program.event("ready", within: .seconds(30))
        (rtmp, srt) = (ready["rtmp"]?.text ?? "", ready["srt"]?.text ?? "")
        rtmps = ready["rtmps"]?.text ?? ""
    }

    /// A broadcast `show` over RTMPS, under `first.example`, and an encoder that sends to it.
    func serveRTMPS() async throws -> (key: String, url: String, port: Int, encoder: Program) {
        try await add("show")
        let key = try await key(of: "show")
        try await certificate("first.example")
        try await serve([
            "--rtmps", "127.0.0.1:0", "--certificate", "\(folder)/certificate.pem", "--private-key",
            "\(folder)/private-key.pem",
        ])
        let encoder = try ffmpeg(Self.picture + Self.sound + Self.codecs + ["-f", "flv", "\(rtmps)/\(key)"])
        let port = rtmps.split(separator: ":").last.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
        return (key, rtmps, port, encoder)
    }

    /// Makes a certificate and its key, in place of those before.
    func certificate(_ name: String) async throws {
        let openssl = try Program(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-keyout", "\(folder)/private-key.pem", "-out", "\(folder)/certificate.pem",
            ])
        guard try await openssl.ended(within: .seconds(30)) == .exited(0) else {
            throw Program.Failure(description: openssl.complaints)
        }
    }

    // MARK: The broadcaster

    static let picture = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
    static let sound = ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    static let codecs = [
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "25",
        "-sc_threshold", "0", "-c:a", "aac", "-b:a", "64k",
    ]

    func ffmpeg(_ arguments: [String]) throws -> Program {
        let program = try Program("ffmpeg", ["-nostdin", "-loglevel", "warning"] + arguments)
        encoders.append(program)
        return program
    }

    /// A real encoder that sends to the origin until it is stopped.
    func encoder(_ key: String, seconds: Int = 600) throws -> Program {
        try ffmpeg(Self.picture + Self.sound + Self.codecs + ["-t", "\(seconds)", "-f", "flv", "\(rtmp)/\(key)"])
    }

    /// Any program of this machine that sends to the origin.
    func start(_ path: String, _ arguments: [String]) throws -> Program {
        let program = try Program(path, arguments)
        encoders.append(program)
        return program
    }

    // MARK: What is seen

    func events(_ event: String, of name: String) -> [JSON] {
        (origin?.events ?? []).filter { $0["event"]?.text == event && $0["name"]?.text == name }
    }

    func segments(of name: String) -> Int { events("segment", of: name).count }

    /// The newest state of a broadcast and the sentence about it.
    func state(of name: String) -> (state: String, sentence: String) {
        let newest = events("state", of: name).last
        return (newest?["state"]?.text ?? "", newest?["sentence"]?.text ?? "")
    }

    func segments(of name: String, atLeast count: Int) async throws {
        try await wait(for: "\(count) segments of \(name)", within: .seconds(60)) {
            self.segments(of: name) >= count
        }
    }

    func state(_ state: String, of name: String) async throws {
        try await wait(for: "\(name) to be \(state)", within: .seconds(60)) { self.state(of: name).state == state }
    }

    static func discontinuities(in playlist: String) -> Int {
        playlist.components(separatedBy: "#EXT-X-DISCONTINUITY\n").count - 1
    }

    func playlist(of name: String) async throws -> (text: String, playlist: Playlist) {
        let hls = try #require(events("broadcast", of: name).last?["hls"]?.text)
        let answer = try await client.get(hls.replacing("master.m3u8", with: "0/index.m3u8"), limit: 1 << 20)
        return (String(decoding: answer.body, as: UTF8.self), Playlist(parsing: answer.body))
    }

    /// Checks every broadcast that players can choose a rendition of.
    func inspect(_ pardoned: Set<Item> = []) async {
        guard origin?.isRunning == true else { return }
        let addresses = (origin?.events ?? []).filter { $0["event"]?.text == "broadcast" }.map {
            ($0["name"]?.text ?? "", $0["hls"]?.text ?? "")
        }
        for (name, hls) in Dictionary(addresses, uniquingKeysWith: { $1 }) {
            // Nothing is promised before the third segment.
            guard segments(of: name) >= 3 || segments(of: name) > 0 && state(of: name).state == "live" else { continue }
            let found = await findings(hls, client).filter { !pardoned.contains($0.item) }
            #expect(found.isEmpty, "\(name): \(found)")
        }
    }

    /// What ffprobe complains of when it decodes all that a playlist lists.
    func complaints(about name: String) async throws -> String {
        let hls = try #require(events("broadcast", of: name).last?["hls"]?.text)
        let answer = try await client.get(hls.replacing("master.m3u8", with: "0/index.m3u8"), limit: 1 << 20)
        let base = hls.replacing("master.m3u8", with: "0/")
        var bytes: [UInt8] = []
        for segment in Playlist(parsing: answer.body).segments {
            bytes += try await client.get(base + segment.uri, limit: 1 << 25).body
        }
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name).ts"))
        let ffprobe = try Program(
            "ffprobe",
            ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "\(folder)/\(name).ts"])
        _ = try await ffprobe.ended(within: .seconds(60))
        return ffprobe.complaints
    }
}
