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

    @Test(arguments: [("mp4", 2, 1), ("ts", 1, 1), ("mp4", 6, 0)])
    func `goes on with silence when the sound has ended before the pictures`(
        format: String, channels: Int, seconds: Int
    ) async throws {
        let studio = try #require(studio)
        // Without a second of it, sound is announced and never comes.
        let path = try await studio.clip(
            "quiet.\(format)", seconds: 12,
            Studio.picture() + [
                "-f", "lavfi", "-t", "\(max(0.1, Double(seconds)))", "-i", "sine=sample_rate=48000", "-ac",
                "\(channels)",
            ] + Studio.encoded(keyframes: 50))
        var rows = 0
        let heard = try await cut(path) { $0.container = .cmaf }
        for segment in heard.segments {
            rows += 1
            #expect(segment.media.count == 2)
        }
        #expect(rows == 6)
        #expect(heard.warnings.contains { $0.contains("silence") })
        let sound = heard.segments.compactMap { $0.media.last }
        let joined = try studio.file(
            "quiet.m4a", (sound.first?.initialization ?? []) + sound.flatMap(\.bytes))
        let ffprobe = try Program(
            "ffprobe",
            [
                "-v", "error", "-select_streams", "a", "-count_frames", "-show_entries",
                "stream=nb_read_frames,channels",
                "-of", "csv=p=0", joined,
            ])
        _ = try await ffprobe.ended(within: .seconds(60))
        #expect(ffprobe.complaints.isEmpty, "\(ffprobe.complaints)")
        let numbers = String(decoding: ffprobe.output, as: UTF8.self).split(whereSeparator: { !$0.isNumber })
            .compactMap { Int($0) }
        #expect(numbers.first == channels)
        // 12 s of 1,024 samples each, to where the last picture begins.
        #expect((550...566).contains(numbers.last ?? 0), "\(numbers)")
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
        var continuity = Continuity()
        var findings: [Finding] = []
        for (number, segment) in heard.segments.enumerated() {
            let initialization = segment.media[0].initialization.map { InitializationReading($0) }
            let reading = MediaReading(segment.media[0].bytes, initialization: initialization)
            findings += reading.faults.map { Finding(.container, at: "\(number)", $0) }
            findings += continuity.add(
                reading, sequence: number, duration: segment.duration, isNew: segment.isDiscontinuity, at: "\(number)")
            #expect((segment.duration + 500_000) / 1_000_000 <= Int64(segment.targetDuration), "segment \(number)")
        }
        #expect(findings.isEmpty, "\(findings)")
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

    @Test(arguments: [("forwards", ["0", "7000"]), ("backwards", ["7000", "0"])])
    func `that jump in time are told as a discontinuity`(name: String, offsets: [String]) async throws {
        let studio = try #require(studio)
        var joined: [UInt8] = []
        for (number, offset) in offsets.enumerated() {
            let part = try await studio.clip(
                "\(name)-\(number).ts", seconds: 4,
                Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + ["-output_ts_offset", offset])
            joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
        }
        let heard = try await cut(try studio.file("\(name).ts", joined))
        check(heard, discontinuities: 1)
        #expect(heard.segments.count >= 4)
    }

    @Test(arguments: Container.allCases)
    func `that change the size of their pictures begin anew`(container: Container) async throws {
        let studio = try #require(studio)
        var joined: [UInt8] = []
        for (number, size) in ["320x180", "640x360"].enumerated() {
            let part = try await studio.clip(
                "size-\(number).ts", seconds: 4,
                ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25"] + Studio.sound + Studio.encoded(keyframes: 25)
                    + ["-output_ts_offset", "\(number * 4)"])
            joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
        }
        let heard = try await cut(try studio.file("sizes.ts", joined)) { $0.container = container }
        check(heard, discontinuities: 1)
        #expect(heard.warnings.contains { $0.contains("changed its pictures") }, "\(heard.warnings)")
        if container == .cmaf {
            #expect(Set(heard.segments.map { $0.media[0].initialization }).count == 2)
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
            #expect(Set(heard.segments.map { $0.media[1].initialization }).count == 2)
        }
    }

    @Test(arguments: ["mp4", "ts"])
    func `with open groups of pictures are not called independent, and the broadcaster is told`(
        kind: String
    ) async throws {
        let studio = try #require(studio)
        let path = try await studio.clip(
            "open.\(kind)",
            Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25, bFrames: 3)
                + ["-x264-params", "open-gop=1:b-adapt=0"])
        let heard = try await cut(path)
        check(heard)
        #expect(heard.segments.map(\.isDependent) == [false] + heard.segments.dropFirst().map { _ in true })
        #expect(heard.warnings.count { $0.contains("open GOP") } == 1, "\(heard.warnings)")
        let closed = try await cut(try await studio.film("closed.\(kind)"))
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
