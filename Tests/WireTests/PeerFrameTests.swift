import NIOCore
import Testing
import Vocabulary
import Wire

@Suite struct `A peer frame` {
    static let segment = SegmentID(rendition: 1, sequence: 99)
    static let frames: [PeerFrame] = [
        .hello(Greeting(broadcast: BroadcastID(Word256(1, 2, 3, 4)), port: 5, rendition: 1, uploads: true)),
        .record([1, 2, 3]), .leavesWanted(segment), .leaves(segment, [.zero, Word256(1, 2, 3, 4)]),
        .have(segment, PieceSet(count: 70, [0, 63, 69])),
        .offer([Offer(stripe: Stripe.all[1], depth: 0, children: 2, slots: 9)]), .subscribe(StripeSet(bits: 129)),
        .refuse(.all), .fetching(segment, [3]),
        .want(segment, [1, 2, 3]), .cancel(segment, [1]), .decline(segment, [1]),
        .piece(segment, 7, ByteBuffer(repeating: 9, count: PieceID.length)), .choke, .unchoke,
        .peers(
            [[127, 0, 0, 1], Array(repeating: 1, count: 16)].compactMap { Endpoint(address: $0, port: 443) }.map {
                Introduction(peer: PeerID(.zero), endpoint: $0)
            }),
        .ping(1), .pong(.max), .goodbye(.badPiece), .unknown(200),
    ]

    static func encode(_ frame: PeerFrame) -> ByteBuffer {
        var buffer = ByteBuffer()
        frame.encode(into: &buffer)
        return buffer
    }

    @Test(arguments: frames)
    func `reads back as it was written`(frame: PeerFrame) throws {
        #expect(try PeerFrame(parsing: Self.encode(frame)) == frame)
    }

    @Test(arguments: frames)
    func `is never mistaken for the same when cut short`(frame: PeerFrame) {
        let whole = Self.encode(frame)
        for length in 0..<whole.readableBytes {
            guard let part = whole.getSlice(at: 0, length: length) else { continue }
            #expect((try? PeerFrame(parsing: part)) != frame)
        }
    }

    static let hostile: [(String, [UInt8])] = [
        ("nothing", []),
        ("a greeting of another version", [0, 2] + Array(repeating: 0, count: 36)),
        ("a greeting with a byte too many", [0, 1] + Array(repeating: 0, count: 37)),
        ("a rendition beyond the limit", [2, 8] + Array(repeating: 0, count: 8)),
        ("a sequence beyond the limit", [2, 0] + Array(repeating: 255, count: 8)),
        ("have of no pieces", [4, 0] + Array(repeating: 0, count: 8) + [0, 0]),
        ("have of too many pieces", [4, 0] + Array(repeating: 0, count: 8) + [255, 255]),
        ("have with a spare bit set", [4, 0] + Array(repeating: 0, count: 8) + [0, 3, 255]),
        ("want of nothing", [7, 0] + Array(repeating: 0, count: 8)),
        ("want of a piece beyond the limit", [7, 0] + Array(repeating: 0, count: 8) + [7, 208]),
        ("want with half an index", [7, 0] + Array(repeating: 0, count: 8) + [7]),
        ("an empty piece", [10, 0] + Array(repeating: 0, count: 8) + [0, 1]),
        (
            "a piece that is too long",
            [10, 0] + Array(repeating: 0, count: 8) + [0, 1] + Array(repeating: 0, count: 16_385)
        ),
        ("a record that is too long", [1] + Array(repeating: 0, count: 2_000)),
        ("half a leaf hash", [3, 0] + Array(repeating: 0, count: 8) + [1]),
        ("an address of five bytes", [13] + Array(repeating: 0, count: 32) + [5, 1, 2, 3, 4, 5, 0, 1]),
        ("a reason that does not exist", [16, 99]),
        ("a ping with too little", [14, 1]),
        ("a choke with more behind it", [11, 0]),
        ("a frame beyond the limit", Array(repeating: 200, count: Limits.frameLength + 1)),
    ]

    @Test(arguments: hostile)
    func `is refused with`(what: String, bytes: [UInt8]) {
        #expect(throws: WireError.self, "\(what)") { try PeerFrame(parsing: ByteBuffer(bytes: bytes)) }
    }

    @Test func `never traps on bytes by chance`() {
        var random = Randomness(seed: 3)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            bytes[0] %= 18
            guard let frame = try? PeerFrame(parsing: ByteBuffer(bytes: bytes)) else { continue }
            if case .unknown = frame { continue }
            #expect(Array(Self.encode(frame).readableBytesView) == bytes)
        }
    }
}
