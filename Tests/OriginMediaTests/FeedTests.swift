import Foundation
import OriginMedia
import Stage
import Testing
import Vocabulary

/// What encoders push, of which not all is known at first.
@Suite(.timeLimit(.minutes(2))) struct `A feed` {
    private let studio: Studio

    init() throws { studio = try Studio() }

    private typealias Heard = (segments: [CutSegment], described: [MediaDescription], warnings: [String])

    /// Cuts the programme that `feed` holds, to its end.
    private func cut(_ feed: Feed, _ container: Container) async throws -> Heard {
        let airing = Airing(container)
        defer { airing.stop() }
        try await airing.play(feed, within: .seconds(30))
        return (airing.listener.segments, airing.listener.lastDescriptions, airing.listener.warnings)
    }

    private func cut(_ path: String, _ container: Container) async throws -> Heard {
        let feed = Feed(name: "a test", format: path.hasSuffix("flv") ? .flv : .mpegts)
        feed.push(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
        return try await cut(feed, container)
    }

    /// How many pictures the first rendition shows, and what ffprobe complains of.
    private func pictures(_ heard: Heard, _ container: Container) async throws -> (complaints: String, count: Int) {
        guard container == .cmaf else {
            let (complaints, pictures) = try await studio.probe(heard.segments)
            return (complaints, pictures)
        }
        var bytes: [UInt8] = []
        for segment in heard.segments {
            guard let media = segment.media.first ?? nil else { continue }
            bytes += (bytes.isEmpty || segment.isDiscontinuity ? media.initialization ?? [] : []) + media.bytes
        }
        let path = try studio.file("joined.mp4", bytes)
        let ffprobe = try Program(
            "ffprobe",
            ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path])
        _ = try await ffprobe.ended(within: .seconds(60))
        let count = Int(String(decoding: ffprobe.output, as: UTF8.self).prefix { $0.isNumber })
        return (ffprobe.complaints, count ?? 0)
    }

    /// FLV with the pictures of an MP4 file, and its sound, as it lies there; H.265 is called H.264.
    private func tags(of path: String) async throws -> [UInt8] {
        let file = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let ffprobe = try Program(
            "ffprobe",
            [
                "-v", "error", "-show_entries", "packet=codec_type,pts_time,dts_time,size,pos,flags", "-of",
                "json=compact=1", path,
            ])
        _ = try await ffprobe.ended(within: .seconds(30))
        struct Table: Decodable {
            struct Packet: Decodable { var codec_type, pts_time, dts_time, size, pos, flags: String }
            var packets: [Packet]
        }
        let packets = try JSONDecoder().decode(Table.self, from: Data(ffprobe.output)).packets
        func time(_ text: String) -> Int { Int(((Double(text) ?? 0) * 1_000).rounded()) + 200 }
        func tag(_ kind: UInt8, _ time: Int, _ bytes: [UInt8]) -> [UInt8] {
            func number(_ value: Int, _ shifts: [Int]) -> [UInt8] { shifts.map { UInt8(value >> $0 & 255) } }
            return [kind] + number(bytes.count, [16, 8, 0]) + number(time, [16, 8, 0, 24]) + [0, 0, 0] + bytes
                + number(bytes.count + 11, [24, 16, 8, 0])
        }
        let name = try #require(file.firstRange(of: Array("hvcC".utf8))).lowerBound
        let length = file[name - 4..<name].reduce(0) { $0 << 8 | Int($1) }
        var bytes = Array("FLV".utf8) + [1, 5, 0, 0, 0, 9, 0, 0, 0, 0]
        bytes += tag(9, 0, [0x17, 0, 0, 0, 0] + file[name + 4..<name - 4 + length])
        // AAC of 48 kHz, mono (ISO 14496-3, 1.6.2.1).
        bytes += tag(8, 0, [0xaf, 0, 0x11, 0x88])
        for packet in packets.sorted(by: { time($0.dts_time) < time($1.dts_time) }) {
            let (start, size) = (Int(packet.pos) ?? 0, Int(packet.size) ?? 0)
            let later = time(packet.pts_time) - time(packet.dts_time)
            let head: [UInt8] =
                packet.codec_type == "video"
                ? [packet.flags.contains("K") ? 0x17 : 0x27, 1, 0, UInt8(later >> 8), UInt8(later & 255)] : [0xaf, 1]
            bytes += tag(
                packet.codec_type == "video" ? 9 : 8, time(packet.dts_time), head + file[start..<start + size])
        }
        return bytes
    }

    @Test(arguments: Container.allCases) func `may hold H.265 in FLV, which libavformat takes for H.264`(
        container: Container
    ) async throws {
        let clip = try await studio.clip(
            "modern.mp4", seconds: 6,
            Studio.picture() + Studio.sound + [
                "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1", "-x265-params",
                "log-level=error:keyint=25:scenecut=0:open-gop=0:bframes=3", "-c:a", "aac",
            ])
        let feed = Feed(name: "a test", format: .flv)
        #expect(feed.holds(.h265) && !feed.holds(.h264))
        feed.push(try await tags(of: clip))
        let heard = try await cut(feed, container)
        let video = try #require(heard.described.first)
        #expect(video.codecs.first == "hvc1.1.6.L60.B0" && video.width == 320 && video.height == 180)
        #expect(video.framesPerKilosecond == 25_000 && heard.described.last?.channels == 1)
        #expect(heard.segments.allSatisfy { !$0.isDiscontinuity } && heard.segments.count == 3)
        let (complaints, count) = try await pictures(heard, container)
        #expect(complaints.isEmpty && count == 150, "\(complaints) \(count)")
    }

    /// In MPEG-TS nothing else need be said of it than what is in the tables.
    @Test(arguments: Container.allCases) func `may change its codecs, or where they are found, in the middle`(
        container: Container
    ) async throws {
        let modern =
            ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
            + ["-x265-params", "log-level=error:keyint=25:scenecut=0:open-gop=0:bframes=2"]
        let parts = [
            Studio.encoded(keyframes: 25), modern + ["-c:a", "mp3"], Studio.encoded(keyframes: 25),
            Studio.encoded(keyframes: 25) + ["-streamid", "0:768", "-streamid", "1:769"],
        ]
        let feed = Feed(name: "a test", format: .mpegts)
        for (number, encoded) in parts.enumerated() {
            let path = try await studio.clip(
                "\(number).ts", seconds: 10,
                Studio.picture() + Studio.sound + encoded + ["-output_ts_offset", "\(number * 10)"])
            feed.push(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
        }
        let heard = try await cut(feed, container)
        var stretches: [[CutSegment]] = []
        for segment in heard.segments {
            if stretches.isEmpty || segment.isDiscontinuity { stretches.append([]) }
            stretches[stretches.count - 1].append(segment)
        }
        #expect(stretches.count == parts.count, "\(stretches.map(\.count)) \(heard.warnings)")
        for (number, stretch) in stretches.enumerated() {
            let (complaints, count) = try await pictures((stretch, heard.described, []), container)
            // Up to two seconds go by until other numbers are believed, and one until a keyframe comes.
            #expect(complaints.isEmpty && count >= (number == 3 ? 150 : 200), "\(number): \(count) \(complaints)")
        }
    }

    @Test(arguments: [
        ("12", 12_000), ("24000/1001", 23_976), ("24", 24_000), ("25", 25_000), ("30000/1001", 29_970), ("30", 30_000),
        ("48", 48_000), ("60000/1001", 59_940), ("60", 60_000), ("120", 120_000),
    ])
    func `tells the rate of pictures that are counted in milliseconds and come without metadata`(
        rate: String, frames: Int
    ) async throws {
        let path = try await studio.clip(
            "untold.flv", seconds: 4,
            Studio.picture(rate: rate) + Studio.sound + Studio.encoded(keyframes: 60) + ["-flvflags", "no_metadata"])
        #expect(try await cut(path, .ts).described.first?.framesPerKilosecond == frames)
    }

    @Test(
        arguments: [
            ("flv", 0, 10, 350), ("ts", 0, 10, 350), ("flv", 10, 0, 100), ("ts", 10, 0, 100),
        ], Container.allCases)
    func `may begin with one of sound and pictures ten seconds before the other`(
        clip: (format: String, picture: Int, sound: Int, count: Int), container: Container
    ) async throws {
        let path = try await studio.clip(
            "late.\(clip.format)", seconds: 14,
            ["-itsoffset", "\(clip.picture)"] + Studio.picture() + ["-itsoffset", "\(clip.sound)"] + Studio.sound
                + Studio.encoded(keyframes: 25) + ["-max_interleave_delta", "300000"])
        let heard = try await cut(path, container)
        #expect(heard.described.flatMap(\.codecs).count == 2, "\(heard.described) \(heard.warnings)")
        let (complaints, count) = try await pictures(heard, container)
        #expect(complaints.isEmpty && count == clip.count, "\(complaints) \(count)")
        #expect(!heard.warnings.contains { $0.contains("left out") }, "\(heard.warnings)")
    }

    @Test(arguments: ["flv", "ts"], Container.allCases)
    func `has one discontinuity where its pictures and its sound change together`(
        format: String, container: Container
    ) async throws {
        var bytes: [UInt8] = []
        for (number, size) in ["320x180", "640x360"].enumerated() {
            let path = try await studio.clip(
                "\(number).\(format)", seconds: 4,
                ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25"] + Studio.sound
                    + Studio.encoded(keyframes: 25)
                    + ["-ar", number == 0 ? "48000" : "44100", "-output_ts_offset", "\(Double(number) * 4.08)"])
            let part = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            // The header of FLV has 9 bytes, and 4 follow it.
            bytes += format == "flv" && number > 0 ? part[13...] : part[...]
        }
        let heard = try await cut(try studio.file("both.\(format)", bytes), container)
        #expect(heard.segments.count(where: \.isDiscontinuity) == 1)
        #expect(heard.described.first?.width == 640)
        let (_, count) = try await pictures(heard, container)
        #expect(count == 200)
    }
}
