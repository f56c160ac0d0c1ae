import NIOCore
import OriginIngest
import Testing

@Suite struct `A video tag` {
    @Test(
        arguments: [
            ([0x17, 0, 0, 0, 0], nil), ([0x90, 0x68, 0x76, 0x63, 0x31, 1], "hvc1"),
            ([0x91, 0x61, 0x76, 0x30, 0x31], "av01"),
            ([0x90, 0x68, 0x76], nil), ([0x90], nil), ([], nil), ([0x80, 0, 10, 0x7f, 0x41], "???A"),
        ] as [([UInt8], String?)])
    func `tells its codec where it is in the enhanced form`(bytes: [UInt8], codec: String?) {
        #expect(FLV.enhancedCodec(of: ByteBuffer(bytes: bytes)) == codec)
    }

    @Test(
        arguments: [
            ([0x90, 0x68, 0x76, 0x63, 0x31, 1, 2], [0x17, 0, 0, 0, 0, 1, 2]),
            ([0xa1, 0x68, 0x76, 0x63, 0x31, 0, 0, 33, 7], [0x27, 1, 0, 0, 33, 7]),
            ([0xa3, 0x68, 0x76, 0x63, 0x31, 7], [0x27, 1, 0, 0, 0, 7]),
            ([0x92, 0x68, 0x76, 0x63, 0x31], [0x17, 2, 0, 0, 0]),
            ([0x94, 0x68, 0x76, 0x63, 0x31, 7], nil), ([0xa1, 0x68, 0x76, 0x63, 0x31, 0, 0], nil),
            ([0x90, 0x68, 0x76, 0x63], nil), ([0x17, 0, 0, 0, 0], nil), ([], nil),
        ] as [([UInt8], [UInt8]?)])
    func `in the enhanced form says in the old one what it says of pictures`(bytes: [UInt8], plain: [UInt8]?) {
        #expect(FLV.plain(ByteBuffer(bytes: bytes)).map { Array($0.readableBytesView) } == plain)
    }
}
