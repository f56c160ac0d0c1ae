import NIOCore
import Testing
import Vocabulary

@testable import OriginIngest

@Suite struct `An AMF value` {
    static let values: [AMF] = [
        .number(0), .number(-1.5), .boolean(true), .boolean(false), .string(""), .string("live"), .null, .undefined,
        .string(String(repeating: "x", count: 65_536)), .object([]), .array([.null, .number(1)]),
        .object([.init("app", .string("live")), .init("inner", .object([.init("a", .array([.boolean(true)]))]))]),
    ]

    @Test(arguments: values)
    func `reads back as it was written`(value: AMF) throws {
        var buffer = ByteBuffer()
        value.encode(into: &buffer)
        #expect(try AMF.values(parsing: buffer) == [value])
    }

    private static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    static let hostile: [(String, [UInt8], RTMPError)] = [
        ("half a number", [0, 1, 2], .truncated),
        ("a string that is longer than what is there", [2, 0xff, 0xff, 65], .truncated),
        ("a string of four gigabytes", [12, 0xff, 0xff, 0xff, 0xff], .truncated),
        ("a string beyond the limit", [12, 0, 1, 0, 1] + zeros(65_537), .oversized(length: 65_537, limit: 65_536)),
        ("an object without an end", [3, 0, 1, 65, 5], .truncated),
        ("a type that does not exist", [18], .unknownMarker(18)),
        ("an array of four billion values", [10, 0xff, 0xff, 0xff, 0xff], .tooMany("values")),
        ("arrays in arrays", (0..<20).flatMap { _ -> [UInt8] in [10, 0, 0, 0, 1] }, .tooDeep),
        ("more values than anybody needs", Array(repeating: 5, count: 2_000), .tooMany("values")),
        ("AMF 3: a reference to nothing", [17, 6, 4], .outOfRange("a reference")),
        ("AMF 3: a class that writes itself", [17, 10, 7, 1], .unknownMarker(10)),
        ("AMF 3: two hundred million names", [17, 10, 0xff, 0xff, 0xff, 0xfb], .tooMany("values")),
        ("AMF 3: an array of as many values", [17, 9, 0xff, 0xff, 0xff, 0xff, 1], .tooMany("values")),
        ("AMF 3: a type that does not exist", [17, 13], .unknownMarker(13)),
    ]

    @Test(arguments: hostile)
    func `is refused when it is`(what: String, bytes: [UInt8], error: RTMPError) {
        #expect(throws: error) { try AMF.values(parsing: ByteBuffer(bytes: bytes)) }
    }

    @Test func `is understood in AMF 3 too`() throws {
        // A dynamic object {a: 1, b: "x", c: [true]} in AMF 3, behind the marker of AMF 0.
        let bytes: [UInt8] = [17, 10, 11, 1, 3, 97, 4, 1, 3, 98, 6, 3, 120, 3, 99, 9, 3, 1, 3, 1]
        let value = try #require(try AMF.values(parsing: ByteBuffer(bytes: bytes)).first)
        #expect(value["a"] == .number(1))
        #expect(value["b"]?.text == "x")
        #expect(value["c"] == .array([.boolean(true)]))
    }

    static let integers: [([UInt8], Double)] = [
        ([4, 0xff, 0xff, 0xff, 0xff], -1), ([4, 0x81, 0x00], 128), ([4, 0xc0, 0x80, 0x80, 0], -268_435_456),
    ]

    @Test(arguments: integers)
    func `has integers of 29 bits in AMF 3`(bytes: [UInt8], number: Double) throws {
        #expect(try AMF.values(parsing: ByteBuffer(bytes: [17] + bytes)) == [.number(number)])
    }
}
