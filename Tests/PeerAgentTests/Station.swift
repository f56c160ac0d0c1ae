import Integrity
import NIOCore
import NIOPosix
import PeerAgent
import PeerCore
import Synchronization
import Testing
import Vocabulary
import WebClient
import WebServer
import Wire

/// A player that takes every listed segment once.
final class Player {
    private let client = WebClient()
    private let hls: String
    private(set) var bytes = 0

    init(_ agent: Agent) async throws { hls = await agent.urls.hls }

    func expect(_ station: Station) async throws {
        let master = try await client.get(hls, limit: 10_000, timeout: .seconds(15))
        #expect(master.status == 200)
        let base = hls.dropLast("master.m3u8".count)
        let index = try await client.get("\(base)0/index.m3u8", limit: 100_000, timeout: .seconds(15))
        let lines = String(decoding: index.body, as: UTF8.self).split(separator: "\n")
        let names = lines.filter { $0.hasSuffix(".ts") }
        #expect(!names.isEmpty)
        for name in names {
            let answer = try await client.get("\(base)0/\(name)", limit: 1 << 20, timeout: .seconds(15))
            let segment = station.segments.first { "\($0.record.segment.sequence).ts" == name }
            #expect(answer.status == 200)
            #expect(answer.body == segment?.bytes)
            bytes += answer.body.count
        }
    }

    func close() { client.shutdown() }
}

/// A small broadcast, over unless said otherwise, with an origin and a tracker in one server.
final class Station: Sendable {
    let segments: [TestSegment]
    let corrupt = Atomic(false)
    /// Answers with records are held back until this is false again.
    let withholdsRecords = Atomic(false)
    /// Requests for segments of this priority are refused for half a minute.
    let refused = Mutex<String?>(nil)
    private let served = Mutex<[Root: Int]>([:])
    private let key = SigningKey()
    /// How many of the segments the origin has cut.
    let cut: Atomic<Int>
    private let isOver: Bool
    let sealed: [[UInt8]]
    private let announced = Mutex<[Introduction]>([])
    private let server = Mutex<Server?>(nil)

    /// Segments of one that goes on play for long: what is kept from a player meanwhile is seen on a slow machine, too.
    init(isOver: Bool = true) {
        var segments: [TestSegment] = []
        for sequence in 1...5 {
            let previous = segments.last.map { SHA256.hash($0.record.bencoded) } ?? .zero
            segments.append(
                TestSegment(
                    UInt64(sequence), length: 100_000 + sequence * 1_000, broadcast: key.broadcast, previous: previous,
                    isLast: isOver && sequence == 5, duration: isOver ? 1_000_000 : 30_000_000))
        }
        let key = key
        self.segments = segments
        self.isOver = isOver
        cut = Atomic(isOver ? 5 : 1)
        sealed = segments.map { Envelope.seal($0.record.bencoded, as: .record, with: key) }
    }

    private var head: [UInt8] {
        Envelope.seal(
            Head(
                broadcast: key.broadcast, time: 1_700_000_000_000, targetDuration: isOver ? 1 : 30, oldest: [1],
                newest: [sealed[cut.load(ordering: .relaxed) - 1]], isClosed: isOver, title: "test <card>"
            ).bencoded, as: .head, with: key)
    }

    var port: Int { server.withLock { $0?.port ?? 0 } }
    var peers: Int { announced.withLock { $0.count } }
    /// Who has announced itself, and where it takes links.
    var introductions: [Introduction] { announced.withLock { $0 } }

    /// Bytes of a segment that have been asked for.
    func served(_ segment: TestSegment) -> Int { served.withLock { $0[segment.record.root] ?? 0 } }

    var options: AgentOptions {
        let url = "http://127.0.0.1:\(port)"
        var options = AgentOptions(
            link: MagnetLink(broadcast: key.broadcast, title: "test", trackers: [url], origins: [url]))
        options.peerHost = "127.0.0.1"
        return options
    }

    func start() async throws {
        let started = try await Server.start(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton) {
            [self] request, loop in
            guard request.path.contains("/records/") else { return loop.makeSucceededFuture(answer(request)) }
            let answered = loop.makePromise(of: Response.self)
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(5)) { [self] task in
                guard !withholdsRecords.load(ordering: .relaxed) else { return }
                answered.succeed(answer(request))
                task.cancel()
            }
            return answered.futureResult
        }
        server.withLock { $0 = started }
    }

    func stop() async { await server.withLock { $0 }?.stop() }

    private func answer(_ request: Request) -> Response {
        if request.path == "/v1/announce" { return announce(request) }
        let path = request.path.dropFirst("/\(key.broadcast)/".count)
        if path == "head" { return bytes(head) }
        if path.hasPrefix("records/0/") {
            let ends = path.dropFirst("records/0/".count).split(separator: "-").compactMap { Int($0) }
            let entries = (ends[0]...ends[1]).filter { (1...cut.load(ordering: .relaxed)).contains($0) }.map {
                RecordsAnswer.Entry(record: sealed[$0 - 1], leaves: segments[$0 - 1].leaves)
            }
            return bytes(RecordsAnswer(entries: entries).encoded)
        }
        guard let segment = segments.first(where: { "segments/\($0.record.root).ts" == path }) else {
            return Response(status: 404)
        }
        if let refused = refused.withLock({ $0 }), request.header("priority") ?? "" == refused {
            return Response(status: 503, headers: [("retry-after", "30")])
        }
        var content = segment.bytes
        if corrupt.load(ordering: .relaxed) { for index in content.indices { content[index] ^= 1 } }
        guard let range = request.header("range"),
            case .partial(let part) = ByteRange.parse(range, length: content.count)
        else {
            served.withLock { $0[segment.record.root, default: 0] += content.count }
            return bytes(content)
        }
        served.withLock { $0[segment.record.root, default: 0] += part.count }
        var response = bytes(Array(content[part]))
        response.status = 206
        response.headers.append(("content-range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(content.count)"))
        return response
    }

    private func announce(_ request: Request) -> Response {
        guard let announcement = try? Announcement(parsing: request.body),
            let endpoint = Endpoint(address: [127, 0, 0, 1], port: announcement.port)
        else { return Response(status: 400) }
        let others = announced.withLock { peers in
            peers.removeAll { $0.peer == announcement.peer }
            defer { peers.append(Introduction(peer: announcement.peer, endpoint: endpoint)) }
            return peers
        }
        var body = ByteBuffer()
        Welcome(
            interval: 10, viewers: others.count + 1, newest: UInt64(cut.load(ordering: .relaxed)), lease: nil,
            duty: Stripe.all[0], neighbors: others
        )
        .encode(into: &body)
        return Response(status: 200, body: .bytes(body))
    }

    private func bytes(_ content: [UInt8]) -> Response {
        Response(status: 200, body: .bytes(ByteBuffer(bytes: content)))
    }
}

func withStation(isOver: Bool = true, _ body: (Station) async throws -> Void) async throws {
    let station = Station(isOver: isOver)
    try await station.start()
    try await body(station)
    await station.stop()
}

func waitUntil(_ condition: () async -> Bool) async throws {
    for _ in 0..<400 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(25))
    }
    Issue.record("it did not come about in 10 s")
}
