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
        .offer([Offer(stripe: Stripe.all[1], depth: 0, children: 2, slots: 9, isRelay: true)]), .offer([]),
        .offer(
            Stripe.all.map { Offer(stripe: $0, depth: Offer.unrooted, children: 0, slots: 255, isRelay: false) }),
        .subscribe(StripeSet(bits: 129)), .subscribe(StripeSet()), .refuse(.all), .fetching(segment, [3]),
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

    /// A frame's type, then segment 0 of rendition 0.
    private static func frame(_ kind: UInt8, _ rest: [UInt8]) -> [UInt8] { [kind] + zeros(9) + rest }

    private static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    static let hostile: [(String, [UInt8], WireError)] = [
        ("nothing", [], .truncated),
        ("a greeting of another version", [0, 1] + zeros(36), .outOfRange("version")),
        ("a greeting with a byte too many", [0, 2] + zeros(37), .trailingBytes),
        ("a greeting that gives by half", [0, 2] + zeros(35) + [2], .notCanonical),
        ("a record that is too long", [1] + zeros(2_000), .oversized(length: 2_000, limit: Limits.recordLength + 64)),
        ("a rendition beyond the limit", [2, 8] + zeros(8), .outOfRange("rendition")),
        ("a sequence beyond the limit", [2, 0] + Array(repeating: 255, count: 8), .outOfRange("sequence")),
        ("half a leaf hash", frame(3, [1]), .truncated),
        (
            "more leaf hashes than pieces", frame(3, zeros(2_001 * 32)),
            .oversized(length: 2_001 * 32, limit: Limits.piecesPerSegment * 32)
        ),
        ("have of no pieces", frame(4, [0, 0]), .outOfRange("pieces")),
        ("have of too many pieces", frame(4, [255, 255]), .outOfRange("pieces")),
        ("have with a spare bit set", frame(4, [0, 3, 255]), .notCanonical),
        ("want of nothing", frame(6, []), .truncated),
        ("want of a piece beyond the limit", frame(6, [7, 208]), .outOfRange("piece")),
        ("want with half an index", frame(6, [7]), .truncated),
        ("an empty piece", frame(9, [0, 1]), .outOfRange("piece")),
        ("a piece that is too long", frame(9, [0, 1] + zeros(16_385)), .outOfRange("piece")),
        ("a choke with more behind it", [10, 0], .trailingBytes),
        ("an offer of a stripe that does not exist", [12, 8, 0, 0, 0], .outOfRange("stripe")),
        ("an offer to relay a stripe that does not exist", [12, 0x88, 0, 0, 0], .outOfRange("stripe")),
        ("an offer of a stripe twice", [12, 1, 0, 0, 4, 0x81, 0, 0, 4], .notCanonical),
        ("offers out of order", [12, 2, 0, 0, 4, 1, 0, 0, 4], .notCanonical),
        ("half an offer", [12, 1, 0], .truncated),
        (
            "more offers than stripes", [12] + (0...8).flatMap { [$0, 0, 0, 0] as [UInt8] },
            .oversized(length: 36, limit: 32)
        ),
        ("a subscription without stripes", [13], .truncated),
        ("a subscription with more behind it", [13, 1, 1], .trailingBytes),
        ("a refusal without stripes", [14], .truncated),
        ("a refusal with more behind it", [14, 255, 0], .trailingBytes),
        ("an address of five bytes", [15] + zeros(32) + [5, 1, 2, 3, 4, 5, 0, 1], .outOfRange("address")),
        ("a ping with too little", [16, 1], .truncated),
        ("a reason that does not exist", [18, 99], .outOfRange("reason")),
        (
            "a frame beyond the limit", Array(repeating: 200, count: Limits.frameLength + 1),
            .oversized(length: Limits.frameLength + 1, limit: Limits.frameLength)
        ),
    ]

    @Test(arguments: hostile)
    func `is refused with`(what: String, bytes: [UInt8], why: WireError) {
        #expect(throws: why, "\(what)") { try PeerFrame(parsing: ByteBuffer(bytes: bytes)) }
    }

    @Test func `never traps on bytes by chance`() {
        var random = Randomness(seed: 3)
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            bytes[0] %= 20
            guard let frame = try? PeerFrame(parsing: ByteBuffer(bytes: bytes)) else { continue }
            if case .unknown = frame { continue }
            #expect(Array(Self.encode(frame).readableBytesView) == bytes)
        }
    }
}
