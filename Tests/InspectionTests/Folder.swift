import Foundation
import NIOCore
import NIOPosix
import Stage
import Synchronization
import Vocabulary
import WebClient
import WebServer

/// A folder of HLS files made by the ffmpeg program, and a server of them that can be made to do wrong.
final class Folder: Sendable {
    /// What the server does to an answer; `nil` sends the file as a good server would.
    typealias Mischief = @Sendable (_ path: String, inout Response) -> Void

    let path: String
    private let mischief = Mutex<Mischief?>(nil)
    private let server = Mutex<Server?>(nil)

    init() async throws {
        path = NSTemporaryDirectory() + "/tributary-inspection-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let started = try await Server.start(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton) {
            [weak self] request, eventLoop in
            eventLoop.makeSucceededFuture(self?.answer(request) ?? Response(status: 500))
        }
        server.withLock { $0 = started }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func close() async { await server.withLock { $0 }?.stop() }

    func url(_ name: String) -> String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })/\(name)" }

    func misbehave(_ mischief: Mischief?) { self.mischief.withLock { $0 = mischief } }

    func ffmpeg(_ arguments: [String]) async throws {
        let ffmpeg = try Program("ffmpeg", ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"] + arguments)
        guard try await ffmpeg.ended(within: .seconds(60)) == .exited(0) else {
            throw Program.Failure(description: ffmpeg.complaints)
        }
    }

    /// A stream that has ended, of MPEG-TS or fragments.
    func stream(_ type: String) async throws {
        try await ffmpeg(
            [
                "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000",
                "-t", "8",
                "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "300k", "-bf", "2", "-g", "25",
                "-keyint_min", "25", "-sc_threshold", "0", "-c:a", "aac", "-f", "hls", "-hls_time", "1",
                "-hls_list_size", "0",
                "-hls_segment_type", type, "-hls_flags", "program_date_time+independent_segments", "-hls_playlist_type",
                "vod",
                "\(path)/index.m3u8",
            ])
        var text = try String(contentsOfFile: "\(path)/index.m3u8", encoding: .utf8)
        // ffmpeg writes tags that a live playlist must not have, and a higher version than it needs.
        text = text.replacing("#EXT-X-PLAYLIST-TYPE:VOD\n", with: "").replacing(
            "#EXT-X-VERSION:7", with: "#EXT-X-VERSION:6")
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/index.m3u8"))
    }

    private func answer(_ request: Request) -> Response {
        guard let data = FileManager.default.contents(atPath: path + request.path) else { return Response(status: 404) }
        let isPlaylist = request.path.hasSuffix(".m3u8")
        let type =
            isPlaylist ? "application/vnd.apple.mpegurl" : request.path.hasSuffix(".ts") ? "video/mp2t" : "video/mp4"
        var response = Response(
            status: 200,
            headers: [
                ("content-type", type), ("access-control-allow-origin", "*"),
                ("cache-control", isPlaylist ? "no-cache" : "max-age=3600"),
            ], body: .bytes(ByteBuffer(bytes: data)))
        if isPlaylist, request.header("accept-encoding")?.contains("gzip") == true {
            response.headers.append(("content-encoding", "gzip"))
        }
        mischief.withLock { $0?(request.path, &response) }
        return response
    }
}
