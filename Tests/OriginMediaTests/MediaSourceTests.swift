import Foundation
import Inspection
import OriginMedia
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(1))) struct `A media source` {
    private let studio = try? Studio()

    /// What holds for all segments of one run, whatever they were cut from.
    private func check(_ segments: [CutSegment]) async throws {
        #expect(!segments.isEmpty)
        var counters: [Int: Int] = [:]
        var next: Int64?
        var ends: Int64?
        for (number, segment) in segments.enumerated() {
            let stream = TransportStream(segment.bytes)
            #expect(stream.isAligned, "segment \(number) is no row of 188-byte packets")
            #expect(stream.identifiers.first == 0, "segment \(number) does not begin with the PAT")
            #expect(stream.identifiers.dropFirst().first == 0x1000, "segment \(number) has no PMT after the PAT")
            let pictures = stream.units.filter { (1...5).contains($0) }
            #expect(pictures.first == 5, "segment \(number) begins with \(stream.units)")
            #expect(stream.units.contains(7), "segment \(number) has no SPS")
            if let next { #expect(abs(stream.firstTime - next) <= 1, "segment \(number) has a hole before it") }
            next = stream.firstTime + segment.duration * 9 / 100
            for (identifier, row) in stream.counters {
                for counter in row {
                    if let last = counters[identifier] { #expect(counter == (last + 1) & 15) }
                    counters[identifier] = counter
                }
            }
            #expect(Int((Double(segment.duration) / 1e6).rounded()) <= segment.targetDuration)
            #expect(segment.targetDuration == segments[0].targetDuration)
            if let ends { #expect(abs(segment.programTime - ends) <= 1) }
            ends = segment.programTime + segment.duration / 1_000
            #expect(!segment.isDiscontinuity)
        }
    }

    private func seconds(_ segments: [CutSegment]) -> Double {
        Double(segments.reduce(0) { $0 + $1.duration }) / 1e6
    }

    @Test func `cuts a film with B-frames and sound so that nothing is lost`() async throws {
        let studio = try #require(studio)
        let heard = try await cut(try await studio.film())
        try await check(heard.segments)
        #expect(heard.segments.count == 3)
        #expect(heard.segments.map(\.isLast) == [false, false, true])
        #expect(abs(seconds(heard.segments) - 6) <= 0.04)
        let (complaints, pictures) = try await studio.probe(heard.segments)
        #expect(complaints.isEmpty, "\(complaints)")
        #expect(pictures == 150)
        let description = try #require(heard.description)
        #expect(description.codecs.count == 2)
        #expect(description.codecs.first?.hasPrefix("avc1.") == true)
        #expect(description.codecs.last == "mp4a.40.2")
        #expect((description.width, description.height, description.framesPerKilosecond) == (320, 180, 25_000))
        let peak = heard.segments.map { Int64($0.bytes.count) * 8_000_000 / $0.duration }.max() ?? 0
        #expect(Int64(description.peakBitRate) >= peak)
        #expect(Int64(description.peakBitRate) < peak * 2)
    }

    /// A film whose picture stands for 3.4 s, from 5.6 s on.
    private func still(_ name: String, sound: [String], keyframes: String) async throws -> String {
        try await #require(studio).clip(
            name, seconds: 14,
            Studio.picture() + sound + Studio.encoded(keyframes: 25) + [
                "-vf", "select='lt(t,5.6)+gt(t,9)'", "-vsync", "vfr", "-force_key_frames", keyframes,
            ])
    }

    // An FLV file made of pictures that refer to later ones has the picture after the hole before the sound in it.
    @Test func `leaves out a stretch of which the sound comes too late`() async throws {
        let late = try await cut(
            try await still("still.flv", sound: Studio.sound, keyframes: "expr:gte(t,n_forced)"))
        #expect(late.segments.allSatisfy { !$0.bytes.isEmpty })
        #expect(late.segments.allSatisfy { Int((Double($0.duration) / 1e6).rounded()) <= 2 })
        #expect(late.segments.filter(\.isDiscontinuity).count == 1)
        #expect(try await #require(studio).probe(late.segments).pictures == 140 + 124)
    }

    // An MP4 file says beforehand how far apart its keyframes are; this one does not.
    @Test func `keeps its promise with sound alone while a picture stands for long`() async throws {
        let studio = try #require(studio)
        let heard = try await cut(
            try await still("still.ts", sound: Studio.sound, keyframes: "expr:gte(t,n_forced)"))
        #expect(heard.segments.allSatisfy { !$0.bytes.isEmpty })
        #expect(heard.segments.allSatisfy { Int((Double($0.duration) / 1e6).rounded()) <= 2 })
        #expect(heard.segments.allSatisfy { $0.targetDuration == 2 && !$0.isDiscontinuity })
        #expect(abs(seconds(heard.segments) - 14) <= 0.1)
        #expect(heard.segments.contains { $0.isDependent && !TransportStream($0.bytes).units.contains(5) })
        var (continuity, findings): (Continuity, [Finding]) = (Continuity(), [])
        for (number, segment) in heard.segments.enumerated() {
            let reading = MediaReading(segment.bytes, initialization: nil)
            findings += continuity.add(
                reading, sequence: number, duration: segment.duration, isNew: false, at: "\(number)")
        }
        #expect(findings.isEmpty, "\(findings)")
        let (complaints, pictures) = try await studio.probe(heard.segments)
        #expect(complaints.isEmpty, "\(complaints)")
        #expect(pictures == 140 + 124)
    }

    // The first picture after the hole is decoded long before it is shown.
    @Test func `loses no picture of a file where one stands for longer than ten seconds`() async throws {
        let studio = try #require(studio)
        let clip = try await studio.clip(
            "long.mkv", seconds: 16,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + [
                "-vf", "select='lt(n,15)+gt(t,12)'", "-vsync", "vfr",
            ])
        let heard = try await cut(clip)
        let (complaints, pictures) = try await studio.probe(heard.segments)
        #expect(complaints.isEmpty && pictures == 15 + 99, "\(complaints) \(pictures)")
    }

    @Test func `has pictures in every segment where they come slowly and no keyframe comes in time`() async throws {
        let studio = try #require(studio)
        let clip = try await studio.clip(
            "slow.ts", seconds: 20,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 9_999, bFrames: 0) + [
                "-vf", "select='lt(t,3)+not(mod(n,9))'", "-vsync", "vfr", "-force_key_frames", "0,2,15",
            ])
        let heard = try await cut(clip)
        #expect(heard.segments.count >= 8 && heard.segments.allSatisfy { $0.targetDuration == 2 })
        #expect(heard.segments.allSatisfy { Int((Double($0.duration) / 1e6).rounded()) <= 2 })
        for (number, segment) in heard.segments.enumerated() {
            #expect(TransportStream(segment.bytes).units.contains { [1, 5].contains($0) }, "segment \(number)")
        }
    }

    @Test func `makes no segment of a stretch in which nothing is seen or heard`() async throws {
        let studio = try #require(studio)
        let clip = try await studio.clip(
            "nothing.ts", seconds: 20,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + [
                "-vf", "select='lt(t,5.6)+gt(t,13)'", "-vsync", "vfr", "-af", "aselect='lt(t,5.6)+gt(t,13)'",
                "-force_key_frames", "expr:gte(t,n_forced)",
            ])
        let heard = try await cut(clip)
        #expect(heard.segments.allSatisfy { !$0.bytes.isEmpty })
        #expect(heard.segments.allSatisfy { Int((Double($0.duration) / 1e6).rounded()) <= 2 })
        #expect(heard.segments.filter(\.isDiscontinuity).count == 1)
        let (_, pictures) = try await studio.probe(heard.segments)
        #expect(pictures == 140 + 174)
    }

    @Test(arguments: [Container.ts, .cmaf])
    func `leaves out what is neither seen nor heard for longer than a segment may last`(
        container: Container
    ) async throws {
        let studio = try #require(studio)
        let heard = try await cut(
            try await still("mute.ts", sound: [], keyframes: "expr:gte(t,n_forced)+eq(n,140)")
        ) { $0.container = container }
        #expect(heard.segments.allSatisfy { Int((Double($0.duration) / 1e6).rounded()) <= 2 })
        #expect(heard.segments.allSatisfy { $0.targetDuration == 2 })
        #expect(heard.segments.count(where: \.isDiscontinuity) == 1)
        guard container == .ts else { return }
        let (_, pictures) = try await studio.probe(heard.segments)
        #expect(pictures == 140 + 124)
    }

    /// How far the sound of each segment begins before its pictures, in seconds; `nil` without either.
    private func leads(_ segments: [CutSegment]) -> [Double?] {
        segments.map { segment in
            let tracks = MediaReading(segment.bytes, initialization: nil).tracks
            guard let video = tracks.first(where: { $0.kind == .video }),
                let audio = tracks.first(where: { $0.kind == .audio })
            else { return nil }
            return Double(video.start - audio.start) / 90_000
        }
    }

    @Test func `has silence in every segment from where the sound of a sender stops that wove it closely`() async throws
    {
        let studio = try #require(studio)
        let clip = try await studio.clip(
            "stops.ts", seconds: 16,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-bsf:a", "noise=drop='gt(n,300)'"])
        let heard = try await cut(clip)
        try await check(heard.segments)
        #expect(heard.segments.count == 8)
        let leads = leads(heard.segments)
        #expect(leads.allSatisfy { ($0 ?? 9) < 1.5 }, "\(leads)")
        #expect(heard.warnings.count { $0.contains("silence stands in for it") } == 1)
    }

    // Of 46.875 pieces a second; the pictures are away from 4 s to 11 s.
    @Test(arguments: [495, 535]) func `leaves out what is neither seen nor heard, whichever of both comes back first`(
        piece: Int
    ) async throws {
        let studio = try #require(studio)
        let clip = try await studio.clip(
            "away.ts", seconds: 16,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + [
                "-bsf:v", "noise=drop='between(n,100,274)'", "-bsf:a", "noise=drop='between(n,190,\(piece))'",
            ])
        let heard = try await cut(clip)
        let segments = heard.segments.filter { !$0.bytes.isEmpty }
        #expect(segments.count(where: \.isDiscontinuity) == 1)
        #expect(segments.allSatisfy { Int((Double($0.duration) / 1e6).rounded()) <= 2 })
        #expect(!heard.warnings.contains { $0.contains("silence") }, "\(heard.warnings)")
        let leads = leads(segments)
        #expect(leads.allSatisfy { ($0 ?? 0) < 1 }, "\(leads)")
        // What follows the hole is cut as what came before it.
        #expect(segments.suffix(2).first?.duration == 2_000_000)
    }

    @Test func `cuts a film without sound`() async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "silent.mp4", Studio.picture() + Studio.encoded(keyframes: 50))
        let heard = try await cut(path)
        try await check(heard.segments)
        #expect(heard.description?.codecs.count == 1)
        #expect(abs(seconds(heard.segments) - 6) <= 0.04)
        let (complaints, pictures) = try await studio.probe(heard.segments)
        #expect(complaints.isEmpty && pictures == 150, "\(complaints)")
    }

    @Test func `says that pictures lie on their side which only the container turns`() async throws {
        let studio = try #require(studio)
        let film = try await studio.film(seconds: 2)
        let turned = try await studio.clip(
            "turned.mp4", seconds: 2, ["-i", film, "-c", "copy", "-metadata:s:v:0", "rotate=90"])
        #expect(try await cut(turned).warnings.count { $0.contains("wants its pictures turned") } == 1)
        #expect(try await cut(film).warnings.isEmpty)
    }

    @Test(arguments: ["mp4", "ts", "mkv", "flv"])
    func `does not drift at 29.97 pictures a second`(format: String) async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "ntsc.\(format)", seconds: 8.008,
            Studio.picture(rate: "30000/1001") + Studio.sound + Studio.encoded(keyframes: 30))
        let heard = try await cut(path)
        try await check(heard.segments)
        #expect(abs(seconds(heard.segments) - 8.008) <= 0.034)
        #expect(heard.description?.framesPerKilosecond == 29_970)
        #expect(heard.segments.dropLast().allSatisfy { (1.9...2.1).contains(Double($0.duration) / 1e6) })
        let (complaints, pictures) = try await studio.probe(heard.segments)
        #expect(complaints.isEmpty && pictures == 240, "\(complaints)")
    }

    // Matroska does not tell when pictures are decoded.
    @Test func `shows each picture of a Matroska file when the file says, from the first on`() async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "film.mkv", seconds: 4, Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25, bFrames: 3))
        let heard = try await cut(path)
        try await check(heard.segments)
        let ffprobe = try Program(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0",
                try studio.file("joined.ts", heard.segments.flatMap(\.bytes)),
            ])
        _ = try await ffprobe.ended(within: .seconds(60))
        let times = String(decoding: ffprobe.output, as: UTF8.self).split { !"0123456789.".contains($0) }
            .compactMap { Double($0) }.sorted()
        #expect(times.count == 100 && zip(times, times.dropFirst()).allSatisfy { abs($1 - $0 - 0.04) < 0.001 })
    }

    @Test func `begins a file again with timestamps that go on`() async throws {
        let studio = try #require(studio)
        let heard = try await cut(try await studio.film(seconds: 3), seconds: 1, isLooping: true, enough: 8)
        let segments = Array(heard.segments.prefix(8))
        try await check(segments)
        #expect(segments.allSatisfy { !$0.isLast })
        #expect(abs(seconds(segments) - 8) < 0.2)
        let (complaints, pictures) = try await studio.probe(segments)
        #expect(complaints.isEmpty, "\(complaints)")
        #expect((198...202).contains(pictures))
    }

    @Test func `refuses what it cannot broadcast, in one sentence`() async throws {
        let studio = try #require(studio)
        let inputs = [
            "\(studio.folder)/missing.mp4", studio.folder,
            try studio.file("garbage.mp4", (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &>> 3) }),
            try studio.file("empty.ts", []),
            try await studio.clip("old.mp4", seconds: 1, Studio.picture() + ["-c:v", "mpeg4"]),
        ]
        for input in inputs {
            let error = #expect(throws: MediaError.self, "\(input)") {
                try MediaSource(MediaSource.Settings(input: MediaInput(input))).probe()
            }
            #expect("\(error, default: "")".contains(input))
        }
    }

    @Test func `publishes what can be read of a file that breaks off, and says that it did`() async throws {
        let studio = try #require(studio)
        let film = try Data(contentsOf: URL(fileURLWithPath: try await studio.film(seconds: 8)))
        let path = try studio.file("half.mp4", Array(film.prefix(film.count * 6 / 10)))
        let heard = try await cut(path)
        #expect(heard.failure == .cannotRead(path, reason: "it breaks off before its end"))
        try await check(heard.segments)
        #expect(heard.segments.map(\.isLast) == [false, false, true])
        let (complaints, _) = try await studio.probe(heard.segments)
        #expect(complaints.isEmpty, "\(complaints)")
    }

    @Test func `ends with the last whole picture of a torn transport stream`() async throws {
        let studio = try #require(studio)
        let film = try Data(contentsOf: URL(fileURLWithPath: try await studio.film("film.ts", seconds: 8)))
        let heard = try await cut(try studio.file("half.ts", Array(film.prefix(film.count / 2 + 100))))
        try await check(heard.segments)
        #expect(heard.failure == nil)
        #expect(heard.segments.last?.isLast == true)
    }

    @Test func `survives files with flipped bits`() async throws {
        let studio = try #require(studio)
        let film = Array(try Data(contentsOf: URL(fileURLWithPath: try await studio.film("film.ts", seconds: 4))))
        var random = Randomness(seed: 5)
        for number in 0..<12 {
            var bytes = film
            for _ in 0..<40 {
                bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            let heard = try await cut(try studio.file("flipped-\(number).ts", bytes))
            #expect(heard.isOver)
        }
    }

    @Test func `holds a file back to real time`() async throws {
        let studio = try #require(studio)
        let source = MediaSource(MediaSource.Settings(input: MediaInput(try await studio.film(seconds: 4))))
        let listener = Listener()
        let clock = ContinuousClock()
        let start = clock.now
        source.start { listener.hear($0) }
        defer { source.stop() }
        try await wait(for: "a segment", within: .seconds(10)) { !listener.segments.isEmpty }
        #expect(clock.now - start >= .seconds(1.7))
    }

    @Test func `tries an address that nobody serves again, later each time`() async throws {
        let source = MediaSource(MediaSource.Settings(input: MediaInput("http://127.0.0.1:9/live.m3u8")))
        let listener = Listener()
        source.start { listener.hear($0) }
        try await wait(for: "two retries", within: .seconds(10)) { listener.retries >= 2 }
        let delays = listener.events.compactMap { if case .retrying(_, let delay) = $0 { delay } else { nil } }
        #expect(delays[0] < 0.7 && delays[1] > 0.7)
        source.stop()
        try await wait(for: "the end", within: .seconds(5)) { listener.isOver }
        #expect(listener.failure == nil)
    }

    @Test(arguments: Container.allCases)
    func `says that sound is left out which comes too long after the pictures, and takes it into the next programme`(
        container: Container
    ) async throws {
        let studio = try #require(studio)
        let pictures = try await studio.clip(
            "pictures.flv", seconds: 8, Studio.picture() + Studio.encoded(keyframes: 25))
        let both = try await studio.clip(
            "both.flv", seconds: 4,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-output_ts_offset", "8"])
        let airing = Airing(container)
        defer { airing.stop() }
        let listener = airing.listener
        func programme(of paths: [String]) async throws -> [MediaDescription] {
            let feed = Feed(name: "a test", format: .flv)
            for path in paths {
                let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
                // The header of FLV has 9 bytes, and 4 follow it.
                feed.push(path == paths[0] ? bytes : Array(bytes[13...]))
            }
            try await airing.play(feed, within: .seconds(20))
            return listener.lastDescriptions
        }
        let first = try await programme(of: [pictures, both])
        #expect(listener.warnings.count { $0.contains("left out: it has come too long after the pictures") } == 1)
        #expect(first.flatMap(\.codecs).count == 1)
        let second = try await programme(of: [both])
        #expect(second.flatMap(\.codecs).count == 2)
        #expect(listener.segments.last?.media.count == (container == .ts ? 1 : 2))
    }

    @Test func `goes on with a discontinuity when a sender of datagrams comes back`() async throws {
        let port = try freePort()
        var settings = MediaSource.Settings(input: MediaInput("udp://127.0.0.1:\(port)"))
        settings.segmentDuration = 500_000
        let source = MediaSource(settings)
        let listener = Listener()
        source.start { listener.hear($0) }
        defer { source.stop() }
        func sender() throws -> Program {
            try Program(
                "ffmpeg",
                ["-nostdin", "-loglevel", "error", "-re"] + Studio.picture(rate: "20") + ["-re"] + Studio.sound
                    + Studio.encoded(keyframes: 10, bFrames: 0)
                    + ["-f", "mpegts", "udp://127.0.0.1:\(port)?pkt_size=1316"])
        }
        let first = try sender()
        try await wait(for: "the first sender", within: .seconds(15)) { listener.segments.count >= 3 }
        await first.stop()
        let count = listener.segments.count
        let second = try sender()
        try await wait(for: "the second sender", within: .seconds(20)) {
            listener.segments.dropFirst(count).contains(where: \.isDiscontinuity)
                && listener.segments.count >= count + 3
        }
        await second.stop()
        #expect(listener.segments.allSatisfy { !$0.isLast })
        #expect(listener.segments.count(where: \.isDiscontinuity) == 1)
    }

    @Test func `ends the programme when no sender of datagrams comes back in time, and begins another with the next`()
        async throws
    {
        let port = try freePort()
        var settings = MediaSource.Settings(input: MediaInput("udp://127.0.0.1:\(port)"))
        settings.segmentDuration = 500_000
        settings.grace = .milliseconds(500)
        let source = MediaSource(settings)
        let listener = Listener()
        source.start { listener.hear($0) }
        defer { source.stop() }
        func send(_ seconds: Double) async throws {
            let sender = try Program(
                "ffmpeg",
                ["-nostdin", "-loglevel", "error", "-re"] + Studio.picture(rate: "20")
                    + Studio.encoded(keyframes: 10, bFrames: 0)
                    + ["-t", "\(seconds)", "-f", "mpegts", "udp://127.0.0.1:\(port)?pkt_size=1316"])
            _ = try await sender.ended(within: .seconds(30))
        }
        try await send(4)
        try await wait(for: "the end of the programme", within: .seconds(30)) { listener.programmesOver == 1 }
        let count = listener.segments.count
        #expect(count > 0)
        try await send(4)
        try await wait(for: "another", within: .seconds(20)) { listener.segments.count > count }
        let told = listener.events.count { if case .described = $0 { true } else { false } }
        #expect(told >= 2 && listener.programmesOver == 1)
    }
}
