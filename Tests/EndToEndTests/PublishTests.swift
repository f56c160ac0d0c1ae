import Foundation
import Inspection
import Stage
import Testing
import Vocabulary
import WebClient

/// `tributary-origin publish`, with whatever it takes as input.
@Suite(.timeLimit(.minutes(4))) struct `A published input` {
    /// A folder, a client, and programs that are gone afterwards.
    private final class Workshop {
        let folder: String
        let client = WebClient()
        private var programs: [Program] = []

        init() throws {
            folder = NSTemporaryDirectory() + "/tributary-publish-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }

        func start(_ path: String, _ arguments: [String]) throws -> Program {
            let program = try Program(path, arguments)
            programs.append(program)
            return program
        }

        func publish(_ name: String, _ options: [String]) async throws -> (origin: Program, ready: JSON) {
            let origin = try start(
                "\(Program.ownFolder)/tributary-origin",
                [
                    "publish", "--json", "--listen", "127.0.0.1:0", "--segment-duration", "1", "--data",
                    "\(folder)/\(name)",
                ] + options)
            return (origin, try await origin.event("ready", within: .seconds(60)))
        }

        /// The same programme in smaller sizes, with the same keyframes.
        func clips(_ heights: [Int], keyframes: [Int]) async throws -> [String] {
            let paths = heights.map { "\(folder)/\($0).mp4" }
            var arguments = [
                "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi",
                "-i", "sine=sample_rate=48000",
            ]
            for (number, path) in paths.enumerated() {
                arguments += [
                    "-map", "0:v", "-map", "1:a", "-t", "5", "-vf", "scale=-2:\(heights[number])", "-c:v", "libx264",
                    "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "\(keyframes[number])", "-keyint_min",
                    "\(keyframes[number])", "-sc_threshold", "0", "-c:a", "aac", path,
                ]
            }
            let ffmpeg = try start("ffmpeg", arguments)
            guard try await ffmpeg.ended(within: .seconds(60)) == .exited(0) else {
                throw Program.Failure(description: ffmpeg.complaints)
            }
            return paths
        }

        func end() async {
            for program in programs.reversed() { await program.stop() }
            client.shutdown()
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    private func working(_ body: (Workshop) async throws -> Void) async throws {
        let workshop = try Workshop()
        do {
            try await body(workshop)
        } catch {
            await workshop.end()
            throw error
        }
        await workshop.end()
    }

    private func segments(_ origin: Program) -> Int { origin.events.count { $0["event"]?.text == "segment" } }

    private func wait(for count: Int, of origin: Program) async throws {
        try await Stage.wait(for: "\(count) segments", within: .seconds(60)) { segments(origin) >= count }
    }

    private func master(_ ready: JSON, _ client: WebClient) async throws -> String {
        let hls = try #require(ready["hls"]?.text)
        return String(decoding: try await client.get(hls, limit: 1 << 20).body, as: UTF8.self)
    }

    @Test func `may be an encoder, that calls with a key which is shown once`() async throws {
        try await working { workshop in
            let options = ["--input", "encoders", "--rtmp", "127.0.0.1:0", "--srt", "off", "--ladder", "none"]
            let (origin, ready) = try await workshop.publish("show", options)
            let key = try #require(ready["stream_key"]?.text)
            let address = try #require(ready["rtmp"]?.text)
            let stranger = try workshop.start(
                "ffmpeg",
                ["-nostdin", "-loglevel", "error"] + Newsroom.picture + Newsroom.codecs
                    + ["-f", "flv", "\(address)/guess"])
            #expect(try await stranger.ended(within: .seconds(60)) != .exited(0))
            let encoder = try workshop.start(
                "ffmpeg",
                ["-nostdin", "-loglevel", "error"] + Newsroom.picture + Newsroom.sound + Newsroom.codecs
                    + ["-f", "flv", "\(address)/\(key)"])
            try await wait(for: 4, of: origin)
            let found = await findings(try #require(ready["hls"]?.text), workshop.client)
            #expect(found.isEmpty, "\(found)")
            #expect(origin.newest("state")?["state"]?.text == "live")
            await encoder.stop()
            #expect(await origin.stop() == .exited(0))
            let (again, second) = try await workshop.publish("show", options)
            #expect(second["stream_key"] == nil && second["broadcast"]?.text == ready["broadcast"]?.text)
            _ = try workshop.start(
                "ffmpeg",
                ["-nostdin", "-loglevel", "error"] + Newsroom.picture + Newsroom.sound + Newsroom.codecs
                    + ["-f", "flv", "\(try #require(second["rtmp"]?.text))/\(key)"])
            try await wait(for: 2, of: again)
            #expect(![origin, again].contains { $0.complaints.contains(key) })
        }
    }

    @Test(arguments: ["ts", "cmaf"])
    func `may come with renditions that are ready-made`(container: String) async throws {
        try await working { workshop in
            let clips = try await workshop.clips([360, 180, 90], keyframes: [25, 25, 25])
            let (origin, ready) = try await workshop.publish(
                "files",
                [
                    "--loop", "--container", container, "--input", clips[0], "--rendition", clips[2], "--rendition",
                    clips[1],
                ])
            try await wait(for: 8, of: origin)
            let master = try await master(ready, workshop.client)
            #expect(["640x360", "320x180", "160x90"].allSatisfy { master.contains("RESOLUTION=\($0)") }, "\(master)")
            let hls = try #require(ready["hls"]?.text)
            var found = await findings(hls, workshop.client, seconds: 4)
            #expect(found.isEmpty, "\(found)")
            #expect(origin.complaints.isEmpty, "\(origin.complaints)")
            guard container == "ts" else { return }

            // The same, pulled from there by another origin.
            let (relay, again) = try await workshop.publish(
                "relay",
                [
                    "--input", hls.replacing("master", with: "0/index"), "--rendition",
                    hls.replacing("master", with: "1/index"), "--rendition", hls.replacing("master", with: "2/index"),
                ])
            try await wait(for: 6, of: relay)
            let copied = try await self.master(again, workshop.client)
            #expect(["640x360", "320x180", "160x90"].allSatisfy { copied.contains("RESOLUTION=\($0)") }, "\(copied)")
            found = await findings(try #require(again["hls"]?.text), workshop.client)
            #expect(found.isEmpty, "\(found)")
            #expect(!relay.complaints.contains("pictures") && !relay.complaints.contains("stands in"))
        }
    }

    /// A strict player follows all the while, and may find it away, but nothing else wrong.
    @Test(arguments: ["ts", "cmaf"])
    func `keeps what it has promised although it is killed three times`(container: String) async throws {
        try await working { workshop in
            let options = [
                "--loop", "--input", try await Clip.brief.file(), "--ladder", "none", "--container", container,
            ]
            var (origin, ready) = try await workshop.publish("killed", options)
            try await wait(for: 4, of: origin)
            let hls = try #require(ready["hls"]?.text)
            let port = try #require(URL(string: hls)?.port)
            let checker = try workshop.start(
                "\(Program.ownFolder)/tributary-origin",
                ["check", "--json", "--duration", "25", "--tolerance", "20", hls])
            // Between two segments, when one has just been said, and while the next is on its way to the disk.
            for pause in [500, 0, 970] {
                try await wait(for: segments(origin) + 2, of: origin)
                try await Task.sleep(for: .milliseconds(pause))
                origin.signal(SIGKILL)
                _ = try await origin.ended(within: .seconds(10))
                (origin, ready) = try await workshop.publish("killed", options + ["--listen", "127.0.0.1:\(port)"])
                #expect(ready["hls"]?.text == hls)
            }
            try await wait(for: 3, of: origin)
            _ = try await checker.ended(within: .seconds(60))
            let found = checker.events.filter { $0["event"]?.text == "finding" }.filter {
                // Who is away, or says that he has only begun, says nothing wrong.
                guard let detail = $0["detail"]?.text, ["availability", "retention"].contains($0["item"]?.text) else {
                    return true
                }
                return detail.contains("the server answers") && !detail.contains("the server answers 503")
            }
            #expect(found.isEmpty, "\(found)")
            #expect(checker.newest("checked")?.count("segments") ?? 0 >= 8)
            let after = await findings(hls, workshop.client)
            #expect(after.isEmpty, "\(after)")
            let playlist = try await workshop.client.get(
                hls.replacing("master.m3u8", with: "0/index.m3u8"), limit: 1 << 20)
            let text = String(decoding: playlist.body, as: UTF8.self)
            let lines = text.split(separator: "\n")
            let gone = lines.first { $0.hasPrefix("#EXT-X-DISCONTINUITY-SEQUENCE:") }?.split(separator: ":").last
            #expect(
                lines.count { $0 == "#EXT-X-DISCONTINUITY" } + (gone.flatMap { Int($0) } ?? 0) == 3, "\(text)")
            #expect(!text.contains("EXT-X-GAP"))
        }
    }

    @Test func `says when the keyframes of a rendition are elsewhere, and shows another one instead`() async throws {
        try await working { workshop in
            let clips = try await workshop.clips([360, 180], keyframes: [25, 20])
            let (origin, ready) = try await workshop.publish(
                "files", ["--loop", "--input", clips[0], "--rendition", clips[1]])
            try await wait(for: 6, of: origin)
            #expect(origin.complaints.contains("are not where those of"), "\(origin.complaints)")
            #expect(try await master(ready, workshop.client).contains("RESOLUTION=320x180"))
            // Where the larger one stands in there are more bits than the smaller one promises.
            let found = await findings(try #require(ready["hls"]?.text), workshop.client).filter {
                $0.item != .multivariant
            }
            #expect(found.isEmpty, "\(found)")
        }
    }

    @Test func `keeps going when the machine is too slow for the largest copy, which is given up`() async throws {
        try await working { workshop in
            let (origin, ready) = try await workshop.publish(
                "slow", ["--input", try await Clip.brief.file(), "--loop", "--ladder", "240p,120p"])
            try await wait(for: 4, of: origin)
            let before = try await master(ready, workshop.client)
            // Its encoder gets no time any more, as on a machine that has other things to do.
            // On a machine that is busy already one may just be followed by another.
            var found: Int32?
            try await Stage.wait(for: "an encoder", within: .seconds(60)) {
                found = Self.child(of: origin.pid, named: "ffmpeg")
                return found != nil
            }
            let encoder = try #require(found)
            #expect(kill(encoder, SIGSTOP) == 0)
            try await Stage.wait(for: "a word about it", within: .seconds(60)) {
                origin.complaints.contains("the 240p rendition is given up, because this machine is too slow")
            }
            #expect(origin.complaints.contains("its viewers get 120p from now on"))
            let count = segments(origin)
            try await wait(for: count + 5, of: origin)
            #expect(try await master(ready, workshop.client) == before)
            #expect(before.components(separatedBy: "#EXT-X-STREAM-INF").count == 4)
            #expect(Self.child(of: origin.pid, named: "ffmpeg") != encoder)
            let wrong = await findings(try #require(ready["hls"]?.text), workshop.client)
                .filter { $0.item != .multivariant }
            #expect(wrong.isEmpty, "\(wrong)")
        }
    }

    private static func child(of parent: Int32, named name: String) -> Int32? {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { Int32($0) }.first { pid in
            let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
            let words = text.split(separator: " ")
            return words.count > 3 && words[1] == "(\(name))" && Int32(words[3]) == parent
        }
    }
}
