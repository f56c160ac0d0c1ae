import Testing
import Vocabulary
import Wire

@Suite struct `A record` {
    static let record = Record(
        broadcast: BroadcastID(Word256(1, 2, 3, 4)), epoch: 7, segment: SegmentID(rendition: 1, sequence: 42),
        root: Root(Word256(5, 6, 7, 8)), length: 100_000, duration: 2_000_000, programTime: 1_700_000_000_000,
        isDiscontinuity: true, isLast: true, initialization: Root(Word256(9, 9, 9, 9)), previous: Word256(1, 1, 1, 1))

    @Test func `reads back as it was written`() throws {
        #expect(try Record(bencoded: Self.record.bencoded) == Self.record)
        var plain = Self.record
        plain.isDiscontinuity = false
        plain.isLast = false
        plain.initialization = nil
        plain.isDependent = true
        #expect(try Record(bencoded: plain.bencoded) == plain)
    }

    static let hostile: [(String, Int64)] = [
        ("length", 0), ("length", -1), ("length", Int64(Limits.segmentLength) + 1), ("length", .max), ("duration", 0),
        ("duration", .max), ("sequence", -1), ("sequence", .max), ("rendition", 8), ("rendition", 256),
        ("epoch", 1 << 32), ("epoch", -1), ("time", -1), ("time", .max), ("version", 2), ("discontinuity", 0),
        ("last", 2), ("dependent", 0), ("dependent", 2), ("dependent", -1),
    ]

    @Test(arguments: hostile)
    func `is refused with a number out of range`(key: String, value: Int64) throws {
        guard case .dictionary(var fields) = try Bencode(parsing: Self.record.bencoded) else { return }
        fields[key] = .integer(value)
        #expect(throws: WireError.outOfRange(key)) { try Record(bencoded: Bencode.dictionary(fields).encoded) }
    }

    @Test func `is refused without any one of its fields, or with one of another type`() throws {
        guard case .dictionary(let fields) = try Bencode(parsing: Self.record.bencoded) else { return }
        for key in fields.keys where !["discontinuity", "last", "dependent", "initialization"].contains(key) {
            var less = fields
            less[key] = nil
            #expect(throws: WireError.missing(key)) { try Record(bencoded: Bencode.dictionary(less).encoded) }
            less[key] = .list([])
            #expect(throws: WireError.wrongType(key)) { try Record(bencoded: Bencode.dictionary(less).encoded) }
        }
    }
}

@Suite struct `A head` {
    static let head = Head(
        broadcast: BroadcastID(Word256(1, 2, 3, 4)), time: 1_700_000_000_000, targetDuration: 2, oldest: [3],
        newest: [[1, 2, 3]], isClosed: true, title: "A title")

    @Test func `reads back as it was written`() throws {
        #expect(try Head(bencoded: Self.head.bencoded) == Self.head)
    }

    @Test func `is refused with a title that could break out of its line`() {
        var head = Self.head
        head.title = "a\n#EXT-X-KEY"
        #expect(throws: WireError.outOfRange("title")) { try Head(bencoded: head.bencoded) }
    }

    static let rendition = Rendition(
        bandwidth: 3_000_000, averageBandwidth: 2_500_000, codecs: ["avc1.64001f", "mp4a.40.2"], width: 1_280,
        height: 720, framesPerKilosecond: 25_000, channels: 2)

    @Test func `describes its renditions`() throws {
        var head = Self.head
        head.renditions = Array(repeating: Self.rendition, count: Limits.renditions)
        #expect(try Head(bencoded: head.bencoded) == head)
    }

    static let badDescriptions: [(String, Bencode?, WireError)] = [
        ("bandwidth", .integer(-1), .outOfRange("bandwidth")), ("bandwidth", .integer(.max), .outOfRange("bandwidth")),
        ("bandwidth", .text("much"), .wrongType("bandwidth")), ("bandwidth", nil, .missing("bandwidth")),
        ("average", .integer(1 << 41), .outOfRange("average")), ("average", nil, .missing("average")),
        ("width", .integer(65_536), .outOfRange("width")), ("height", .integer(-1), .outOfRange("height")),
        ("rate", .integer(10_000_001), .outOfRange("rate")), ("rate", .list([]), .wrongType("rate")),
        ("channels", .integer(256), .outOfRange("channels")), ("channels", nil, .missing("channels")),
        ("codecs", nil, .missing("codecs")), ("codecs", .integer(1), .wrongType("codecs")),
        ("codecs", .list([.integer(1)]), .outOfRange("codecs")),
        ("codecs", .list([.bytes([0xff, 0xfe])]), .outOfRange("codecs")),
        ("codecs", .list([.text("avc1\",X=\"1")]), .outOfRange("codecs")),
        ("codecs", .list([.text("avc1\n#EXT-X-KEY")]), .outOfRange("codecs")),
    ]

    @Test(arguments: badDescriptions)
    func `is refused with a bad description of a rendition`(key: String, value: Bencode?, error: WireError) throws {
        var head = Self.head
        head.renditions = [Self.rendition]
        guard case .dictionary(var fields) = try Bencode(parsing: head.bencoded),
            case .dictionary(var description) = Self.rendition.bencode
        else { return }
        description[key] = value
        fields["renditions"] = .list([.dictionary(description)])
        #expect(throws: error) { try Head(bencoded: Bencode.dictionary(fields).encoded) }
    }

    @Test(arguments: [
        Bencode.integer(1), .list([]), .list([.integer(1)]),
        .list(Array(repeating: rendition.bencode, count: Limits.renditions + 1)),
    ])
    func `is refused with bad renditions`(value: Bencode) throws {
        guard case .dictionary(var fields) = try Bencode(parsing: Self.head.bencoded) else { return }
        fields["renditions"] = value
        #expect(throws: WireError.self) { try Head(bencoded: Bencode.dictionary(fields).encoded) }
    }

    @Test func `is refused when its lists do not match`() {
        var head = Self.head
        head.oldest = []
        #expect(throws: WireError.outOfRange("oldest")) { try Head(bencoded: head.bencoded) }
    }
}

@Suite struct `An answer with records` {
    @Test func `reads back as it was written`() throws {
        let answer = RecordsAnswer(entries: [.init(record: [1, 2], leaves: [Word256(1, 2, 3, 4), .zero])])
        #expect(try RecordsAnswer(parsing: answer.encoded) == answer)
    }

    @Test func `is refused with half a hash`() {
        let bytes = Array("d7:recordsld6:leaves3:abc6:record1:xeee".utf8)
        #expect(throws: WireError.truncated) { try RecordsAnswer(parsing: bytes) }
    }
}
