import Testing
import Vocabulary

@Suite struct `A link` {
    static let id = String(repeating: "ab", count: 32)

    @Test func `reads back as it was written`() throws {
        let link = MagnetLink(
            broadcast: try #require(BroadcastID(hex: Self.id)), title: "Tür & Tor 한국 100%",
            trackers: ["udp://127.0.0.1:6969", "http://[::1]:7070"], origins: ["http://127.0.0.1:8080"])
        #expect(try MagnetLink(parsing: "\(link)") == link)
    }

    @Test func `may carry fields that are not ours`() throws {
        let link = try MagnetLink(parsing: "magnet:?x.pe=1&xs=urn:btpk:\(Self.id)&ws=http://a/&nonsense&xt=urn:btih:00")
        #expect(link.origins == ["http://a"])
    }

    @Test(arguments: [
        ("", MagnetLink.Failure.notMagnet), ("http://example.org", .notMagnet), ("magnet:?ws=http://a", .noBroadcast),
        ("magnet:?xs=urn:btpk:abc&ws=http://a", .badBroadcast("abc")),
        (
            "magnet:?xs=urn:btpk:\(String(repeating: "zz", count: 32))&ws=http://a",
            .badBroadcast(String(repeating: "zz", count: 32))
        ),
        ("magnet:?xs=urn:btpk:\(id)", .noOrigin), ("magnet:?xs=urn:btpk:\(id)&ws=file:///etc", .badURL("file:///etc")),
        ("magnet:?xs=urn:btpk:\(id)&ws=http://a&tr=gopher://b", .badURL("gopher://b")),
        ("magnet:?xs=urn:btpk:\(id)&ws=http://a%0d%0aHost:b", .badURL("http://a\r\nHost:b")),
    ])
    func `is refused with a reason`(text: String, failure: MagnetLink.Failure) {
        #expect(throws: failure) { try MagnetLink(parsing: text) }
    }
}
