import NIOCore
import OriginIngest
import Scenarios
import Vocabulary
import Wire

extension Parser {
    /// One valid input of each kind, from which the fuzzer starts: what has structure is hard to find by chance.
    var seeds: [[UInt8]] {
        switch name {
        case "peer-frame": Self.frames.map { frame in Self.bytes(frame.encode) }
        case "tracker-request":
            [
                TrackerRequest.connect(transaction: 1),
                .announce(
                    connection: 1, transaction: 2,
                    Announcement(
                        broadcast: BroadcastID(.zero), peer: PeerID(.zero), port: 1, lacking: StripeSet(bits: 5),
                        roots: [Root(.zero)])),
            ].map { request in Self.bytes(request.encode) }
        case "swarm-request":
            [
                [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80] + [UInt8](repeating: 0, count: 8),
                [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 86) + [2, 2, 47, 97, 1, 0],
                [UInt8](repeating: 0, count: 11) + [2] + [UInt8](repeating: 0, count: 44),
            ]
        case "swarm-query":
            ["", "&left=0&event=started&numwant=-1&compact=1&ip=1.2.3.4"].map { more in
                Array(("info_hash=%01" + String(repeating: "a", count: 19) + "&port=6881" + more).utf8)
            }
        case "socket-message":
            [
                "", ",\"offers\":[{\"offer_id\":\"o\",\"offer\":{\"type\":\"o\",\"sdp\":\"s\"}}]",
                ",\"answer\":{\"type\":\"a\",\"sdp\":\"s\"},\"offer_id\":\"o\",\"to_peer_id\":\"bbbbbbbbbbbbbbbbbbbb\"",
            ].map { more in
                let word = String(repeating: "a", count: 20)
                return Array(
                    "{\"action\":\"announce\",\"info_hash\":\"\(word)\",\"peer_id\":\"\(word)\",\"left\":0\(more)}".utf8
                )
            } + [Array("{\"action\":\"scrape\",\"info_hash\":[]}".utf8)]
        case "plain-request":
            ["", "Connection: keep-alive\r\nAccept-Encoding: identity\r\n", "Content-Length: 0\r\n"].map {
                Array("GET /announce?a=b HTTP/1.1\r\nHost: h\r\n\($0)\r\n".utf8)
            }
        case "annex-b": [[0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0, 0, 3, 1, 0, 0, 0, 1, 0x41, 0x9a, 0x80, 0]]
        case "latm":
            // As ffmpeg writes them, with how they are to be read and without.
            [
                [0x56, 0xe0, 12, 0x20, 0, 0x11, 0x88, 0x1f, 0xe0, 0xc, 0, 0x64, 0, 0x40, 0x10],
                [0x56, 0xe0, 8, 0x82, 0x80, 0x64, 0, 0x40, 0x10, 0x40, 0x70],
            ]
        case "cursor": ["l7:viewersi5e0:i7ee", "l5:titlei0e3:filmi7ee"].map { Array($0.utf8) }
        case "tracker-answer":
            [
                TrackerAnswer.connected(transaction: 1, connection: 2),
                .welcome(
                    transaction: 2,
                    Welcome(
                        interval: 5, viewers: 2, newest: 1, lease: Lease(index: 0, count: 2, epoch: 1),
                        duty: Stripe.all[3], neighbors: Self.introductions)),
                .refused(transaction: 3, "no"), .call(transaction: 4, Self.introductions[0]),
                .call(transaction: 5, Self.introductions[1]),
            ].map { answer in Self.bytes(answer.encode) }
        case "playlist":
            [
                "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY\n"
                    + "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T10:00:00.000Z\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2.0,\n7.m4s\n",
                "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"b\"\n"
                    + "#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS=\"mp4a.40.2\",AUDIO=\"a\"\nx.m3u8\n",
            ].map { Array($0.utf8) }
        case "amf": [Self.bytes { buffer in for value in Self.connect { value.encode(into: &buffer) } }]
        case "rtmp":
            [
                Self.bytes { buffer in
                    for message in Self.session { ChunkWriter.write(message, into: &buffer) }
                }
            ]
        case "scenario": Catalog.files.map { Array($0.text.utf8) }
        default: []
        }
    }

    private static let connect: [AMF] = [
        .string("connect"), .number(1),
        .object([.init("app", .string("live")), .init("fpad", .boolean(false)), .init("list", .array([.null]))]),
    ]

    private static let session: [Message] = [
        .control(Message.Kind.chunkSize, 4_096), .control(Message.Kind.window, 2_500_000),
        .command(connect[0], connect[1], connect[2]), .command(.string("createStream"), .number(2), .null),
        .command(stream: 1, .string("publish"), .number(3), .null, .string("key"), .string("live")),
        Message(kind: Message.Kind.video, stream: 1, timestamp: 5, payload: ByteBuffer(bytes: [0x17, 0, 0, 0, 0])),
        Message(kind: Message.Kind.audio, stream: 1, timestamp: 1 << 25, payload: ByteBuffer(bytes: [0xaf, 0])),
        .event(6, 9), .command(.string("deleteStream"), .number(4), .null, .number(1)),
    ]

    private static let introductions = [[127, 0, 0, 1], [UInt8](repeating: 1, count: 16)].compactMap { address in
        Endpoint(address: address, port: 443).map { Introduction(peer: PeerID(.zero), endpoint: $0) }
    }

    private static let frames: [PeerFrame] = {
        let segment = SegmentID(rendition: 1, sequence: 99)
        return [
            .hello(Greeting(broadcast: BroadcastID(.zero), port: 5, rendition: 1, uploads: true)), .record([1, 2, 3]),
            .leavesWanted(segment), .leaves(segment, [.zero, .zero]), .have(segment, PieceSet(count: 70, [0, 63, 69])),
            .fetching(segment, [3]), .want(segment, [1, 2, 3]), .cancel(segment, [1]), .decline(segment, [1]),
            .piece(segment, 7, ByteBuffer(bytes: [1, 2, 3])), .choke, .unchoke,
            .offer(Stripe.all.map { Offer(stripe: $0, depth: 2, children: 1, slots: 8, isRelay: $0.number == 0) }),
            .subscribe(StripeSet(bits: 129)), .refuse(.all), .peers(introductions), .ping(1), .pong(2),
            .goodbye(.badPiece),
        ]
    }()

    private static func bytes(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        return Array(buffer.readableBytesView)
    }
}
