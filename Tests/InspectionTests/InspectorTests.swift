import Foundation
import Inspection
import NIOCore
import Synchronization
import Testing
import WebClient
import WebServer

@Suite(.timeLimit(.minutes(2))) struct `An inspector` {
    private func found(_ folder: Folder, _ name: String = "index.m3u8") async -> Inspector.Report {
        let client = WebClient()
        defer { client.shutdown() }
        var inspector = Inspector(client)
        return await inspector.inspect(folder.url(name), for: 1)
    }

    private func body(_ response: Response) -> [UInt8] {
        guard case .bytes(let bytes) = response.body else { return [] }
        return Array(bytes.readableBytesView)
    }

    @Test(arguments: ["mpegts", "fmp4"])
    func `finds nothing wrong with a good stream, and names what is done to it`(type: String) async throws {
        let folder = try await Folder()
        try await folder.stream(type)
        let good = await found(folder)
        #expect(good.isValid, "\(good.findings.map(\.finding))")
        #expect(good.segments == 8 && good.playlists == 1 && good.isEnded && good.hasFragments == (type == "fmp4"))

        let suffix = type == "mpegts" ? "3.ts" : "3.m4s"
        let other = type == "mpegts" ? "5.ts" : "5.m4s"
        let fourth = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/index\(other)")))
        let mischiefs: [(Item, Folder.Mischief)] = [
            (.availability, { if $0.hasSuffix(suffix) { $1 = Response(status: 404) } }),
            (.availability, { if $0.hasSuffix(suffix) { $1 = Response(status: 302, headers: [("location", "/x")]) } }),
            (.http, { _, response in response.headers.removeAll { $0.0 == "access-control-allow-origin" } }),
            (.http, { _, response in response.headers.removeAll { $0.0 == "content-encoding" } }),
            (.http, { if $0.hasSuffix(suffix) { $1.headers[0].1 = "text/plain" } }),
            (.http, { if $0.hasSuffix(".m3u8") { $1.headers[0].1 = "text/plain" } }),
            (.http, { if $0.hasSuffix(suffix) { $1.headers[2].1 = "no-store" } }),
            (
                .container,
                {
                    if $0.hasSuffix(suffix), case .bytes(let all) = $1.body {
                        $1.body = .bytes(all.getSlice(at: 0, length: all.readableBytes / 2 + 7) ?? all)
                    }
                }
            ),
            (
                .container,
                { if $0.hasSuffix(suffix) { $1.body = .bytes(ByteBuffer(string: "<html>not found</html>")) } }
            ),
            (.continuity, { if $0.hasSuffix(suffix) { $1.body = .bytes(ByteBuffer(bytes: fourth)) } }),
        ]
        for (item, mischief) in mischiefs {
            folder.misbehave(mischief)
            let report = await found(folder)
            #expect(report.findings.contains { $0.finding.item == item }, "\(item): \(report.findings.map(\.finding))")
        }
        folder.misbehave(nil)

        let text = try String(contentsOfFile: "\(folder.path)/index.m3u8", encoding: .utf8)
        func alter(_ old: String, _ new: String) throws {
            let altered = text.replacing(old, with: new)
            #expect(altered != text)
            try Data(altered.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/altered.m3u8"))
        }
        try alter("#EXTINF:1.0", "#EXTINF:1.2")
        #expect(
            await found(folder, "altered.m3u8").findings.contains {
                $0.finding.item == (type == "fmp4" ? .segmentDuration : .continuity)
            })
        await folder.close()
    }

    @Test func `notices a segment without a keyframe, and a variant that exceeds its promise`() async throws {
        let folder = try await Folder()
        // Cut every second, with keyframes every two.
        try await folder.ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "6", "-c:v", "libx264", "-preset", "veryfast",
            "-bf", "0",
            "-pix_fmt", "yuv420p", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-f", "hls", "-hls_time", "1",
            "-hls_flags", "split_by_time+program_date_time", "-hls_list_size", "0",
            "\(folder.path)/index.m3u8",
        ])
        let text = try String(contentsOfFile: "\(folder.path)/index.m3u8", encoding: .utf8)
        try Data(text.replacing("#EXT-X-TARGET", with: "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGET").utf8)
            .write(to: URL(fileURLWithPath: "\(folder.path)/index.m3u8"))
        let report = await found(folder)
        #expect(report.findings.count { $0.finding.item == .keyframe } == 3, "\(report.findings.map(\.finding))")
        try Data(
            """
            #EXTM3U
            #EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=1000,CODECS="avc1.64000c",RESOLUTION=320x180,FRAME-RATE=25.000
            index.m3u8

            """.utf8
        ).write(to: URL(fileURLWithPath: "\(folder.path)/master.m3u8"))
        let master = await found(folder, "master.m3u8")
        #expect(master.playlists == 1)
        #expect(master.findings.contains { $0.finding.item == .multivariant }, "\(master.findings.map(\.finding))")
        // What it says when it is asked again is what counts.
        let asked = Mutex(0)
        folder.misbehave { path, response in
            guard path.hasSuffix("master.m3u8"),
                asked.withLock({
                    $0 += 1; return $0 > 2
                })
            else { return }
            response.body = .bytes(
                ByteBuffer(
                    string: """
                        #EXTM3U
                        #EXT-X-STREAM-INF:BANDWIDTH=9000000,AVERAGE-BANDWIDTH=1000,CODECS="avc1.64000c",RESOLUTION=320x180
                        index.m3u8

                        """))
        }
        let raised = await found(folder, "master.m3u8")
        #expect(
            !raised.findings.contains { $0.finding.detail.contains("BANDWIDTH is") },
            "\(raised.findings.map(\.finding))")
        await folder.close()
    }

    @Test func `says that there is nobody`() async throws {
        let client = WebClient()
        defer { client.shutdown() }
        var inspector = Inspector(client)
        let report = await inspector.inspect("http://127.0.0.1:9/index.m3u8", for: 1)
        #expect(report.findings.map(\.finding.item) == [.availability])
    }

    @Test(arguments: [
        ("b.ts", "http://h/a/b.ts"), ("../b.ts", "http://h/b.ts"), ("/b.ts", "http://h/b.ts"),
        ("http://x/b.ts", "http://x/b.ts"), ("../../../b.ts?c=../d", "http://h/b.ts?c=../d"),
        ("./c/./b.ts", "http://h/a/c/b.ts"),
        ("//x/b.ts", "http://x/b.ts"),
    ])
    func `resolves URIs`(uri: String, whole: String) {
        #expect(Inspector.resolve(uri, against: "http://h/a/index.m3u8?x=/y/") == whole)
    }
}

@Suite struct `A reading of media` {
    @Test func `survives what is no media`() {
        let box: [UInt8] = [0, 0, 0, 16, 0x6d, 0x6f, 0x6f, 0x66, 0xff, 0xff, 0xff, 0xff, 0x74, 0x72, 0x61, 0x66]
        for bytes in [[], [0x47], Array(repeating: 0x47, count: 188 * 3), Array(repeating: 0xff, count: 376), box] {
            #expect(!MediaReading(bytes, initialization: nil).faults.isEmpty)
            let initialization = InitializationReading(bytes)
            #expect(!initialization.faults.isEmpty)
            #expect(!MediaReading(bytes, initialization: initialization).faults.isEmpty)
        }
    }
}
