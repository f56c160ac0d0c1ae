import Foundation
import Inspection
import NIOCore
import OriginMedia
import Stage
import Testing
import Vocabulary
import WebClient
import WebServer

@testable import OriginService

@Suite(.timeLimit(.minutes(3))) struct `A broadcast of real media` {
    /// Publishes a clip to its end and serves it.
    private func serving(
        _ container: Container, _ body: (Publication, Counter, String) async throws -> Void
    ) async throws {
        let desk = try Desk()
        let film = "\(desk.path)/film.mp4"
        let ffmpeg = try Program(
            "ffmpeg",
            [
                "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi",
                "-i",
                "sine=sample_rate=48000", "-t", "12", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
                "-bf",
                "2", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-c:a", "aac", film,
            ])
        #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
        let publication = try desk.publication()
        var settings = MediaSource.Settings(input: MediaInput(film))
        settings.container = container
        settings.ladder = [90]
        settings.hasSoundAlone = true
        settings.isPaced = false
        let source = MediaSource(settings)
        source.start { event in
            switch event {
            case .described(let descriptions): publication.describe(descriptions)
            case .cut(let segment): publication.publish(segment)
            default: break
            }
        }
        try await wait(for: "the end", within: .seconds(90)) { publication.isClosed }
        let counter = try await Counter(publication)
        do {
            try await body(publication, counter, counter.address)
            await counter.close()
        } catch {
            await counter.close()
            throw error
        }
        withExtendedLifetime(desk) {}
    }

    @Test(arguments: Container.allCases)
    func `breaks no rule that the checker knows`(container: Container) async throws {
        try await serving(container) { publication, counter, address in
            let client = WebClient()
            defer { client.shutdown() }
            var inspector = Inspector(client)
            let report = await inspector.inspect("\(address)/master.m3u8", for: 5)
            #expect(report.isValid, "\(report.findings.map(\.finding))")
            #expect(report.playlists == 3 && report.segments == 18 && report.isEnded)
            #expect(report.hasFragments == (container == .cmaf))
            let head = try publication.newest().head
            #expect(head.renditions.map(\.height) == [180, 90, 0] && head.newest.count == 3)
            #expect(try await counter.ask("3/index.m3u8").status == 404)
            #expect(try await counter.ask("records/2/0-5").status == 200)
        }
    }

    @Test func `is the same after a restart`() async throws {
        let desk = try Desk()
        func row(_ number: Int) -> CutSegment {
            var segment = cutSegment(number)
            segment.media.append(CutSegment.Media(bytes: [UInt8(number), 1, 2], initialization: [7, 7]))
            return segment
        }
        let before = try {
            let publication = try desk.publication()
            publication.describe(Publication.description + Publication.description)
            for number in 0..<4 { publication.publish(row(number)) }
            return [publication.mediaPlaylist(of: 0), publication.mediaPlaylist(of: 1), publication.masterPlaylist]
        }()
        let publication = try desk.publication()
        #expect(
            [publication.mediaPlaylist(of: 0), publication.mediaPlaylist(of: 1), publication.masterPlaylist] == before)
        #expect(before[1]?.contains("#EXT-X-MAP:URI=\"../segments/") == true)
        let root = try #require(publication.root(of: SegmentID(rendition: 1, sequence: 2)))
        #expect(publication.content(root)?.bytes.count == 3)
        publication.publish(row(4))
        #expect(publication.mediaPlaylist(of: 1)?.contains("#EXT-X-DISCONTINUITY\n") == true)
    }

    @Test func `plays as DASH in ffprobe and GStreamer`() async throws {
        try await serving(.cmaf) { _, counter, address in
            let manifest = "\(address)/manifest.mpd"
            let ffprobe = try Program(
                "ffprobe", ["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", manifest])
            #expect(try await ffprobe.ended(within: .seconds(60)) == .exited(0))
            let streams = String(decoding: ffprobe.output, as: UTF8.self).split(separator: "\n").filter { !$0.isEmpty }
            #expect(streams.count { $0 == "h264" } >= 2 && streams.contains("aac"), "\(streams) \(ffprobe.complaints)")
            let player = try Program(
                "gst-launch-1.0",
                [
                    "-v", "playbin3", "uri=\(manifest)", "video-sink=fakesink name=pictures sync=false",
                    "audio-sink=fakesink name=sound sync=false",
                ])
            let end = try await player.ended(within: .seconds(90))
            let said = String(decoding: player.output, as: UTF8.self)
            #expect(end == .exited(0), "\(player.complaints) \(said.suffix(500))")
            #expect(said.contains("pictures.GstPad:sink: caps = video/x-raw"), "\(said.suffix(2_000))")
            #expect(said.contains("sound.GstPad:sink: caps = audio/x-raw"))
            #expect(said.contains("Got EOS"))
            #expect(try await counter.ask("0/3.m4s").headers["content-type"] == "video/iso.segment")
            #expect(try await counter.ask("0/99.m4s").status == 404)
        }
    }
}
