import Foundation
import Inspection
import OriginMedia
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(3))) struct `Renditions` {
    private let studio = try? Studio()

    /// Reads every rendition of a run as the checker does, and returns what it finds.
    private func findings(_ segments: [CutSegment], independent: Bool = true) -> [Finding] {
        var findings: [Finding] = []
        for rendition in segments.first?.media.indices ?? 0..<0 {
            var continuity = Continuity()
            for (number, segment) in segments.enumerated() {
                let media = segment.media[rendition]
                let initialization = media.initialization.map { InitializationReading($0) }
                let reading = MediaReading(media.bytes, initialization: initialization)
                let place = "\(rendition)/\(number)"
                findings += ((initialization?.faults ?? []) + reading.faults).map { Finding(.container, at: place, $0) }
                if independent, !segment.isDependent, let video = reading.video, !video.beginsWithKeyframe {
                    findings.append(Finding(.keyframe, at: place, "no keyframe"))
                }
                findings += continuity.add(
                    reading, sequence: number, duration: segment.duration, isNew: segment.isDiscontinuity, at: place)
            }
        }
        return findings
    }

    struct Quiet: Sendable {
        var format = "mp4"
        var codec = "aac"
        var rate = 48_000
        var channels = 2
        /// Without a second of it, sound is announced and never comes.
        var seconds = 1.0
        /// It is said to be HE-AAC, which doubles the rate.
        var isReplicated = false
    }

    static let quiet = [
        Quiet(), Quiet(format: "ts", channels: 1), Quiet(channels: 6, seconds: 0.1), Quiet(channels: 8),
        Quiet(format: "ts", channels: 6, seconds: 0.1), Quiet(rate: 24_000, channels: 1, isReplicated: true),
        Quiet(format: "flv", rate: 22_050, isReplicated: true), Quiet(format: "ts", codec: "mp3"),
        Quiet(codec: "mp3", rate: 22_050, channels: 1), Quiet(format: "ts", codec: "ac3"),
        Quiet(codec: "eac3", channels: 6),
        Quiet(format: "ts", codec: "ac3", seconds: 0.1),
    ]

    @Test(arguments: Container.allCases, quiet.indices)
    func `goes on with silence when the sound has ended before the pictures`(
        container: Container, number: Int
    ) async throws {
        let studio = try #require(studio)
        let quiet = Self.quiet[number]
        let name = "quiet-\(number)-\(container)"
        var path = try await studio.clip(
            "\(name).\(quiet.format)", seconds: 12,
            Studio.picture() + ["-f", "lavfi", "-t", "\(quiet.seconds)", "-i", "sine=sample_rate=48000"]
                + Studio.encoded(keyframes: 50) + [
                    "-c:a", quiet.codec, "-b:a", "128k", "-ar", "\(quiet.rate)", "-ac", "\(quiet.channels)",
                ])
        if quiet.isReplicated {
            // The extension that ffmpeg puts behind the configuration says that there is none, or that there is, to 48 or
            // 44.1 kHz (ISO 14496-3, 1.6.2.1).
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            let place = try #require(bytes.firstRange(of: [0x56, 0xe5, 0x00])).upperBound - 1
            bytes[place] = quiet.rate == 24_000 ? 0x98 : 0xa0
            path = try studio.file("replicated-\(name).\(quiet.format)", bytes)
        }
        let heard = try await cut(path) {
            $0.container = container
            $0.hasSoundAlone = true
        }
        #expect(heard.failure == nil && heard.segments.count == 6)
        #expect(heard.segments.allSatisfy { $0.media.count == 2 && !$0.isDiscontinuity })
        #expect(heard.warnings == ["no sound has come for 3 s; silence stands in for it"])
        #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
        let sound = heard.segments.compactMap { $0.media.last }
        let joined = try studio.file(
            "\(name)-joined", (sound.first?.initialization ?? []) + sound.flatMap(\.bytes))
        let ffmpeg = try Program(
            "ffmpeg",
            ["-nostdin", "-v", "error", "-i", joined, "-map", "0:a", "-ar", "48000", "-ac", "1", "-f", "s16le", "-"])
        #expect(try await ffmpeg.ended(within: .seconds(30)) == .exited(0))
        #expect(ffmpeg.complaints.isEmpty, "\(ffmpeg.complaints)")
        #expect(abs(Double(ffmpeg.output.count) / 96_000 - 12) < 0.15, "\(ffmpeg.output.count)")
        // Nothing is heard from a second after the last sound on.
        let rest = Array(ffmpeg.output.dropFirst(Int(quiet.seconds + 1) * 96_000))
        let loudest = rest.withUnsafeBytes { bytes in
            bytes.bindMemory(to: Int16.self).lazy.map { abs(Int($0)) }.max() ?? 0
        }
        #expect(loudest <= 2)
    }

    @Test(arguments: Container.allCases)
    func `are cut where the source is cut, with the same times`(container: Container) async throws {
        let studio = try #require(studio)
        let heard = try await cut(try await studio.film()) {
            $0.container = container
            $0.ladder = [144, 90]
            $0.hasSoundAlone = true
        }
        #expect(heard.failure == nil && heard.warnings.isEmpty, "\(heard.warnings)")
        #expect(heard.segments.count == 3)
        #expect(heard.segments.allSatisfy { $0.media.count == 4 && !$0.isDiscontinuity })
        #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
        #expect(heard.descriptions.map(\.height) == [180, 144, 90, 0])
        #expect(heard.descriptions.map(\.codecs.count) == (container == .ts ? [2, 2, 2, 1] : [1, 1, 1, 1]))
        for rendition in 0..<3 {
            let starts = heard.segments.map { segment in
                MediaReading(
                    segment.media[rendition].bytes,
                    initialization: segment.media[rendition].initialization.map { InitializationReading($0) }
                ).video?.start
            }
            let source = heard.segments.map { segment in
                MediaReading(
                    segment.media[0].bytes,
                    initialization: segment.media[0].initialization.map { InitializationReading($0) }
                ).video?.start
            }
            #expect(starts == source)
        }
    }

    @Test(arguments: Container.allCases)
    func `that are ready-made are cut where the source is cut, round after round`(container: Container) async throws {
        let studio = try #require(studio)
        // The second is longer than the source, the third has more pictures that wait for others.
        let sizes = [("320x180", 5.0, 2), ("160x90", 5.4, 2), ("96x54", 5.0, 3)]
        var clips: [String] = []
        for (size, seconds, bFrames) in sizes {
            clips.append(
                try await studio.clip(
                    "\(size).mp4", seconds: seconds,
                    ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25"] + Studio.sound
                        + Studio.encoded(keyframes: 25, bFrames: bFrames)))
        }
        let heard = try await cut(clips[0], isLooping: true, enough: 8) {
            $0.container = container
            $0.renditions = [MediaInput(clips[2]), MediaInput(clips[1])]
        }
        #expect(heard.failure == nil && heard.warnings.isEmpty, "\(heard.warnings)")
        #expect(heard.segments.count >= 8)
        #expect(heard.descriptions.map(\.height) == (container == .ts ? [180, 90, 54] : [180, 90, 54, 0]))
        #expect(heard.segments.allSatisfy { !$0.isDiscontinuity && Set($0.media.map(\.bytes)).count == $0.media.count })
        let found = findings(heard.segments)
        #expect(found.isEmpty, "\(found)")
    }

    @Test func `that are ready-made may end early, begin elsewhere or be missing`() async throws {
        let studio = try #require(studio)
        let film = try await studio.film()
        let short = try await studio.clip("short.mp4", seconds: 3, Studio.picture() + Studio.encoded(keyframes: 25))
        var heard = try await cut(film) { $0.renditions = [MediaInput(short)] }
        #expect(heard.failure == nil && heard.segments.count == 3)
        #expect(heard.segments.last?.media[1] == heard.segments.last?.media[0])
        #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
        let crooked = try await studio.clip("crooked.mp4", Studio.picture() + Studio.encoded(keyframes: 40))
        heard = try await cut(film) { $0.renditions = [MediaInput(crooked)] }
        #expect(heard.failure == nil && heard.segments.count == 3)
        #expect(heard.warnings.contains { $0.contains("are not where those of") }, "\(heard.warnings)")
        #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
        for (name, arguments) in [("missing.mp4", []), ("sound.m4a", Studio.sound + ["-c:a", "aac"])] {
            let path = arguments.isEmpty ? "\(studio.folder)/\(name)" : try await studio.clip(name, arguments)
            heard = try await cut(film) { $0.renditions = [MediaInput(path)] }
            #expect(heard.failure.map { "\($0)".contains(name) } == true)
        }
    }

    @Test func `of fragments carry sound of six channels, and sound alone`() async throws {
        let studio = try #require(studio)
        let six = try await studio.clip(
            "six.mp4", Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-ac", "6"])
        for container in Container.allCases {
            let heard = try await cut(six) { $0.container = container }
            #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
            #expect(heard.descriptions.last?.channels == 6)
        }
        let alone = try await studio.clip("alone.m4a", Studio.sound + ["-c:a", "aac"])
        for container in Container.allCases {
            let heard = try await cut(alone) { $0.container = container }
            #expect(heard.failure == nil)
            #expect((3...4).contains(heard.segments.count))
            #expect(heard.descriptions.map(\.codecs) == [["mp4a.40.2"]])
            #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
        }
        // Sound with headers of its own, as MPEG-TS has it.
        let transport = try await studio.clip(
            "film.ts", Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25))
        let heard = try await cut(transport) { $0.container = .cmaf }
        #expect(findings(heard.segments).isEmpty, "\(findings(heard.segments))")
        #expect(heard.segments.allSatisfy { $0.media.count == 2 })
    }
}

