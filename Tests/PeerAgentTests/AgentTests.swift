import NIOCore
import PeerAgent
import PeerCore
import Synchronization
import Testing
import Vocabulary
import WebClient

@Suite(.timeLimit(.minutes(1))) struct `An agent` {
    @Test func `serves the player what the origin cut, from the origin alone`() async throws {
        try await withStation { station in
            let agent = try await Agent.start(station.options)
            let player = try await Player(agent)
            try await player.expect(station)
            let report = await agent.report()
            #expect(report.tally.bytesFromOrigin > 0)
            #expect(report.bytesToPlayer == player.bytes)
            #expect(report.piecesRefused == 0)
            player.close()
            await agent.stop()
        }
    }

    @Test func `keeps the end of the only segment from the player until there are more`() async throws {
        try await withStation(isOver: false) { station in
            let agent = try await Agent.start(station.options)
            let url = await agent.urls.hls.replacing("master.m3u8", with: "0/1.ts")
            let client = WebClient()
            async let answer = client.get(url, limit: 1 << 20, timeout: .seconds(15))
            let first = station.segments[0]
            let rest = first.bytes.count % PieceID.length
            try await waitUntil { await agent.report().bytesToPlayer == first.bytes.count - rest }
            #expect(rest > 0)
            station.cut.store(5, ordering: .relaxed)
            let (status, body) = try await (answer.status, answer.body)
            #expect(status == 200)
            #expect(body == first.bytes)
            client.shutdown()
            await agent.stop()
        }
    }

    @Test func `takes most from a neighbor that has it already`() async throws {
        try await withStation { station in
            let first = try await Agent.start(station.options)
            let early = try await Player(first)
            try await early.expect(station)
            // The first is at the tracker before the second asks there.
            try await waitUntil { station.peers > 0 }
            let second = try await Agent.start(station.options)
            let late = try await Player(second)
            try await late.expect(station)
            try await waitUntil { await second.report().neighbors.count == 1 }
            let report = await second.report()
            #expect(report.piecesRefused == 0)
            #expect(report.tally.bytesFromPeers > report.tally.bytesFromOrigin)
            early.close()
            late.close()
            await second.stop()
            await first.stop()
        }
    }

    @Test func `bans a neighbor at its first bad piece and plays on`() async throws {
        try await withStation { station in
            var hostile = station.options
            hostile.alterServedPiece = { _, content in
                var altered = content
                let byte: UInt8 = altered.getInteger(at: altered.readerIndex) ?? 0
                altered.setInteger(byte ^ 1, at: altered.readerIndex)
                return altered
            }
            let polluter = try await Agent.start(hostile)
            let early = try await Player(polluter)
            try await early.expect(station)
            try await waitUntil { station.peers > 0 }
            let victim = try await Agent.start(station.options)
            let player = try await Player(victim)
            try await player.expect(station)
            let report = await victim.report()
            #expect(report.piecesRefused <= 1)
            #expect(report.tally.bytesFromPeers == 0)
            early.close()
            player.close()
            await victim.stop()
            await polluter.stop()
        }
    }

    @Test func `refuses what an origin serves that its signatures do not cover`() async throws {
        try await withStation { station in
            station.corrupt.store(true, ordering: .relaxed)
            let agent = try await Agent.start(station.options)
            try await waitUntil { await agent.report().piecesRefused > 0 }
            #expect(await agent.report().tally.bytesFromOrigin == 0)
            station.corrupt.store(false, ordering: .relaxed)
            let player = try await Player(agent)
            try await player.expect(station)
            player.close()
            await agent.stop()
        }
    }

    @Test func `says which place it cannot listen on`() async throws {
        try await withStation { station in
            var options = station.options
            options.listenPort = station.port
            await #expect(throws: ListenFailure.self) { try await Agent.start(options) }
            options.listenPort = 0
            options.peerHost = "127.0.0.1"
            options.peerPort = station.port
            await #expect(throws: ListenFailure.self) { try await Agent.start(options) }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct `The local server` {
    @Test func `answers this machine's names alone`() async throws {
        try await withStation { station in
            let agent = try await Agent.start(station.options)
            let base = try Base(await agent.urls.status)
            let client = WebClient()
            let port = base.port
            let table: [(host: String, status: Int)] = [
                ("127.0.0.1:\(port)", 200), ("localhost:\(port)", 200), ("[::1]:\(port)", 200),
                ("LOCALHOST:\(port)", 200), ("127.0.0.1", 421), ("localhost", 421), ("evil.example:\(port)", 421),
                ("evil.example", 421), ("127.0.0.1:\(port).evil.example", 421), ("127.0.0.1.evil.example:\(port)", 421),
                ("localhost.:\(port)", 421), ("127.1:\(port)", 421), ("2130706433:\(port)", 421),
                ("0x7f000001:\(port)", 421), ("0.0.0.0:\(port)", 421), ("127.0.0.1:1", 421), ("[::]:\(port)", 421),
                ("[::ffff:127.0.0.1]:\(port)", 421), ("127.0.0.2:\(port)", 421), ("user@127.0.0.1:\(port)", 421),
            ]
            for row in table {
                let answer = try await client.answer(
                    to: WebRequest(
                        base.token + "/status", headers: [("host", row.host)], limit: 1 << 20, timeout: .seconds(5)))
                #expect(answer.head.status == row.status, "\(row.host)")
                if row.status == 421 { #expect(answer.body.isEmpty) }
            }
            client.shutdown()
            await agent.stop()
        }
    }

    @Test func `shows nothing without the token, and nothing to other sites`() async throws {
        try await withStation { station in
            let agent = try await Agent.start(station.options)
            let base = try Base(await agent.urls.status)
            let client = WebClient()
            var bodies: Set<[UInt8]> = []
            let wrong = base.root + "/" + String(repeating: "0", count: 32)
            let paths = [
                base.root + "/", wrong, wrong + "/status", wrong + "/master.m3u8", base.root + "/status",
                base.token + "/../status", base.token + "/0/01.ts", base.token + "/0/-1.ts",
                base.token + "/9/index.m3u8",
                base.token + "/0/%2e%2e/status", base.token + "/0/99999999999999999999.ts", base.token + "/",
            ]
            for path in paths {
                let answer = try await client.get(path, limit: 1 << 20)
                #expect(answer.status == 404 || answer.status == 400, "\(path)")
                if answer.status == 404 { bodies.insert(answer.body) }
            }
            #expect(bodies.count == 1)
            let fields: [(String, String)] = [
                ("sec-fetch-site", "cross-site"), ("origin", "http://evil.example"), ("origin", "null"),
            ]
            for field in fields {
                let answer = try await client.get(base.token + "/status", headers: [field], limit: 1 << 20)
                #expect(answer.status == 403, "\(field)")
            }
            #expect(try await client.post(base.token + "/status", body: [], limit: 1_000).status == 405)
            let page = try await client.answer(
                to: WebRequest(base.token + "/status", limit: 1 << 20, timeout: .seconds(5)))
            #expect(page.head.status == 200)
            #expect(page.head.header("x-content-type-options") == "nosniff")
            #expect(page.head.header("x-frame-options") == "DENY")
            #expect(page.head.header("cross-origin-resource-policy") == "same-origin")
            #expect(page.head.header("access-control-allow-origin") == nil)
            client.shutdown()
            await agent.stop()
        }
    }

    @Test func `lets in the one site that was allowed`() async throws {
        try await withStation { station in
            var options = station.options
            options.allowedOrigin = "http://good.example"
            let agent = try await Agent.start(options)
            let base = try Base(await agent.urls.status)
            let client = WebClient()
            let good = try await client.answer(
                to: WebRequest(
                    base.token + "/status.json",
                    headers: [("origin", "http://good.example"), ("sec-fetch-site", "cross-site")], limit: 1 << 20,
                    timeout: .seconds(5)))
            #expect(good.head.status == 200)
            #expect(good.head.header("access-control-allow-origin") == "http://good.example")
            let bad = try await client.get(
                base.token + "/status.json", headers: [("origin", "http://evil.example")], limit: 1 << 20)
            #expect(bad.status == 403)
            client.shutdown()
            await agent.stop()
        }
    }

    @Test func `serves ranges of a segment`() async throws {
        try await withStation { station in
            let agent = try await Agent.start(station.options)
            let base = try Base(await agent.urls.status)
            let client = WebClient()
            let segment = try #require(station.segments.last)
            let url = base.token + "/0/\(segment.record.segment.sequence).ts"
            for range in [0..<1, 16_383..<16_385, 20_000..<50_000, segment.bytes.count - 1..<segment.bytes.count] {
                let answer = try await client.answer(
                    to: WebRequest(url, range: range, limit: range.count, timeout: .seconds(10)))
                #expect(answer.head.isExactly(range))
                #expect(answer.body == Array(segment.bytes[range]))
            }
            let beyond = try await client.get(url, range: segment.bytes.count..<segment.bytes.count + 1, limit: 100)
            #expect(beyond.status == 416)
            client.shutdown()
            await agent.stop()
        }
    }
}

@Suite struct `A programme` {
    @Test func `keeps its numbers, counts what leaves and never goes back`() throws {
        var programme = Programme()
        let segments = (1...8).map {
            TestSegment(UInt64($0), length: 1_000, isDiscontinuity: $0 == 3 || $0 == 5).record
        }
        programme.update(Array(segments[1...4]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.mediaSequence == 2)
        programme.update([], targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.segments.count == 4)
        programme.update(Array(segments[3...6]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.mediaSequence == 4)
        #expect(programme.playlist?.discontinuitySequence == 1)
        programme.update(Array(segments[0...6]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.mediaSequence == 4)
        #expect(programme.playlist?.isEnded == false)
        programme.update(Array(segments[4...7]), targetDuration: 1, end: 8, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.isEnded == true)
    }

    @Test func `waits for a late record, and then gives it up as a gap`() {
        var programme = Programme()
        let segments = [1, 2, 4, 5].map { TestSegment(UInt64($0), length: 1_000).record }
        programme.update(segments, targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.segments.count == 2)
        programme.update(segments, targetDuration: 1, end: nil, at: .uptimeNanoseconds(5_000_000_000))
        #expect(programme.playlist?.segments.map(\.isMissing) == [false, false, true, false, false])
    }

    @Test func `of a rendition that is followed later counts discontinuities as the first one does`() {
        let segments = (1...9).map {
            TestSegment(UInt64($0), length: 1_000, isDiscontinuity: [2, 4, 6].contains($0)).record
        }
        var shared = Programme()
        shared.update(Array(segments[0...4]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        shared.update(Array(segments[2...6]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(shared.playlist?.discontinuitySequence == 1)
        var other = Programme()
        other.update(
            Array(segments[4...6]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0), inStepWith: shared)
        #expect(other.playlist?.discontinuitySequence == 2)
        shared.update(Array(segments[6...8]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        other.update(
            Array(segments[6...8]), targetDuration: 1, end: nil, at: .uptimeNanoseconds(0), inStepWith: shared)
        #expect(shared.playlist?.discontinuitySequence == 3)
        #expect(other.playlist?.discontinuitySequence == 3)
    }

    @Test func `begins anew behind a hole that is too wide`() {
        var programme = Programme()
        let segments = [1, 2, 40, 41].map { TestSegment(UInt64($0), length: 1_000).record }
        programme.update(segments, targetDuration: 1, end: nil, at: .uptimeNanoseconds(0))
        #expect(programme.playlist?.segments.count == 2)
        programme.update(segments, targetDuration: 1, end: nil, at: .uptimeNanoseconds(5_000_000_000))
        #expect(programme.playlist?.mediaSequence == 40)
        #expect(programme.playlist?.segments.count == 2)
    }
}

/// The token's URL taken apart.
private struct Base {
    let root: String
    let token: String
    let port: Int

    init(_ status: String) throws {
        token = String(status.dropLast("/status".count))
        root = String(token.prefix(token.count - 33))
        port = try #require(Int(root.split(separator: ":").last ?? ""))
    }
}
