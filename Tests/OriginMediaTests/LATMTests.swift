import Foundation
import Inspection
import Stage
import Testing
import Vocabulary

@testable import OriginMedia

@Suite(.timeLimit(.minutes(2))) struct `Sound in LATM` {
    private let studio = try? Studio()

    /// Fields of so many bits each, as one frame of LOAS.
    static func frame(_ fields: [(Int, bits: Int)]) -> [UInt8] {
        var bits = fields.flatMap { value, count in (0..<count).reversed().map { UInt8(value >> $0 & 1) } }
        bits += Array(repeating: 0, count: (8 - bits.count % 8) % 8)
        let bytes = stride(from: 0, to: bits.count, by: 8).map { bits[$0..<$0 + 8].reduce(0) { $0 << 1 | $1 } }
        return [0x56, 0xe0 | UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
    }

    /// Version 0, one stream, 48 kHz stereo of low complexity; then nothing else, no checksum, two bytes of sound.
    static let start = [(0, 1), (0, 1), (1, 1), (0, 6), (0, 4), (0, 3)]
    static let plain = [(2, 5), (3, 4), (2, 4), (0, 3)]
    static let rest = [(0, 3), (0xff, 8), (0, 1), (0, 1)]
    static let sound = [(2, 8), (0x21, 8), (0x43, 8)]

    private func unwrap(_ frames: [UInt8]...) throws -> (pieces: [[UInt8]?], configuration: [UInt8]?) {
        var latm = LATM()
        let pieces = try frames.map { frame in try frame.withUnsafeBufferPointer { try latm.unwrap($0) } }
        return (pieces, latm.configuration)
    }

    @Test func `is unwrapped, whether each frame tells how it is to be read or not`() throws {
        let same = Self.frame([(1, 1)] + Self.sound)
        #expect(try unwrap(same).pieces == [nil])
        let (pieces, configuration) = try unwrap(Self.frame(Self.start + Self.plain + Self.rest + Self.sound), same)
        #expect(pieces == [[0x21, 0x43], [0x21, 0x43]])
        #expect(configuration == [0x11, 0x90])
        // Bandwidth replication, told beforehand: 24 kHz, which become 48.
        let wide = [(5, 5), (6, 4), (2, 4), (3, 4), (2, 5), (0, 3)]
        #expect(
            try unwrap(Self.frame(Self.start + wide + Self.rest + Self.sound)).configuration == [0x2b, 0x11, 0x88, 0])
        // Version 1 tells how long the configuration is, and this one is followed by 16 bits that we need not know.
        let told = [(0, 1), (1, 1), (0, 1), (0, 2), (0, 8), (1, 1), (0, 6), (0, 4), (0, 3), (0, 2), (32, 8)]
        let (newer, _) = try unwrap(Self.frame(told + Self.plain + [(0x2b7, 11), (5, 5)] + Self.rest + Self.sound))
        #expect(newer == [[0x21, 0x43]])
        // Other data behind, and a checksum.
        let more = [(0, 3), (0xff, 8), (1, 1), (0x105, 9), (7, 9), (1, 1), (0xaa, 8)]
        #expect(try unwrap(Self.frame(Self.start + Self.plain + more + Self.sound)).pieces == [[0x21, 0x43]])
    }

    static let hostile: [(String, [UInt8])] = [
        ("nothing", []), ("only a header", [0x56, 0xe0, 0]),
        ("another word at its beginning", [0xff, 0xf1, 4, 0, 0, 0, 0]),
        ("shorter than it says", [0x56, 0xff, 0xff, 0x20, 0, 0x11]),
        ("of an unknown version", frame([(0, 1), (1, 1), (1, 1)] + plain + rest + sound)),
        ("of several streams", frame([(0, 1), (0, 1), (1, 1), (0, 6), (1, 4), (0, 3)] + plain + rest + sound)),
        ("of several pieces", frame([(0, 1), (0, 1), (1, 1), (1, 6), (0, 4), (0, 3)] + plain + rest + sound)),
        ("of another kind of sound", frame(start + [(39, 5), (3, 4), (2, 4), (0, 3)] + rest + sound)),
        ("of a rate of its own", frame(start + [(2, 5), (15, 4), (48_000, 24), (2, 4), (0, 3)] + rest + sound)),
        ("of channels of its own", frame(start + [(2, 5), (3, 4), (0, 4), (0, 3)] + rest + sound)),
        ("of pieces of 960 samples", frame(start + [(2, 5), (3, 4), (2, 4), (4, 3)] + rest + sound)),
        ("of pieces of a fixed length", frame(start + plain + [(1, 3), (0xff, 9), (0, 1), (0, 1)] + sound)),
        ("without sound", frame(start + plain + rest)),
        ("of no byte of sound", frame(start + plain + rest + [(0, 8)])),
        ("of more sound than there is", frame(start + plain + rest + [(255, 8), (255, 8), (200, 8), (1, 8)])),
        ("of other data without end", frame(start + plain + [(0, 3), (0, 8), (1, 1), (0x1ff, 9), (0x1ff, 9)])),
        (
            "of a configuration that is longer than it says",
            frame(
                [(0, 1), (1, 1), (0, 1), (0, 2), (0, 8), (1, 1), (0, 6), (0, 4), (0, 3), (0, 2), (3, 8)] + plain + rest
                    + sound)
        ),
        (
            "of a configuration of four gigabytes",
            frame(
                [(0, 1), (1, 1), (0, 1), (0, 2), (0, 8), (1, 1), (0, 6), (0, 4), (0, 3), (3, 2), (0xffff_ffff, 32)]
                    + plain + rest + sound)
        ),
    ]

    @Test(arguments: hostile)
    func `is refused when it is`(what: String, bytes: [UInt8]) {
        #expect(throws: LATM.Malformed()) { try unwrap(bytes) }
    }

    @Test(arguments: Container.allCases)
    func `of a transport stream is carried, and read anew when it changes`(container: Container) async throws {
        let studio = try #require(studio)
        var joined: [UInt8] = []
        for (number, channels) in ["1", "2"].enumerated() {
            let part = try await studio.clip(
                "latm-\(number).ts", seconds: 4,
                Studio.picture() + Studio.sound + Studio.encoded(keyframes: 25) + [
                    "-ac", channels, "-mpegts_flags", "latm", "-output_ts_offset", "\(number * 4)",
                ])
            joined += try [UInt8](Data(contentsOf: URL(fileURLWithPath: part)))
        }
        let heard = try await cut(try studio.file("latm.ts", joined)) { $0.container = container }
        #expect(heard.failure == nil)
        #expect(heard.warnings == ["the encoder has changed its sound; players see a discontinuity"])
        #expect(heard.descriptions.last?.codecs.last == "mp4a.40.2")
        #expect(heard.segments.count { $0.isDiscontinuity } == 1)
        let change = heard.segments.firstIndex(where: \.isDiscontinuity) ?? 0
        var pieces = 0
        for (number, part) in [heard.segments[..<change], heard.segments[change...]].enumerated() {
            let media = part.compactMap(\.media.last)
            let path = try studio.file(
                "latm-\(number).\(container)", (media.first?.initialization ?? []) + media.flatMap(\.bytes))
            let ffprobe = try Program(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "a", "-count_frames", "-show_entries",
                    "stream=codec_name,channels,nb_read_frames", "-of", "csv=p=0", path,
                ])
            _ = try await ffprobe.ended(within: .seconds(30))
            #expect(ffprobe.complaints.isEmpty, "\(ffprobe.complaints)")
            let words = String(decoding: ffprobe.output, as: UTF8.self).split { $0 == "," || $0 == "\n" }
            #expect(words.prefix(2) == ["aac", "\(number + 1)"], "\(words)")
            pieces += Int(words.dropFirst(2).first ?? "") ?? 0
        }
        // 8 s of 1,024 samples each, but for a tenth of a second on either side of the change.
        #expect((362...378).contains(pieces), "\(pieces)")
    }
}