@Suite(.timeLimit(.minutes(3))) struct `Odd sources` {
    private let studio = try? Studio()

    private func check(_ heard: Listener, discontinuities: Int = 0) {
        #expect(heard.failure == nil, "\(heard.events)")
        for rendition in heard.segments.first?.media.indices ?? 0..<0 {
            var continuity = Continuity()
            var findings: [Finding] = []
            for (number, segment) in heard.segments.enumerated() {
                let media = segment.media[rendition]
                let reading = MediaReading(
                    media.bytes, initialization: media.initialization.map { InitializationReading($0) })
                let place = "\(rendition)/\(number)"
                findings += reading.faults.map { Finding(.container, at: place, $0) }
                findings += continuity.add(
                    reading, sequence: number, duration: segment.duration, isNew: segment.isDiscontinuity, at: place)
            }
            #expect(findings.isEmpty, "\(findings)")
        }
        for (number, segment) in heard.segments.enumerated() {
            #expect((segment.duration + 500_000) / 1_000_000 <= Int64(segment.targetDuration), "segment \(number)")
        }
        #expect(heard.segments.count { $0.isDiscontinuity } == discontinuities)
    }

    @Test(arguments: Container.allCases)
    func `that wrap their 33 bits go on as if nothing had happened`(container: Container) async throws {
        let studio = try #require(studio)
        // 2^33 / 90000 s is 95443.7 s.
        let path = try await studio.clip(
            "wrap.ts", seconds: 8,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-output_ts_offset", "95438"])
        let heard = try await cut(path) { $0.container = container }
        check(heard)
        #expect(heard.segments.count == 4)
        #expect(heard.warnings.isEmpty, "\(heard.warnings)")
    }

    @Test(
        arguments: Container.allCases,
        [("forwards", ["0", "7000"]), ("backwards", ["7000", "0"]), ("a little", ["0", "9"])])
    func `that jump in time are told as a discontinuity`(
        container: Container, jump: (name: String, offsets: [String])
    ) async throws {
        let (name, offsets) = (container.rawValue + jump.name, jump.offsets)
        let studio = try #require(studio)
        var joined: [UInt8] = []
        for (number, offset) in offsets.enumerated() {
            let part = try await studio.clip(
                "\(name)-\(number).ts", seconds: 4,
                Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-output_ts_offset", offset])
            joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
        }
        let heard = try await cut(try studio.file("\(name).ts", joined)) { $0.container = container }
        check(heard, discontinuities: 1)
        #expect(heard.segments.count >= 4)
    }

    /// Leaves out what was encoded, 25 pictures and 46.875 pieces of sound a second.
    private static func dropped(_ kind: String, _ seconds: ClosedRange<Double>...) -> [String] {
        let rate = kind == "v" ? 25 : 46.875
        let ranges = seconds.map { "between(n,\(Int($0.lowerBound * rate)),\(Int($0.upperBound * rate)))" }
        return ["-bsf:\(kind)", "noise=drop='\(ranges.joined(separator: "+"))'"]
    }

    private static let still = ["-vf", "select=not(mod(n\\,43))", "-vsync", "vfr"]

    /// What is missing of 20 s, and how many discontinuities come of it in MPEG-TS and in fragments.
    static let holes: [(what: String, options: [String], discontinuities: [Container: Int])] = [
        ("a hole in the pictures", dropped("v", 6.5...10.2), [.cmaf: 1]),
        ("one until a keyframe", dropped("v", 6.5...9.97), [.cmaf: 1]),
        ("two", dropped("v", 5.6...9.3, 12.1...16.7), [.cmaf: 2]),
        ("a longer one", dropped("v", 5.6...13.1), [.cmaf: 1]),
        ("a hole in all", dropped("v", 5.6...13.1) + dropped("a", 5.6...13.1), [.ts: 1, .cmaf: 1]),
        ("a short hole in the sound", dropped("a", 5.6...8.3), [:]),
        ("a long one", dropped("a", 5.6...14.4), [:]),
        ("one at the end", dropped("a", 9.9...30), [:]),
        ("late sound", dropped("a", 0...2.7), [:]),
        ("very late sound", dropped("a", 0...9.7), [:]),
        ("pictures that end before the sound", dropped("v", 6.5...30), [:]),
        ("late pictures", dropped("v", 0...4.3), [:]),
        ("pictures that stand for 1.7 s", still, [:]),
        ("pictures that stand for 1.7 s, in order", still + ["-bf", "0"], [:]),
    ]

    @Test(arguments: Container.allCases, holes.indices)
    func `that have holes keep what the playlist has promised`(container: Container, number: Int) async throws {
        let studio = try #require(studio)
        let (what, options, discontinuities) = Self.holes[number]
        let path = try await studio.clip(
            "hole-\(number)-\(container).ts", seconds: 20,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + options)
        let heard = try await cut(path, seconds: 1) { $0.container = container }
        check(heard, discontinuities: discontinuities[container] ?? 0)
        #expect(heard.segments.last?.isLast == true, "\(what)")
    }

    @Test(arguments: Container.allCases, [[], dropped("a", 6.5...9.97)])
    func `that have holes have smaller renditions with the same ones`(
        container: Container, more: [String]
    ) async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "rungs-\(more.count)-\(container).ts", seconds: 15,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + Self.dropped("v", 6.5...9.97) + more)
        let heard = try await cut(path, seconds: 1) {
            $0.container = container
            $0.ladder = [90]
        }
        check(heard, discontinuities: container == .ts && more.isEmpty ? 0 : 1)
        #expect(heard.segments.allSatisfy { $0.media.count == (container == .ts ? 2 : 3) })
        #expect(heard.segments.count { $0.media[1] == $0.media[0] } == 0)
    }

    /// Of 200 pictures, 25 a second, with a keyframe each second: how some are stamped to be shown, in 1/90000 s.
    static let stamps = [
        "if(eq(N,60),PTS+1800000,PTS)", "if(eq(N,75),PTS+1800000,PTS)", "if(eq(N,60),PTS+540000,PTS)",
        "if(eq(N,198),PTS+540000,PTS)", "if(eq(N,60),PTS-216000,PTS)", "PTS+27000",
    ]

    @Test(arguments: Container.allCases, stamps)
    func `whose pictures are to be shown long after they are decoded keep what the playlist has promised`(
        container: Container, stamp: String
    ) async throws {
        let studio = try #require(studio)
        let number = Self.stamps.firstIndex(of: stamp) ?? 0
        let path = try await studio.clip(
            "stamp-\(number)-\(container).ts", seconds: 8,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-bsf:v", "setts=pts='\(stamp)'"])
        let heard = try await cut(path, seconds: 1) { $0.container = container }
        check(heard)
        let length = Double(heard.segments.reduce(0) { $0 + $1.duration }) / 1e6
        #expect(abs(length - 8) < 0.2, "\(length)")
    }

    @Test(arguments: Container.allCases)
    func `whose sound is far ahead of their pictures hold no more of it than they may`(
        container: Container
    ) async throws {
        let studio = try #require(studio)
        // At 96 kHz 4,096 pieces are 43.7 s; what comes before the pictures at most 512, which is 5.5 s.
        for (rate, last, seconds) in [(96_000, 1_424, 60.0), (48_000, 1_799, 80)] {
            let gap = try await studio.clip(
                "gap-\(rate)-\(container).ts", seconds: seconds,
                Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + [
                    "-bsf:v", "noise=drop='between(n,50,\(last))'", "-ar", "\(rate)", "-max_interleave_delta", "1000",
                ])
            let heard = try await cut(gap, seconds: 1) { $0.container = container }
            check(heard, discontinuities: container == .ts ? 0 : 1)
            #expect(heard.segments.last?.isLast == true)
        }
        let late = try await studio.clip(
            "late-\(container).ts", seconds: 20,
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + [
                "-bsf:v", "noise=drop='lt(n,400)'", "-ar", "96000", "-max_interleave_delta", "1000",
            ])
        let heard = try await cut(late, seconds: 1) { $0.container = container }
        check(heard)
        let length = Double(heard.segments.reduce(0) { $0 + $1.duration }) / 1e6
        #expect(abs(length - 4) < 0.2, "\(length)")
    }

    // ffmpeg leaves what FLV should be told anew in the pictures.
    @Test(arguments: Container.allCases, ["ts", "flv"])
    func `that change the size of their pictures begin anew`(container: Container, format: String) async throws {
        let studio = try #require(studio)
        var joined: [UInt8] = []
        for (number, size) in ["320x180", "640x360"].enumerated() {
            let part = try await studio.clip(
                "size-\(number).ts", seconds: 4,
                ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25"] + Studio.sound + Studio.encoded(keyframes: 25)
                    + ["-output_ts_offset", "\(number * 4)"])
            joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
        }
        let sizes = try studio.file("sizes.ts", joined)
        let path =
            format == "ts" ? sizes : try await studio.clip("sizes.flv", seconds: 9, ["-i", sizes, "-c", "copy"])
        let heard = try await cut(path) { $0.container = container }
        check(heard, discontinuities: 1)
        #expect(heard.warnings.contains { $0.contains("changed its pictures") }, "\(heard.warnings)")
        let told = heard.events.compactMap { if case .described(let all) = $0 { all } else { nil } }
        #expect(told.compactMap(\.first?.height) == [180, 360])
        #expect(told.count == 2 && told[0][0].codecs[0] != told[1][0].codecs[0] && told[0].count == told[1].count)
        if container == .cmaf {
            #expect(Set(heard.segments.map { $0.media[0].initialization }).count == 2)
        }
    }

    @Test(arguments: Container.allCases)
    func `that change in the middle begin each round as they began the first`(container: Container) async throws {
        let studio = try #require(studio)
        var joined: [UInt8] = []
        for (number, size) in ["320x180", "640x360"].enumerated() {
            let part = try await studio.clip(
                "round-\(number)-\(container).ts", seconds: 3,
                ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25"] + Studio.sound + Studio.encoded(keyframes: 25)
                    + ["-output_ts_offset", "\(number * 3)"])
            joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
        }
        let path = try studio.file("rounds-\(container).ts", joined)
        let heard = try await cut(path, seconds: 1, isLooping: true, enough: 18) { $0.container = container }
        check(heard, discontinuities: heard.segments.count { $0.isDiscontinuity })
        #expect(heard.segments.count(where: \.isDiscontinuity) >= 4)
        let rounds = heard.segments.prefix(18).reduce(0) { $0 + $1.duration }
        #expect(abs(Double(rounds) / 1e6 - 18) < 0.5, "\(rounds)")
        for (number, segment) in heard.segments.enumerated() where segment.isDiscontinuity {
            #expect(!segment.isDependent, "segment \(number)")
            let media = segment.media[0]
            let probed = try Program(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "v", "-show_entries", "stream=width", "-of", "csv=p=0",
                    try studio.file("one-\(container)", (media.initialization ?? []) + media.bytes),
                ])
            _ = try await probed.ended(within: .seconds(20))
            let width = String(decoding: probed.output, as: UTF8.self).prefix { $0.isNumber }
            let changes = heard.segments[...number].count(where: \.isDiscontinuity)
            #expect(width == (changes % 2 == 1 ? "640" : "320"), "segment \(number): \(probed.complaints)")
        }
    }

    @Test func `with keyframes far apart are cut without them, and the broadcaster is told`() async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "wide.ts", seconds: 26, Studio.picture() + Studio.sound + Studio.encoded(keyframes: 625, bFrames: 2))
        let heard = try await cut(path)
        check(heard)
        #expect(heard.segments.contains { $0.isDependent })
        #expect(heard.segments.first?.isDependent == false)
        #expect(heard.warnings.contains { $0.contains("Keyframe Interval") }, "\(heard.warnings)")
    }

    @Test(arguments: Container.allCases)
    func `that change their sound begin anew`(container: Container) async throws {
        let studio = try #require(studio)
        for (name, options) in [("rate", ["-ar", "44100"]), ("channels", ["-ac", "6"])] {
            var joined: [UInt8] = []
            for (number, more) in [[], options].enumerated() {
                let part = try await studio.clip(
                    "\(name)-\(number)-\(container).ts", seconds: 4,
                    Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + more
                        + ["-output_ts_offset", "\(number * 4)"])
                joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
            }
            let heard = try await cut(try studio.file("\(name)-\(container).ts", joined)) { $0.container = container }
            check(heard, discontinuities: 1)
            #expect(heard.warnings.contains { $0.contains("changed its sound") }, "\(heard.warnings)")
            guard container == .cmaf else { continue }
            let sections = Set(heard.segments.map { $0.media[1].initialization })
            #expect(sections.count == 2)
            // What stands in for sound until the next keyframe is of the kind that the section tells.
            for section in sections {
                let media = heard.segments.compactMap { $0.media[1] }.filter { $0.initialization == section }
                let ffmpeg = try Program(
                    "ffmpeg",
                    [
                        "-v", "error", "-i", try studio.file("one.mp4", (section ?? []) + media.flatMap(\.bytes)), "-f",
                        "null", "-",
                    ])
                #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
                #expect(ffmpeg.complaints.isEmpty, "\(name): \(ffmpeg.complaints)")
            }
        }
    }

    @Test(arguments: ["mp4", "ts"], ["x264", "x265"])
    func `with open groups of pictures are not called independent, and the broadcaster is told`(
        kind: String, encoder: String
    ) async throws {
        let studio = try #require(studio)
        func options(open: Bool) -> [String] {
            let common = "open-gop=\(open ? 1 : 0):b-adapt=0"
            return encoder == "x264"
                ? ["-x264-params", common]
                : [
                    "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                    "log-level=error:keyint=25:bframes=2:" + common,
                ]
        }
        let path = try await studio.clip(
            "open-\(encoder).\(kind)",
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25, bFrames: 3) + options(open: true))
        for container in Container.allCases {
            let heard = try await cut(path) { $0.container = container }
            check(heard)
            #expect(heard.segments.map(\.isDependent) == [false] + heard.segments.dropFirst().map { _ in true })
            #expect(heard.warnings.count { $0.contains("open GOP") } == 1, "\(heard.warnings)")
        }
        let closed = try await cut(
            try await studio.clip(
                "closed-\(encoder).\(kind)",
                Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + options(open: false)))
        #expect(closed.segments.allSatisfy { !$0.isDependent } && closed.warnings.isEmpty, "\(closed.warnings)")
    }

    @Test func `of few bits are promised with what MPEG-TS adds to them`() async throws {
        let studio = try #require(studio)
        for rate in ["100k", "300k", "3000k"] {
            let path = try await studio.clip(
                "few-\(rate).mp4", Studio.picture() + Studio.encoded(keyframes: 25) + ["-b:v", rate])
            let heard = try await cut(path)
            let promised = try #require(heard.descriptions.first).peakBitRate
            #expect(promised > 0)
            for segment in heard.segments {
                #expect(Int64(segment.bytes.count) * 8_000_000 / segment.duration <= promised, "\(rate)")
            }
        }
    }

    @Test func `with a rate that varies keep their times`() async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "varying.mkv", seconds: 8,
            Studio.picture() + Studio.sound + ["-vf", "select='not(mod(n,7))+lt(mod(n,50),20)'", "-vsync", "vfr"]
                + Studio.encoded(keyframes: 15))
        for container in Container.allCases { check(try await cut(path) { $0.container = container }) }
    }
}
