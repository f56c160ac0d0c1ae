import Foundation
import Stage
import Testing
import Vocabulary
import WebClient

@Suite(.timeLimit(.minutes(1))) struct `A broadcast of standard input` {
    @Test func `is paced, and closed when the input ends`() async throws {
        let folder = NSTemporaryDirectory() + "/tributary-stdin-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(mkfifo("\(folder)/pipe", 0o600) == 0)

        // The shell becomes the origin once somebody writes to the pipe.
        let origin = try Program(
            "/bin/sh",
            [
                "-c", "exec \"$0\" \"$@\" < '\(folder)/pipe'", "\(Program.ownFolder)/tributary-origin", "publish",
                "--json", "--input", "-", "--listen", "127.0.0.1:0", "--data", "\(folder)/data",
                "--segment-duration", "1",
            ])
        let clock = ContinuousClock()
        let start = clock.now
        let ffmpeg = try Program(
            "ffmpeg",
            [
                "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                "-t", "4", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-f", "mpegts",
                "\(folder)/pipe",
            ])
        let hls = try #require(try await origin.event("ready", within: .seconds(15))["hls"]?.text)
        _ = try await origin.event("closed", within: .seconds(20))
        #expect(clock.now - start >= .seconds(2.5))
        #expect(try await ffmpeg.ended(within: .seconds(5)) == .exited(0))

        let client = WebClient()
        let list = hls.replacing("master.m3u8", with: "0/index.m3u8")
        let answer = try await client.get(list, limit: 1 << 20)
        let found = await findings(hls, client)
        #expect(found.isEmpty, "\(found)")
        await client.shutdownAndWait()
        let playlist = Playlist(parsing: answer.body)
        #expect(playlist.faults.isEmpty && playlist.isEnded)
        #expect(abs(playlist.segments.reduce(0) { $0 + $1.duration } - 4) <= 0.05)
        #expect(await origin.stop() == .exited(0))
    }
}
