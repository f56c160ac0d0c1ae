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
        #expect(StreamID.key(in: text) == key)
    }
}
