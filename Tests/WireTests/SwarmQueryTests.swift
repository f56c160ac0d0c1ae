import NIOCore
import Testing
import Vocabulary
import Wire

@Suite struct `A BitTorrent client's query` {
    private static let hash = "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A"

    private static func parse(_ text: String) throws(WireError) -> SwarmQuery {
        let result = Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(WireError) -> SwarmQuery in try SwarmQuery(parsing: bytes) }
        }
        return try result.get()
    }

    @Test func `is understood`() throws {
        let query = try Self.parse(
            Self.hash + "&peer_id=-TR3000-abcdefghijkl&port=6881&uploaded=0&downloaded=5&left=0&event=completed"
                + "&numwant=80&compact=1&ip=8.8.8.8&key=1F&supportcrypto=1&no_peer_id")
        let hash = try #require(
            InfoHash([
                0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x12, 0x34,
                0x56, 0x78, 0x9a,
            ]))
        #expect(
            query.announce
                == SwarmAnnounce(hash: hash, port: 6_881, isSeeder: true, event: .completed, wanted: 80))
        #expect(query.isCompact)
    }

    @Test func `says by compact=0 alone that it wants a list in full, and may leave the number to the tracker`() throws
    {
        #expect(try !Self.parse(Self.hash + "&port=1&compact=0").isCompact)
        let query = try Self.parse(Self.hash + "&port=1&numwant=-1&event=paused&left=9999999999999999999")
        #expect(query.isCompact && query.announce.wanted == nil && !query.announce.isSeeder)
    }

    static let malformed: [(String, WireError)] = [
        ("", .missing("info_hash")),
        ("port=1", .missing("info_hash")),
        (hash, .missing("port")),
        ("info_hash=abc&port=1", .outOfRange("info_hash")),
        (hash + "0&port=1", .outOfRange("info_hash")),
        ("info_hash=%1&port=1", .truncated),
        ("info_hash=%zz&port=1", .unexpected(UInt8(ascii: "%"))),
        (hash + "&" + hash + "&port=1", .notCanonical),
        (hash + "&port=65536", .outOfRange("port")),
        (hash + "&port=", .notInteger),
        (hash + "&port=-1", .notInteger),
        (hash + "&port=080", .notCanonical),
        (hash + "&port=1&port=2", .notCanonical),
        (hash + "&port=99999999999999999999", .outOfRange("integer")),
        (hash + "&port=1&left=1e3", .notInteger),
        (hash + "&port=1&numwant=--1", .notInteger),
        (hash + "&port=1&numwant=-", .notInteger),
        (hash + "&port=1&event=exploded", .outOfRange("event")),
        (hash + "&port=1" + String(repeating: "&a=b", count: 96), .tooMany),
    ]

    @Test(arguments: malformed.indices) func `is refused when malformed`(row: Int) {
        let (text, error) = Self.malformed[row]
        #expect(throws: error, "\(text)") { try Self.parse(text) }
    }

    @Test func `names what it scrapes`() throws {
        func hashes(_ text: String) throws -> Int {
            try Array(text.utf8).withUnsafeBytes { try SwarmQuery.hashes(parsing: $0) }.count
        }
        #expect(try hashes(Self.hash + "&" + Self.hash) == 2)
        #expect(throws: WireError.missing("info_hash")) { try hashes("") }
        let many = [String](repeating: Self.hash, count: 75).joined(separator: "&")
        #expect(throws: WireError.tooMany) { try hashes(many) }
    }

    @Test func `is answered in canonical bencoding`() throws {
        for isCompact in [true, false] {
            for interval in [0, 7, 10, 1_800, 99_999_999, 100_000_000, 2_000_000_000] {
                var page = ByteBuffer()
                let v4: [UInt8] = [127, 0, 0, 1, 0x1a, 0xe1]
                let v6 = [UInt8](repeating: 0, count: 15) + [1, 0x1a, 0xe1]
                v4.withUnsafeBytes { v4 in
                    v6.withUnsafeBytes { v6 in
                        SwarmPage.announced(
                            SwarmCounts(seeders: 1, leechers: 22, completed: 333), interval: interval, minimum: 60,
                            peers: v4, peers6: v6, isCompact: isCompact, to: &page)
                    }
                }
                let fields = try Bencode.Fields(parsing: Array(page.readableBytesView))
                #expect(try fields.integer("interval", in: 0...(.max)) == interval)
                #expect(try fields.integer("incomplete", in: 0...(.max)) == 22)
                if isCompact {
                    #expect(try fields.bytes("peers", limit: 99) == v4)
                    #expect(try fields.bytes("peers6", limit: 99) == v6)
                } else {
                    let list = try fields.list("peers", limit: 9)
                    #expect(
                        list == [
                            .dictionary(["ip": .text("127.0.0.1"), "port": .integer(6_881)]),
                            .dictionary(["ip": .text("0:0:0:0:0:0:0:1"), "port": .integer(6_881)]),
                        ])
                }
            }
        }
    }

    @Test func `about several hashes is answered in the order of keys, each once`() throws {
        var page = ByteBuffer()
        let counts = SwarmCounts(seeders: 1, leechers: 2, completed: 3)
        SwarmPage.scraped(
            [(InfoHash(2, 0, 0), counts), (InfoHash(1, 0, 0), counts), (InfoHash(2, 0, 0), counts)], to: &page)
        // Names are bytes, which our own Bencode reads as text only.
        let text = String(decoding: page.readableBytesView, as: UTF8.self)
        #expect(text.hasPrefix("d5:filesd20:\0\0\0\0\0\0\0\u{1}\0"))
        #expect(text.hasSuffix("d8:completei1e10:downloadedi3e10:incompletei2eeee"))
        #expect(text.split(separator: "complete", omittingEmptySubsequences: false).count == 5)
    }
}
