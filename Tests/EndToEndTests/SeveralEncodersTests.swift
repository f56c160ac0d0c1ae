import Foundation
import Inspection
import Stage
import Testing
import Vocabulary
import WebClient

/// Renditions that encoders send side by side.
@Suite(.timeLimit(.minutes(5))) struct `Several encoders of one programme` {
    /// One size of it; those that begin within moments of each other have the same times.
    private static func size(_ size: String, _ options: [String] = []) -> [String] {
        ["-re", "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25"] + Newsroom.sound + Newsroom.codecs + options
    }

    /// How many of the newest segments of two renditions are the same.
    private func sharing(_ one: Int, _ other: Int, of name: String, in newsroom: Newsroom) async throws -> [Bool] {
        let hls = try #require(await newsroom.events("broadcast", of: name).last?["hls"]?.text)
        var lists: [[Int: String]] = []
        for rendition in [one, other] {
            let answer = try await newsroom.client.get(
                hls.replacing("master.m3u8", with: "\(rendition)/index.m3u8"), limit: 1 << 20)
            let playlist = Playlist(parsing: answer.body)
            lists.append(
                Dictionary(
                    uniqueKeysWithValues: playlist.segments.enumerated().map {
                        (playlist.mediaSequence + $0.offset, $0.element.uri)
                    }))
        }
        let shared = lists[0].keys.sorted().suffix(4).compactMap { number in
            lists[1][number].map { $0 == lists[0][number] }
        }
        try #require(shared.count >= 2)
        return shared
    }

    private func master(of name: String, in newsroom: Newsroom) async throws -> String {
        let hls = try #require(await newsroom.events("broadcast", of: name).last?["hls"]?.text)
        return String(decoding: try await newsroom.client.get(hls, limit: 1 << 20).body, as: UTF8.self)
    }

    @Test func `are its renditions, and one of them may go and come back`() async throws {
        // Where a larger rendition stands in there are more bits than the smaller one promises.
        try await Newsroom.run(pardoning: [.multivariant]) { newsroom in
            try await newsroom.add("show", "--rendition", "encoders", "--rendition", "encoders")
            try await newsroom.add("alone")
            let key = try await newsroom.key(of: "show")
            let alone = try await newsroom.key(of: "alone")
            try await newsroom.serve()
            let rtmp = await newsroom.rtmp
            func send(_ size: String, _ rendition: String, _ options: [String] = []) async throws -> Program {
                try await newsroom.ffmpeg(Self.size(size, options) + ["-f", "flv", "\(rtmp)/\(key)\(rendition)"])
            }
            let smallest = try await send("96x54", "?rendition=2")
            let small = try await send("160x90", "?rendition=1")
            let source = try await send("320x180", "")
            for stranger in ["\(key)?rendition=3", "\(key)?rendition=x", "\(alone)?rendition=1"] {
                let ffmpeg = try await newsroom.ffmpeg(Self.size("64x36") + ["-f", "flv", "\(rtmp)/\(stranger)"])
                #expect(try await ffmpeg.ended(within: .seconds(60)) != .exited(0))
            }
            try await newsroom.segments(of: "show", atLeast: 6)
            let master = try await master(of: "show", in: newsroom)
            #expect(["320x180", "160x90", "96x54"].allSatisfy { master.contains("RESOLUTION=\($0)") }, "\(master)")
            #expect(try await sharing(0, 1, of: "show", in: newsroom).allSatisfy { !$0 })
            #expect(try await sharing(1, 2, of: "show", in: newsroom).allSatisfy { !$0 })
            let origin = try #require(await newsroom.origin)
            #expect(!origin.complaints.contains("stands in"), "\(origin.complaints)")

            smallest.signal(SIGKILL)
            try await wait(for: "a word about the smallest", within: .seconds(60)) {
                origin.complaints.contains("stands in")
            }
            var count = await newsroom.segments(of: "show")
            try await newsroom.segments(of: "show", atLeast: count + 6)
            #expect(try await sharing(1, 2, of: "show", in: newsroom).suffix(2).allSatisfy { $0 })
            #expect(try await sharing(0, 1, of: "show", in: newsroom).allSatisfy { !$0 })
            #expect(source.isRunning && small.isRunning)

            // It is there again, with times that go on with those of the others.
            let begun = await newsroom.segments(of: "show") + 4
            // The sound's first packet lies 21 ms before the pictures where times begin, and FLV knows none below 0.
            _ = try await send("96x54", "?rendition=2", ["-output_ts_offset", "\(begun).021"])
            count = await newsroom.segments(of: "show")
            try await wait(for: "pictures of the smallest", within: .seconds(60)) {
                (try? await sharing(1, 2, of: "show", in: newsroom).suffix(2).allSatisfy { !$0 }) == true
            }
            #expect(await newsroom.state(of: "show").state == "live")
            #expect(try await self.master(of: "show", in: newsroom) == master)
        }
    }

    @Test func `may send over SRT and UDP`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("called", "--rendition", "encoders", "--container", "cmaf")
            // No ports that the system gives to others.
            let port = 15_000 + Int(getpid()) % 5_000 * 2
            let places = [port, port + 1].map { "udp://127.0.0.1:\($0)" }
            try await newsroom.add("heard", "--input", places[0], "--rendition", places[1])
            let key = try await newsroom.key(of: "called")
            try await newsroom.serve()
            let srt = await newsroom.srt
            for (number, size) in ["320x180", "160x90"].enumerated() {
                let streamID = "#!::r=\(key),m=publish,rendition=\(number)"
                _ = try await newsroom.ffmpeg(
                    Self.size(size, ["-f", "mpegts"]) + ["\(srt)?streamid=\(streamID)"])
                _ = try await newsroom.ffmpeg(
                    Self.size(size, ["-f", "mpegts"]) + ["\(places[number])?pkt_size=1316"])
            }
            for name in ["called", "heard"] {
                try await newsroom.segments(of: name, atLeast: 6)
                let master = try await master(of: name, in: newsroom)
                #expect(["320x180", "160x90"].allSatisfy { master.contains("RESOLUTION=\($0)") }, "\(master)")
                #expect(try await sharing(0, 1, of: name, in: newsroom).allSatisfy { !$0 }, "\(name)")
            }
        }
    }
}
