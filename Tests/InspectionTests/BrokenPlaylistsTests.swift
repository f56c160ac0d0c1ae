import Foundation
import Inspection
import Testing

@Suite struct `A playlist that breaks a rule` {
    /// A live media playlist without a fault.
    static let good = """
        #EXTM3U
        #EXT-X-VERSION:3
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:7
        #EXT-X-DISCONTINUITY-SEQUENCE:1
        #EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:00.000Z
        #EXTINF:2.000000,
        7.ts
        #EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:02.000Z
        #EXTINF:2.000000,
        8.ts
        #EXT-X-DISCONTINUITY
        #EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:09.000Z
        #EXTINF:2.000000,
        9.ts
        #EXTINF:2.000000,
        10.ts
        #EXTINF:2.000000,
        11.ts
        #EXTINF:2.000000,
        12.ts

        """

    static let multivariant = """
        #EXTM3U
        #EXT-X-VERSION:3
        #EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS="avc1.64001f,mp4a.40.2",\
        RESOLUTION=854x480,FRAME-RATE=29.970
        0/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=96000,CODECS="mp4a.40.2"
        1/index.m3u8

        """

    static func reading(_ text: String) -> PlaylistReading { PlaylistReading(parsing: Array(text.utf8), at: "x") }

    private static func replacing(_ old: String, _ new: String, in text: String = good) -> String {
        let place = text.firstRange(of: old)
        return place.map { text.replacingCharacters(in: $0, with: new) } ?? ""
    }

    @Test func `is told from one that breaks none`() {
        #expect(Self.reading(Self.good).findings.isEmpty)
        #expect(Self.reading(Self.multivariant).findings.isEmpty)
        let untimed = Self.good.split(separator: "\n").filter { !$0.contains("PROGRAM-DATE") } + ["#EXT-X-ENDLIST", ""]
        #expect(Self.reading(untimed.joined(separator: "\n")).findings.isEmpty)
        let reading = Self.reading(Self.good)
        #expect(reading.segments.map(\.sequence) == [7, 8, 9, 10, 11, 12])
        #expect(reading.segments.map(\.discontinuity) == [1, 1, 2, 2, 2, 2])
        #expect(reading.duration == 12_000_000)
        #expect(reading.segments[3].programTime == 1_795_255_211_000)
    }

