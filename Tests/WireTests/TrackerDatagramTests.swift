import NIOCore
import Testing
import Vocabulary
import Wire

@Suite struct `Tracker datagrams` {
    private static func bytes(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        return Array(buffer.readableBytesView)
    }

    private static let announcement = Announcement(
        broadcast: BroadcastID(Word256(1, 2, 3, 4)), peer: PeerID(Word256(5, 6, 7, 8)), event: .joined, port: 4_242,
        rendition: 3, newest: 77, held: 5, freeUpload: 1_000_000, wanted: 20,
        roots: [Root(Word256(9, 9, 9, 9)), Root(Word256(8, 8, 8, 8))])

    private static func welcome(neighbors: Int, addressLength: Int = 4) -> Welcome {
        Welcome(
            interval: 30, viewers: 1_234, newest: 99, lease: Lease(index: 1, count: 3, epoch: 7),
            duty: Stripe.all[3], isUnreachable: true,
            neighbors: (0..<neighbors).compactMap { number in
                Endpoint(address: Array(repeating: UInt8(number + 1), count: addressLength), port: 80).map {
                    Introduction(peer: PeerID(Word256(0, 0, 0, UInt64(number))), endpoint: $0)
                }
            })
    }

    private static let requests: [TrackerRequest] = [
        .connect(transaction: 7), .announce(connection: .max, transaction: 9, announcement),
    ]

    private static let answers: [TrackerAnswer] =
        [
            .connected(transaction: 1, connection: 0x1234_5678_9ABC_DEF0),
            .welcome(transaction: 2, welcome(neighbors: 3)), .refused(transaction: 3, "too many peers"),
        ]
        + [4, 16].flatMap { length in
            welcome(neighbors: 1, addressLength: length).neighbors.map { .call(transaction: 4, $0) }
        }

    @Test(arguments: requests) func `requests come back as they went`(_ request: TrackerRequest) throws {
        let bytes = Self.bytes(request.encode)
        #expect(try TrackerRequest(parsing: ByteBuffer(bytes: bytes)) == request)
        for length in 0..<bytes.count {
            #expect(throws: WireError.self) { try TrackerRequest(parsing: ByteBuffer(bytes: bytes[..<length])) }
        }
        #expect(throws: WireError.trailingBytes) { try TrackerRequest(parsing: ByteBuffer(bytes: bytes + [0])) }
    }

    @Test(arguments: answers) func `answers come back as they went`(_ answer: TrackerAnswer) throws {
        let bytes = Self.bytes(answer.encode)
        #expect(try TrackerAnswer(parsing: ByteBuffer(bytes: bytes)) == answer)
        if case .refused = answer { return }
        for length in 0..<bytes.count {
            #expect(throws: WireError.self) { try TrackerAnswer(parsing: ByteBuffer(bytes: bytes[..<length])) }
        }
    }

    @Test(
        arguments: [
            (40, 5, .outOfRange("address")), (40, 16, .truncated), (46, 0, .outOfRange("endpoint")),
            (3, 0x44, .unknownType(0x44)),
        ] as [(Int, UInt8, WireError)])
    func `a call with a wrong byte at a place that matters is refused`(position: Int, value: UInt8, why: WireError) {
        guard let caller = Self.welcome(neighbors: 1).neighbors.first else { return }
        var bytes = Self.bytes(TrackerAnswer.call(transaction: 2, caller).encode)
        bytes[position] = value
        #expect(throws: why) { try TrackerAnswer(parsing: ByteBuffer(bytes: bytes)) }
        bytes[position] = Self.bytes(TrackerAnswer.call(transaction: 2, caller).encode)[position]
        #expect(throws: WireError.trailingBytes) { try TrackerAnswer(parsing: ByteBuffer(bytes: bytes + [0])) }
    }

    @Test func `what a welcome says with bits that nobody knows is passed over`() throws {
        var bytes = Self.bytes(Self.welcome(neighbors: 2).encode)
        bytes[22] = 0xFF
        #expect(try Welcome(parsing: ByteBuffer(bytes: bytes)) == Self.welcome(neighbors: 2))
        bytes[22] = 0xFE
        #expect(try !Welcome(parsing: ByteBuffer(bytes: bytes)).isUnreachable)
    }

