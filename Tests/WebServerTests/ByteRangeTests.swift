import Testing
import WebServer

@Suite struct `A byte range` {
    @Test(arguments: [
        ("bytes=0-9", ByteRange.partial(0..<10)), ("bytes=90-", .partial(90..<100)), ("bytes=-10", .partial(90..<100)),
        ("bytes=-1000", .partial(0..<100)), ("bytes=50-1000", .partial(50..<100)), ("bytes=100-", .unsatisfiable),
        ("bytes=-0", .unsatisfiable), ("bytes=9-0", .whole), ("bytes=0-1,5-6", .whole), ("chunks=0-1", .whole),
        ("bytes=", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes=--1", .whole),
        ("bytes=0-99999999999999999999", .partial(0..<100)), ("bytes=99999999999999999999-", .unsatisfiable),
        ("bytes=5-9223372036854775807", .partial(5..<100)),
    ]) func `is read as RFC 9110 says`(header: String, range: ByteRange) {
        #expect(ByteRange.parse(header, length: 100) == range)
    }
}
