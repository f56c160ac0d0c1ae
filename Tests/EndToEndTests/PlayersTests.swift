import Foundation
import Inspection
import NIOCore
import NIOPosix
import Stage
import Synchronization
import Testing
import Vocabulary
import WebClient
import WebServer

/// The same broadcast at the origin and at an agent, in fragments and as MPEG-TS, to whoever plays HLS.
@Suite(.timeLimit(.minutes(6)), .serialized) struct `Players of other people` {
    private func showing(
        _ options: [String], _ body: (_ origin: String, _ agent: String) async throws -> Void
    ) async throws {
        let cast = try Cast(
            programs: Program.ownFolder, video: try await Clip.brief.file(),
            originOptions: ["--loop", "--segment-duration", "1"] + options)
        do {
            try await cast.startOrigin()
            try await cast.segments(atLeast: 4, within: .seconds(60))
            let (_, hls) = try await cast.startPeer(["--allow-origin", "*"])
            try await body(await cast.hls, hls)
        } catch {
            await cast.strike()
            throw error
        }
        await cast.strike()
    }

    @Test(arguments: [["--container", "ts", "--ladder", "180p,audio"], ["--container", "cmaf", "--ladder", "180p"]])
    func `see a valid stream at the origin and at an agent`(options: [String]) async throws {
        try await showing(options) { origin, agent in
            for url in [origin, agent] {
                let client = WebClient()
                defer { client.shutdown() }
                // A busy machine may be late; what it serves must be right.
                var inspector = Inspector(client, tolerance: 20_000_000)
                let report = await inspector.inspect(url, for: 12)
                let findings = report.findings.map(\.finding)
                #expect(findings.isEmpty, "\(url): \(findings)")
                #expect(report.playlists == 3 && report.segments >= 12, "\(report.playlists) \(report.segments)")
            }
        }
    }

    @Test func `play DASH at the origin and at an agent`() async throws {
        try await showing(["--container", "cmaf", "--ladder", "none"]) { origin, agent in
            for url in [origin, agent] {
                let manifest = url.replacing("master.m3u8", with: "manifest.mpd")
                let ffprobe = try Program(
                    "ffprobe", ["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", manifest])
                #expect(try await ffprobe.ended(within: .seconds(90)) == .exited(0), "\(ffprobe.complaints)")
                let streams = String(decoding: ffprobe.output, as: UTF8.self)
                #expect(streams.contains("h264") && streams.contains("aac"), "\(url): \(streams)")
            }
        }
    }

    @Test func `are told that the manifest differs with who asks, and what time it is`() async throws {
        try await showing(["--container", "cmaf", "--ladder", "none"]) { origin, agent in
            let client = WebClient()
            defer { client.shutdown() }
            func ask(_ url: String) async throws -> (head: WebHead, text: String) {
                let answer = try await client.answer(to: WebRequest(url, limit: 1 << 20, timeout: .seconds(20)))
                #expect(answer.head.status == 200, "\(url)")
                return (answer.head, String(decoding: answer.body, as: UTF8.self))
            }
            for url in [origin, agent] {
                let (head, text) = try await ask(url.replacing("master.m3u8", with: "manifest.mpd"))
                let varies = head.headers.contains { $0.name.lowercased() == "vary" && $0.value == "user-agent" }
                #expect(varies, "\(url): \(head.headers)")
                #expect(text.contains("urn:mpeg:dash:utc:http-xsdate:2014\" value=\"time\""), "\(url)")
                // The agent knows it as late as its newest segment came.
                let time = try await ask(url.replacing("master.m3u8", with: "time")).text
                let read = ISO8601DateFormatter()
                read.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
                let error = abs(read.date(from: time)?.timeIntervalSinceNow ?? .infinity)
                #expect(error < 10, "\(url): \(time)")
            }
        }
    }

    // Twenty seconds are more than the manifest lists: what it listed at first is gone then.
    @Test func `play live DASH by the clock in GStreamer, at the origin and at an agent`() async throws {
        try await showing(["--container", "cmaf", "--ladder", "none"]) { origin, agent in
            try await withThrowingTaskGroup { group in
                for url in [origin, agent] {
                    let manifest = url.replacing("master.m3u8", with: "manifest.mpd")
                    group.addTask {
                        let player = try Program(
                            "gst-launch-1.0",
                            [
                                "-v", "playbin", "uri=\(manifest)",
                                "video-sink=fakesink name=pictures sync=true silent=false",
                                "audio-sink=fakesink sync=true",
                            ])
                        // Counting is not cheap.
                        func pictures() async -> Int {
                            try? await Task.sleep(for: .milliseconds(250))
                            return String(decoding: player.output, as: UTF8.self).split(separator: "\n").count {
                                $0.contains("pictures: last-message = chain")
                            }
                        }
                        let hasBegun = await holds(within: .seconds(20)) { await pictures() > 0 || !player.isRunning }
                        let goesOn = await holds(within: .seconds(40)) { await pictures() >= 600 || !player.isRunning }
                        let (shown, isRunning) = (await pictures(), player.isRunning)
                        await player.stop()
                        #expect(hasBegun && goesOn && isRunning, "\(url): \(shown) pictures, \(player.complaints)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: [["--container", "ts", "--ladder", "none"], ["--container", "cmaf", "--ladder", "none"]])
    func `show pictures in Chromium, at the origin and at an agent`(options: [String]) async throws {
        try await showing(options) { origin, agent in
            for url in [origin, agent] {
                let played = try await Browser.play(url, until: 6, within: .seconds(90))
                #expect(played.seconds >= 6, "\(url): \(played)")
                #expect(played.width == 640 && played.errors.isEmpty, "\(url): \(played)")
            }
        }
    }
}

/// A headless Chromium that plays one address with nothing but a video element.
enum Browser {
    struct Played: Sendable {
        var seconds = 0.0
        var width = 0
        var errors: [String] = []
    }

    static func play(_ url: String, until seconds: Double, within bound: Interval) async throws -> Played {
        let played = Mutex(Played())
        let page = """
            <!doctype html><video muted autoplay src="\(url)"></video><script>
            const video = document.querySelector('video');
            const tell = (text) => fetch('/tell?' + text);
            video.onerror = () => tell('error=' + encodeURIComponent(video.error.code + ' ' + video.error.message));
            setInterval(() => tell('width=' + video.videoWidth + '&seconds=' + (video.played.length ?
              video.played.end(video.played.length - 1) - video.played.start(0) : 0)), 300);
            video.play().catch((error) => tell('error=' + encodeURIComponent(error)));
            </script>
            """
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton) {
            request, eventLoop in
            guard request.path == "/tell" else {
                return eventLoop.makeSucceededFuture(Response(text: page, type: "text/html; charset=utf-8"))
            }
            played.withLock { played in
                if let seconds = request.query("seconds").flatMap({ Double($0) }) {
                    played.seconds = max(played.seconds, seconds)
                }
                if let width = request.query("width").flatMap({ Int($0) }) { played.width = max(played.width, width) }
                if let error = request.query("error") { played.errors.append(error) }
            }
            return eventLoop.makeSucceededFuture(Response(status: 204))
        }
        let folder = NSTemporaryDirectory() + "/tributary-browser-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let chromium = try Program(
            "chromium",
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
                "--mute-audio", "--disable-dev-shm-usage", "--disable-renderer-backgrounding",
                "--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--no-first-run",
                "--user-data-dir=\(folder)", "http://127.0.0.1:\(server.port)/",
            ])
        _ = await holds(within: bound) {
            played.withLock { $0.seconds >= seconds || !$0.errors.isEmpty } || !chromium.isRunning
        }
        await chromium.stop()
        await server.stop()
        var result = played.withLock { $0 }
        if result.seconds == 0, result.errors.isEmpty {
            result.errors.append("nothing played: \(chromium.complaints.suffix(500))")
        }
        return result
    }
}
