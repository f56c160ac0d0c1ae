import Foundation
import Integrity
import NIOCore
import NIOPosix
import Stage
import Synchronization
import Testing
import TrackerCore
import TrackerService
import Vocabulary
import WebClient
import Wire

@Suite(.timeLimit(.minutes(3))) struct `A tracker's directory` {
    private func running(
        _ options: TrackerOptions = TrackerOptions(), _ body: (Speaker, String) async throws -> Void
    ) async throws {
        let server = try await TrackerServer.start(options)
        let url = "http://127.0.0.1:\(server.httpPort)"
        let speaker = Speaker(url)
        let result: Swift.Result<Void, any Error>
        do { result = .success(try await body(speaker, url)) } catch { result = .failure(error) }
        await speaker.client.shutdownAndWait()
        await server.stop()
        try result.get()
    }

    @Test func `answers as its description says, and takes nothing that it does not describe`() async throws {
        let description = try APIDescription()
        var options = TrackerOptions()
        options.requestsPerSecond = 0
        try await running(options) { speaker, url in
            let client = speaker.client
            var seen: Set<String> = []
            func check(
                _ operation: String, _ target: String, post body: [UInt8]? = nil, _ status: Int
            ) async throws {
                seen.insert(operation)
                let answer = try await client.answer(
                    to: WebRequest(
                        url + target, method: body.map { .post($0) } ?? .get, limit: 1 << 20, timeout: .seconds(10)))
                #expect(answer.head.status == status, "\(operation) \(target)")
                let type = answer.head.header("content-type")
                let faults = description.faults(
                    of: operation, status: answer.head.status, type: type, body: answer.body)
                #expect(faults.isEmpty, "\(target)")
            }
            let id = "\(speaker.key.broadcast)"
            let post = "post /v1/broadcasts/{id}"
            try await check("get /v1/broadcasts/{id}", "/v1/broadcasts/\(id)", 404)
            try await check(post, "/v1/broadcasts/\(id)", post: speaker.sealed("빈 \"제목\"\u{7e}"), 204)
            let old = speaker.sealed("Old")
            let full = speaker.sealed("Full", status: .closed) { listing in
                listing.details.description = "Whatever\u{e9}"
                listing.details.tags = ["a", "b c", "교통"]
                listing.details.language = "pt-BR"
                listing.details.thumbnail = "https://example.org/still.jpg"
                listing.renditions = [
                    .init(width: 1_280, height: 720, bandwidth: 3_000_000), .init(width: 0, height: 0, bandwidth: 1),
                ]
            }
            try await check(post, "/v1/broadcasts/\(id)", post: full, 204)
            try await check(post, "/v1/broadcasts/\(id)", post: full, 409)
            try await check(post, "/v1/broadcasts/\(id)", post: old, 409)
            try await check(post, "/v1/broadcasts/\(SigningKey().broadcast)", post: full, 403)
            try await check(post, "/v1/broadcasts/\(id)", post: [1, 2], 403)
            try await check(
                post, "/v1/broadcasts/\(id)", post: Envelope.seal([100, 101], as: .listing, with: speaker.key), 400)
            try await check(post, "/v1/broadcasts/xyz", post: full, 400)
            try await check("get /v1/broadcasts/{id}", "/v1/broadcasts/\(id)", 200)
            try await check("get /v1/broadcasts/{id}", "/v1/broadcasts/xyz", 400)
            let list = "get /v1/broadcasts"
            for other in 0..<5 {
                let more = Speaker(url)
                #expect(try await more.register("Number \(other)").status == 204)
                await more.client.shutdownAndWait()
            }
            for target in ["", "?query=full", "?status=closed&sort=title&limit=2", "?sort=started&limit=1", "?query="] {
                try await check(list, "/v1/broadcasts" + target, 200)
            }
            for target in [
                "?status=strange", "?sort=strange", "?limit=0", "?limit=1001", "?limit=x", "?cursor=00", "?querry=a",
                "?query=1+2+3+4+5+6+7+8+9", "?query=" + String(repeating: "a", count: 257),
            ] { try await check(list, "/v1/broadcasts" + target, 400) }
            try await check("get /v1/who-has/{root}", "/v1/who-has/\(id)", 200)
            try await check("get /v1/who-has/{root}", "/v1/who-has/1", 400)
            var announce = ByteBuffer()
            Announcement(broadcast: speaker.key.broadcast, peer: PeerID(.zero), port: 1).encode(into: &announce)
            try await check("post /v1/announce", "/v1/announce", post: Array(announce.readableBytesView), 200)
            try await check("post /v1/announce", "/v1/announce", post: [9], 400)
            try await check("get /v1/address", "/v1/address", 200)
            try await check("get /v1/events", "/v1/events?after=x", 400)
            for target in ["/healthz", "/readyz", "/metrics"] { try await check("get \(target)", target, 200) }
            #expect(seen == description.operations)
            #expect(description.parameters(of: list) == ["query", "status", "sort", "cursor", "limit"])
        }
    }

    @Test func `pages through everything, with the live count of viewers`() async throws {
        var options = TrackerOptions()
        options.requestsPerSecond = 0
        try await running(options) { speaker, url in
            for number in 0..<7 {
                let other = Speaker(url)
                #expect(try await other.register("Number \(number)").status == 204)
                await other.client.shutdownAndWait()
            }
            #expect(try await speaker.register("Watched").status == 204)
            for number: UInt64 in 1...3 { #expect(try await speaker.announce(number).status == 200) }
            func page(_ target: String) async throws -> JSON {
                let answer = try await speaker.client.get(url + "/v1/broadcasts" + target, limit: 1 << 20)
                return try #require(JSON(parsing: answer.body))
            }
            #expect(try await page("/\(speaker.key.broadcast)").count("viewers") == 3)
            try await wait(for: "the viewers in the list", within: .seconds(30)) {
                (try? await page("?limit=1"))?["broadcasts"]?.items?.first?.count("viewers") == 3
            }
            var titles: [String] = []
            var cursor: String? = ""
            while let next = cursor {
                let found = try await page("?limit=3&cursor=\(next)")
                titles += (found["broadcasts"]?.items ?? []).compactMap { $0["title"]?.text }
                cursor = found["next"]?.text
            }
            #expect(titles.first == "Watched" && titles.count == 8 && Set(titles).count == 8)
        }
    }

    @Test func `tells followers what changes, and what they missed when they come back`() async throws {
        var options = TrackerOptions()
        options.requestsPerSecond = 0
        try await running(options) { speaker, url in
            let stream = try EventStream(url, speaker.client)
            try await wait(for: "the stream's beginning", within: .seconds(30)) {
                stream.events.first?.kind == "following"
            }
            #expect(try await speaker.register("하나").status == 204)
            #expect(try await speaker.register("하나").status == 204)
            #expect(try await speaker.register("둘").status == 204)
            try await wait(for: "two events", within: .seconds(30)) { stream.events.count >= 3 }
            #expect(stream.events.dropFirst().map(\.kind) == ["listed", "changed"])
            #expect(stream.events.last?.data["title"]?.text == "둘")
            let last = try #require(stream.events.last?.id)
            stream.end()
            #expect(try await speaker.register("둘", status: .closed).status == 204)
            let back = try EventStream(url, speaker.client, after: last)
            try await wait(for: "what was missed", within: .seconds(30)) { !back.events.isEmpty }
            #expect(back.events.map(\.kind) == ["closed"])
            back.end()
            let stranger = try EventStream(url, speaker.client, after: "999999")
            try await wait(for: "a reset", within: .seconds(30)) { stranger.events.first?.kind == "reset" }
            stranger.end()
        }
    }

    @Test func `lets one address follow it so many times and no more`() async throws {
        var options = TrackerOptions()
        options.requestsPerSecond = 0
        try await running(options) { speaker, url in
            let streams = try (0..<Limits.followersPerAddress).map { _ in try EventStream(url, speaker.client) }
            try await wait(for: "everybody to follow", within: .seconds(30)) {
                streams.allSatisfy { $0.events.first?.kind == "following" }
            }
            #expect(try await speaker.client.get(url + "/v1/events", limit: 999).status == 503)
            for stream in streams { stream.end() }
        }
    }

    @Test func `tells who comes back that a broadcast which is denied now is gone`() async throws {
        let file = NSTemporaryDirectory() + "/tributary-denied-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data().write(to: URL(fileURLWithPath: file))
        var options = TrackerOptions()
        options.deny = file
        options.requestsPerSecond = 0
        try await running(options) { speaker, url in
            let answer = try await speaker.register(status: .closed)
            #expect(answer.status == 204)
            try Data("\(speaker.key.broadcast)\n".utf8).write(to: URL(fileURLWithPath: file))
            try await wait(for: "the list to be read again", within: .seconds(30)) {
                let answer = try? await speaker.client.get(
                    "\(url)/v1/broadcasts/\(speaker.key.broadcast)", limit: 9_999)
                return answer?.status == 404
            }
            let stream = try EventStream(url, speaker.client, after: "0")
            try await wait(for: "the news", within: .seconds(30)) { !stream.events.isEmpty }
            #expect(stream.events.map(\.kind) == ["gone"])
            stream.end()
        }
    }

    @Test func `asks an address that wants too much to wait`() async throws {
        var options = TrackerOptions()
        options.requestsPerSecond = 1
        options.announcesPerSecond = 1
        try await running(options) { speaker, url in
            var refused = 0
            for _ in 0..<30 {
                if try await speaker.client.get(url + "/v1/broadcasts", limit: 1 << 20).status == 429 { refused += 1 }
            }
            #expect(refused > 0)
            var statuses: [Int] = []
            for number: UInt64 in 1...30 { statuses.append(try await speaker.announce(number).status) }
            #expect(statuses.first == 200 && statuses.contains(503))
        }
    }
}

/// A client of Server-Sent Events.
private final class EventStream: Sendable {
    struct Event: Sendable {
        var id = ""
        var kind = ""
        var data = JSON.null
    }

    private let text = Mutex("")
    private let task = Mutex<WebTask?>(nil)

    init(_ url: String, _ client: WebClient, after last: String? = nil) throws {
        let started = client.start(
            WebRequest(
                url + "/v1/events", headers: last.map { [("last-event-id", $0)] } ?? [], limit: 1 << 20,
                timeout: .seconds(120)),
            on: MultiThreadedEventLoopGroup.singleton.any(),
            onBytes: { bytes in self.text.withLock { $0 += String(buffer: bytes) } }, onEnd: { _ in })
        task.withLock { $0 = started }
    }

    var events: [Event] {
        text.withLock { $0 }.components(separatedBy: "\n\n").dropLast().compactMap { block in
            var event = Event()
            for line in block.split(separator: "\n") {
                let pair = line.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
                guard pair.count == 2 else { continue }
                switch pair[0] {
                case "id": event.id = String(pair[1])
                case "event": event.kind = String(pair[1])
                case "data": event.data = JSON(parsing: Array(pair[1].utf8)) ?? .null
                default: continue
                }
            }
            return event.kind.isEmpty ? nil : event
        }
    }

    func end() { task.withLock { $0 }?.cancel() }
}
