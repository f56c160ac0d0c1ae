import Foundation
import OriginMedia
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(2))) struct `A byte stream of pictures` {
    private let studio = try? Studio()

    private static let long = [UInt8](repeating: 0xff, count: 70_000)

    private static let zeros = [UInt8](repeating: 0, count: 200)

    static let streams: [(String, [UInt8], units: [[UInt8]])] = [
        ("nothing", [], []),
        ("a unit without a start code", [0x65, 1, 2, 3], []),
        ("zeros alone", [UInt8](repeating: 0, count: 100), []),
        ("ones alone", [UInt8](repeating: 1, count: 100), []),
        ("a start code and nothing else", [0, 0, 1], []),
        ("half a start code at its end", [0, 0, 1, 7, 0, 0], [[7]]),
        ("start codes alone", [0, 0, 1, 0, 0, 1, 0, 0, 0, 1], []),
        ("one byte", [0, 0, 1, 0x65], [[0x65]]),
        ("start codes of three and of four bytes", [0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 5], [[9, 0xf0], [0x65, 5]]),
        ("bytes before the first start code", [7, 8, 9, 0, 0, 1, 0x65], [[0x65]]),
        ("zeros before, between and behind", [0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0], [[7], [8]]),
        ("ones in a unit", [0, 0, 1, 1, 1, 0, 1, 1], [[1, 1, 0, 1, 1]]),
        ("a start code made harmless", [0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0, 3, 0], [[0x65, 0, 0, 3, 1, 0, 0, 3]]),
        ("many zeros in a unit", [0, 0, 1, 5] + zeros + [7, 0, 0, 0, 1, 6], [[5] + zeros + [7], [6]]),
        ("a long unit", [0, 0, 1] + long + [0, 0, 1, 0x41], [long, [0x41]]),
    ]

    @Test(arguments: streams) func `has the units that start codes set apart`(
        what: String, bytes: [UInt8], units: [[UInt8]]
    ) {
        bytes.withUnsafeBufferPointer { #expect(AnnexB($0).map { Array($0) } == units, "\(what)") }
    }

    @Test func `has a start code wherever it lies`() {
        for place in 0..<100 {
            let bytes = [0, 0, 1] + [UInt8](repeating: 7, count: place + 1) + [0, 0, 1, 9]
            bytes.withUnsafeBufferPointer { #expect(AnnexB($0).map(\.count) == [place + 1, 1]) }
        }
    }

    static let odd: [(name: String, options: [String])] = [
        ("B-frames in open groups", ["-x264-params", "open-gop=1:bframes=3:b-adapt=0"]),
        ("interlaced", ["-flags", "+ildct+ilme", "-x264-params", "tff=1"]),
        ("in slices, with parameter sets said often", ["-x264-params", "slices=4:repeat-headers=1:aud=1"]),
        ("filled up to their rate", ["-maxrate", "300k", "-bufsize", "300k", "-x264-params", "nal-hrd=cbr"]),
        ("of ten bits in 4:2:2", ["-pix_fmt", "yuv422p10le"]),
        (
            "of H.265",
            ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:bframes=2:slices=2"]
        ),
    ]

    /// What a file's pictures consist of, and how they are to be read, as ffmpeg sees it.
    private func pictures(_ path: String) async throws -> [String] {
        let ffmpeg = try Program(
            "ffmpeg",
            [
                "-nostdin", "-loglevel", "error", "-i", path, "-map", "0:v", "-c", "copy", "-f", "framehash",
                "-hash", "md5", "-",
            ])
        #expect(try await ffmpeg.ended(within: .seconds(30)) == .exited(0), "\(ffmpeg.complaints)")
        let lines = String(decoding: ffmpeg.output, as: UTF8.self).split(separator: "\n")
        return lines.filter { $0.hasPrefix("#extradata") || !$0.hasPrefix("#") }.map { line in
            let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            return fields.suffix(2).joined(separator: " ")
        }
    }

    /// What a multiplexer other than ffmpeg's may do.
    enum Multiplexing: CaseIterable {
        case plain
        /// Filler data in place of the delimiters, which libavformat itself would put back.
        case withoutDelimiters
        /// The headers of every second picture's packet (PES, ISO 13818-1, 2.4.3.6) become stuffing.
        case twoPicturesInPacket

        func alter(_ bytes: inout [UInt8]) {
            switch self {
            case .plain: break
            case .withoutDelimiters:
                for start in bytes.indices.dropLast(5) where bytes[start..<start + 4].elementsEqual([0, 0, 0, 1]) {
                    bytes[start + 4] = [9: 12, 35 << 1: 38 << 1][bytes[start + 4]] ?? bytes[start + 4]
                }
            case .twoPicturesInPacket:
                var pictures = 0
                for start in stride(from: 0, to: bytes.count, by: 188)
                where bytes[start + 1] == 0x41 && bytes[start + 2] == 0 {
                    pictures += 1
                    guard pictures % 2 == 0 else { continue }
                    let hasStuffing = bytes[start + 3] & 0x20 != 0
                    let header = start + 4 + (hasStuffing ? Int(bytes[start + 4]) + 1 : 0)
                    let end = header + 9 + Int(bytes[header + 8])
                    bytes[start + 1] = 1
                    bytes[start + 3] |= 0x20
                    bytes[start + 4] = UInt8(end - start - 5)
                    if !hasStuffing { bytes[start + 5] = 0 }
                    for place in max(header, start + 6)..<end { bytes[place] = 0xff }
                }
            }
        }
    }

    @Test(arguments: odd.indices, Multiplexing.allCases)
    func `becomes the same in fragments as ffmpeg makes of it`(number: Int, multiplexing: Multiplexing) async throws {
        let studio = try #require(studio)
        let (name, options) = Self.odd[number]
        let source = try await studio.clip(
            "\(number).ts",
            Studio.picture() + Studio.encoded(keyframes: 25) + options)
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: source)))
        let plain = bytes
        multiplexing.alter(&bytes)
        #expect((bytes == plain) == (multiplexing == .plain))
        _ = try studio.file("\(number).ts", bytes)
        let ours = try await cut(source) { $0.container = .cmaf }
        let media = ours.segments.compactMap(\.media.first)
        #expect(Set(media.map(\.initialization)).count == 1)
        let joined = try studio.file("ours.mp4", (media.first?.initialization ?? []) + media.flatMap(\.bytes))
        // libavformat's reader of H.265 leaves a zero of the next start code behind each picture, this filter removes it.
        let filter = name == "of H.265" ? ["-bsf:v", "hevc_metadata"] : []
        let theirs = try await studio.clip("theirs.mp4", ["-i", source, "-map", "0:v", "-c", "copy"] + filter)
        let (mine, wanted) = (try await pictures(joined), try await pictures(theirs))
        #expect(wanted.count > 140, "\(name)")
        #expect(mine == wanted, "\(name)")
    }
}