    @Test(arguments: [
        ("a byte order mark", "\u{feff}" + good, Item.syntax),
        ("no first line", String(good.dropFirst(8)), .syntax),
        ("a control character", replacing("7.ts", "7\u{7}.ts"), .syntax),
        ("two versions", replacing("#EXT-X-VERSION:3", "#EXT-X-VERSION:3\n#EXT-X-VERSION:3"), .syntax),
        ("a version too low", replacing("VERSION:3", "VERSION:2"), .syntax),
        ("a version too low for EXT-X-MAP", replacing("#EXTINF", "#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF"), .syntax),
        ("two target durations", replacing("#EXT-X-TARGET", "#EXT-X-TARGETDURATION:2\n#EXT-X-TARGET"), .syntax),
        ("tags of both kinds", good + "#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n", .syntax),
        ("an end before the URI", good + "#EXTINF:2,\n", .syntax),
        ("no target duration", replacing("#EXT-X-TARGETDURATION:2\n", ""), .targetDuration),
        ("a target duration of 0", replacing("TARGETDURATION:2", "TARGETDURATION:0"), .targetDuration),
        ("a target duration in decimals", replacing("TARGETDURATION:2", "TARGETDURATION:2.5"), .targetDuration),
        (
            "a target duration of years", replacing("TARGETDURATION:2", "TARGETDURATION:999999999999999"),
            .targetDuration
        ),
        ("a segment that is too long", replacing("EXTINF:2.0", "EXTINF:2.5"), .targetDuration),
        ("no EXTINF", replacing("#EXTINF:2.000000,\n8", "8"), .segmentDuration),
        ("a negative EXTINF", replacing("EXTINF:2", "EXTINF:-2"), .segmentDuration),
        ("an EXTINF with an exponent", replacing("EXTINF:2.000000", "EXTINF:2e0"), .segmentDuration),
        ("a sequence that is no number", replacing("SEQUENCE:7", "SEQUENCE:seven"), .mediaSequence),
        ("a sequence that overflows", replacing("SEQUENCE:7", "SEQUENCE:99999999999999999999"), .mediaSequence),
        ("a late sequence", good + "#EXT-X-MEDIA-SEQUENCE:7\n", .mediaSequence),
        ("a playlist type", replacing("#EXT-X-TARGET", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGET"), .ending),
        ("a segment after the end", good + "#EXT-X-ENDLIST\n#EXTINF:2,\n13.ts\n", .ending),
        ("no discontinuity sequence", replacing("#EXT-X-DISCONTINUITY-SEQUENCE:1\n", ""), .discontinuity),
        ("a late discontinuity sequence", good + "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", .discontinuity),
        ("a time that is off", replacing("10:00:02", "10:00:03"), .programTime),
        ("a time that goes back", replacing("10:00:09", "09:00:09"), .programTime),
        ("a time that is none", replacing("2026-11-21T", "21.11.2026 "), .programTime),
        ("no time", good.split(separator: "\n").filter { !$0.contains("DATE") }.joined(separator: "\n"), .programTime),
        (
            "no time at a discontinuity", replacing("#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:09.000Z\n", ""),
            .programTime
        ),
        ("fragments without a map", replacing("8.ts", "8.m4s"), .map),
        ("a map without a URI", replacing("#EXTINF", "#EXT-X-MAP:BYTERANGE=\"1@0\"\n#EXTINF"), .map),
        ("parts without PART-INF", good + "#EXT-X-PART:DURATION=0.5,URI=\"p\"\n", .parts),
        (
            "a part that is too long",
            replacing("#EXT-X-TARGET", "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-TARGET")
                + "#EXT-X-PART:DURATION=0.7,URI=\"p\"\n", .parts
        ),
        ("no BANDWIDTH", replacing("BANDWIDTH=2000000,", "", in: multivariant), .multivariant),
        ("no CODECS", replacing("CODECS=\"mp4a.40.2\"", "X=1", in: multivariant), .multivariant),
        ("an average above the peak", replacing("=1500000", "=2500000", in: multivariant), .multivariant),
        ("no RESOLUTION", replacing("RESOLUTION=854x480,", "", in: multivariant), .multivariant),
        ("no FRAME-RATE", replacing(",FRAME-RATE=29.970", "", in: multivariant), .multivariant),
        (
            "a group that is not there", replacing("FRAME-RATE", "AUDIO=\"a\",FRAME-RATE", in: multivariant),
            .multivariant
        ),
        ("an attribute list that is torn", replacing("\"mp4a.40.2\"", "\"mp4a.40.2", in: multivariant), .syntax),
    ])
    func `is found by the name of the rule`(name: String, text: String, item: Item) {
        #expect(!text.isEmpty, "\(name) changes nothing")
        let findings = Self.reading(text).findings
        #expect(findings.contains { $0.item == item }, "\(name): \(findings)")
    }

    @Test func `is read without harm, whatever it is`() {
        var bytes = Array(Self.good.utf8)
        for place in stride(from: 0, to: bytes.count, by: 3) {
            bytes[place] = 0xff
            #expect(PlaylistReading(parsing: bytes, at: "x").findings.first?.item == .syntax)
            bytes[place] = Array(Self.good.utf8)[place]
            _ = PlaylistReading(parsing: Array(bytes[..<place]), at: "x")
        }
    }

    @Test func `gives no two segments one number, wherever it numbers them again`() {
        let text = Self.good + "#EXT-X-MEDIA-SEQUENCE:6\n#EXTINF:2,\n13.ts\n#EXTINF:2,\n14.ts\n"
        let reading = Self.reading(text)
        #expect(reading.segments.map(\.sequence) == Array(7..<7 + reading.segments.count))
        var history = History()
        _ = history.add(reading, at: 0)
        #expect(history.add(reading, at: 1).isEmpty)
    }
}

@Suite struct `A playlist that changes` {
    /// `count` segments of two seconds from `first` on.
    private static func list(
        _ first: Int, _ count: Int, target: Int = 2, discontinuity: Int = 0, breaks: Set<Int> = [],
        isEnded: Bool = false,
        prefix: String = ""
    ) -> PlaylistReading {
        var text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:\(target)\n#EXT-X-MEDIA-SEQUENCE:\(first)\n"
        text += "#EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuity)\n"
        for number in first..<first + count {
            if breaks.contains(number) { text += "#EXT-X-DISCONTINUITY\n" }
            let second = number * 2 % 60
            text +=
                "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:\(number * 2 / 60 + 10):\(second < 10 ? "0" : "")\(second).000Z\n"
            text += "#EXTINF:2.0,\n\(prefix)\(number).ts\n"
        }
        return PlaylistReading(parsing: Array((text + (isEnded ? "#EXT-X-ENDLIST\n" : "")).utf8), at: "x")
    }

    /// What is found when the playlist is read a second and then another second later.
    private static func found(_ readings: [PlaylistReading], apart seconds: Int64 = 2) -> Set<Item> {
        var history = History()
        var items: Set<Item> = []
        for (number, reading) in readings.enumerated() {
            #expect(reading.findings.isEmpty)
            items.formUnion(history.add(reading, at: Int64(number) * seconds * 1_000_000).map(\.item))
        }
        return items
    }

    @Test func `as it may breaks no rule`() {
        let breaks: Set = [9]
        let readings = [
            Self.list(7, 6, breaks: breaks), Self.list(8, 6, breaks: breaks), Self.list(9, 6, breaks: breaks),
            Self.list(10, 6, discontinuity: 1), Self.list(10, 7, discontinuity: 1, isEnded: true),
        ]
        #expect(Self.found(readings).isEmpty)
    }

    @Test(arguments: [
        (list(7, 6), list(7, 7, target: 3), Item.targetDuration), (list(7, 6), list(6, 8), .mediaSequence),
        (list(7, 6), list(8, 6, prefix: "x"), .mediaSequence), (list(7, 7), list(7, 6), .freshness),
        (list(7, 6), list(8, 6, breaks: [10]), .freshness),
        (list(7, 6, isEnded: true), list(7, 7, isEnded: true), .ending),
        (list(7, 6, isEnded: true), list(7, 6), .ending), (list(7, 6, breaks: [7]), list(8, 6), .discontinuity),
        (list(7, 6), list(8, 6, discontinuity: 1), .discontinuity),
        (list(7, 6), list(7, 7, discontinuity: 1), .discontinuity),
        (list(7, 6), list(11, 3), .window), (list(7, 6), list(11, 2), .window),
    ])
    func `as it may not is found by the name of the rule`(before: PlaylistReading, after: PlaylistReading, item: Item) {
        let items = Self.found([before, after])
        #expect(items.contains(item), "\(items)")
    }

    @Test func `must bring something new in time`() {
        #expect(Self.found([Self.list(7, 6), Self.list(7, 6)], apart: 3).isEmpty)
        #expect(Self.found([Self.list(7, 6), Self.list(7, 6)], apart: 4) == [.freshness])
        #expect(Self.found([Self.list(7, 6), Self.list(7, 6), Self.list(7, 6)], apart: 2) == [.freshness])
    }

    @Test func `keeps what has left for as long as somebody may ask`() {
        var history = History()
        _ = history.add(Self.list(7, 6), at: 0)
        _ = history.add(Self.list(8, 6), at: 2_000_000)
        #expect(history.retained(at: 3_000_000).map(\.sequence) == [7])
        #expect(history.retained(at: 13_000_000).map(\.sequence) == [7])
        #expect(history.retained(at: 15_000_000).isEmpty)
    }

    @Test func `is aligned with the other variants`() {
        #expect(Alignment.findings([Self.list(7, 6), Self.list(8, 6)]).isEmpty)
        for other in [Self.list(7, 6, target: 3), Self.list(7, 6, breaks: [8]), Self.list(7, 6, discontinuity: 1)] {
            #expect(Alignment.findings([Self.list(7, 6), other]).map(\.item) == [.alignment])
        }
        var late = Self.list(7, 6).segments
        #expect(late.count == 6)
        late.removeAll()
    }
}