    @Test func `a connect is answered with as many bytes as it has, as BEP 15 lays them out`() {
        let request = Self.bytes(TrackerRequest.connect(transaction: 7).encode)
        #expect(request == [0, 0, 4, 23, 39, 16, 25, 128, 0, 0, 0, 0, 0, 0, 0, 7])
        let answer = Self.bytes(TrackerAnswer.connected(transaction: 7, connection: 1).encode)
        #expect(answer == [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1])
    }

    @Test func `a welcome fits into a datagram however long its neighbors' addresses are`() throws {
        let bytes = Self.bytes(
            TrackerAnswer.welcome(transaction: 1, Self.welcome(neighbors: 30, addressLength: 16)).encode)
        #expect(bytes.count <= Limits.datagramLength)
        guard case .welcome(_, let welcome) = try TrackerAnswer(parsing: ByteBuffer(bytes: bytes)) else {
            Issue.record("no welcome")
            return
        }
        #expect(welcome.neighbors.count >= 26)
    }

    @Test(
        arguments: [
            (16, 1, .unknownType(1)), (81, 3, .outOfRange("event")), (84, 8, .outOfRange("rendition")),
            (85, 0xFF, .outOfRange("sequence")), (111, 17, .tooMany), (111, 1, .trailingBytes),
            (11, 0, .unknownType(0)),
        ] as [(Int, UInt8, WireError)])
    func `an announce with a wrong byte at a place that matters is refused`(
        position: Int, value: UInt8, why: WireError
    ) {
        var bytes = Self.bytes(TrackerRequest.announce(connection: 1, transaction: 2, Self.announcement).encode)
        bytes[position] = value
        #expect(throws: why) { try TrackerRequest(parsing: ByteBuffer(bytes: bytes)) }
    }

    @Test func `an announce says which stripes nobody near can push`() throws {
        for lacking in [StripeSet(), StripeSet(bits: 0b1010_0001), .all] {
            var announcement = Self.announcement
            announcement.lacking = lacking
            let bytes = Self.bytes(announcement.encode)
            #expect(try Announcement(parsing: ByteBuffer(bytes: bytes)).lacking == lacking)
        }
    }

    @Test(
        arguments: [
            (8, 1, .unknownType(1)), (15, 0xFF, .outOfRange("sequence")), (24, 3, .outOfRange("lease")),
            (29, 8, .outOfRange("stripe")), (31, 31, .tooMany), (64, 5, .outOfRange("address")),
        ] as [(Int, UInt8, WireError)])
    func `a welcome with a wrong byte at a place that matters is refused`(
        position: Int, value: UInt8, why: WireError
    ) {
        var bytes = Self.bytes(TrackerAnswer.welcome(transaction: 2, Self.welcome(neighbors: 2)).encode)
        bytes[position] = value
        #expect(throws: why) { try TrackerAnswer(parsing: ByteBuffer(bytes: bytes)) }
    }

    @Test(arguments: Stripe.all) func `a welcome gives a duty`(_ duty: Stripe) throws {
        for lease in [Lease(index: 0, count: 1, epoch: .max), nil] {
            let welcome = Welcome(interval: 5, viewers: 1, newest: 0, lease: lease, duty: duty, neighbors: [])
            let bytes = Self.bytes(welcome.encode)
            #expect(try Welcome(parsing: ByteBuffer(bytes: bytes)) == welcome)
        }
    }

    @Test func `random bytes never trap`() {
        var random = Randomness(seed: 1)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...200, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            if Bool.random(using: &random), bytes.count > 16 {
                bytes.replaceSubrange(8..<12, with: [0x54, 0x52, 0x49, 0x42])
                bytes[16] = 1
            }
            _ = try? TrackerRequest(parsing: ByteBuffer(bytes: bytes))
            _ = try? TrackerAnswer(parsing: ByteBuffer(bytes: bytes.dropFirst(8)))
        }
    }

    @Test func `a listing comes back as it went, and no prefix of it passes`() throws {
        let listing = Listing(
            broadcast: BroadcastID(Word256(1, 2, 3, 4)), time: 5, title: "Néws", status: .streaming,
            targetDuration: 2, hls: "http://127.0.0.1:1/x.m3u8", started: 4, newest: 3, roots: [Root(.zero)])
        let bytes = listing.bencoded
        #expect(try Listing(bencoded: bytes) == listing)
        for length in 0..<bytes.count {
            #expect(throws: WireError.self) { try Listing(bencoded: Array(bytes[..<length])) }
        }
    }
}
