import Testing

@testable import OriginIngest

@Suite struct `An SRT stream id` {
    static let ids: [(String, String?)] = [
        ("key", "key"), ("live/key", "key"), ("publish:key", "key"), ("publish/live/key", "key"), ("key?a=b", "key"),
        ("#!::r=key,m=publish", "key"), ("#!::m=publish,r=live/key", "key"), ("#!::r=key", "key"),
        ("#!::r=key,m=request", nil), ("#!::m=publish", nil), ("#!::", nil), ("#!::r", nil), ("#!::r=,m=publish", nil),
        ("", nil), ("request:key", nil), ("read:key", nil), ("/", nil), ("#!::u=me,r=key=1,m=publish", "key=1"),
    ]

    @Test(arguments: ids)
    func `names the stream key, if it wants to publish`(text: String, key: String?) {
        let ticket = StreamID.ticket(in: text)
        #expect(ticket?.key == key)
        #expect(ticket == nil || ticket?.rendition == 0)
    }

    @Test(arguments: [
        ("key?rendition=2", 2), ("live/key?token=5&rendition=1", 1), ("#!::r=key,m=publish,rendition=3", 3),
        ("#!::rendition=3,r=key?rendition=1", 3), ("#!::r=key?rendition=1", 1), ("key?rendition=first", .max),
        ("key?rendition=-1", .max), ("key?rendition=", .max), ("key?rendition=99999999999999999999", .max),
        ("#!::r=key,rendition=x", .max),
    ])
    func `may say which rendition it brings`(text: String, rendition: Int) {
        #expect(StreamID.ticket(in: text) == Ticket(key: "key", rendition: rendition))
    }
}
