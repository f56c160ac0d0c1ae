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
        #expect(try Record(bencoded: plain.bencoded) == plain)
    }

    static let hostile: [(String, Int64)] = [
        ("length", 0), ("length", -1), ("length", Int64(Limits.segmentLength) + 1), ("length", .max), ("duration", 0),
        ("duration", .max), ("sequence", -1), ("sequence", .max), ("rendition", 8), ("rendition", 256),
        ("epoch", 1 << 32), ("epoch", -1), ("time", -1), ("time", .max), ("version", 2), ("discontinuity", 0),
        ("last", 2),
    ]

    @Test(arguments: hostile)
    func `is refused with a number out of range`(key: String, value: Int64) throws {
        guard case .dictionary(var fields) = try Bencode(parsing: Self.record.bencoded) else { return }
        fields[key] = .integer(value)
        #expect(throws: WireError.outOfRange(key)) { try Record(bencoded: Bencode.dictionary(fields).encoded) }
    }

    @Test func `is refused without any one of its fields, or with one of another type`() throws {
        guard case .dictionary(let fields) = try Bencode(parsing: Self.record.bencoded) else { return }
        for key in fields.keys where !["discontinuity", "last", "initialization"].contains(key) {
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
