import Glibc
import Integrity
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Vocabulary
import Wire

@testable import OriginMedia
@testable import OriginService

@Suite(.timeLimit(.minutes(1))) struct `An origin's HTTP surface` {
    private func serving(
        _ count: Int = 4, patience: TimeAmount = .seconds(5), isChecked: Bool = true,
        _ body: (Publication, Counter) async throws -> Void
    ) async throws {
        let desk = try Desk()
        let publication = try desk.publication()
        publication.describe(Publication.description)
        publication.publish(0..<count)
        let counter = try await Counter(publication, patience: patience)
        do {
            try await body(publication, counter)
            if isChecked, publication.masterPlaylist != nil {
                let found = await counter.findings()
                #expect(found.isEmpty, "\(found)")
            }
            await counter.close()
        } catch {
            await counter.close()
            throw error
        }
        withExtendedLifetime(desk) {}
    }

    @Test func `takes no bodies, because thousands of halves would fill its memory`() async throws {
        try await serving { _, counter in
            for (length, status) in [("1", 413), ("0", 200)] {
                let answer = try await counter.ask("0/index.m3u8", headers: [("content-length", length)])
                #expect(answer.status == status)
            }
        }
    }

    @Test func `gives the newest playlist, compressed or not, to who has asked before`() async throws {
        try await serving { publication, counter in
            for path in ["0/index.m3u8", "master.m3u8"] {
                for headers in [[], [("accept-encoding", "gzip")], [("accept-encoding", "gzip;q=0")]] {
                    let slow = try await counter.ask(path, headers: headers)
                    let quick = try await counter.ask(path, headers: headers, isPlain: true)
                    var same = slow.headers
                    same["connection"] = nil
                    #expect(slow.status == 200 && quick.status == 200 && quick.body == slow.body, "\(path)")
                    #expect(quick.headers == same)
                }
            }
            publication.publish(4..<5)
            let root = try publication.newest().record.root
            #expect(try await counter.ask("0/index.m3u8", isPlain: true).text.contains("\(root)"))
            #expect(try await counter.ask("0/index.m3u8", isPlain: true).text.contains("\(root)"))
            #expect(try await counter.ask("/metrics").text.contains("requests_total{kind=\"playlist\"} 8"))
        }
    }

    @Test(arguments: [false, true]) func `serves segments by content, for good`(isPlain: Bool) async throws {
        try await serving { publication, counter in
            let root = try publication.newest().record.root
            let answer = try await counter.ask("segments/\(root).ts", isPlain: isPlain)
            #expect(answer.status == 200)
            #expect(answer.body == cutSegment(3).bytes)
            #expect(answer.headers["content-type"] == "video/mp2t")
            #expect(answer.headers["cache-control"] == "public, max-age=31536000, immutable")
            #expect(answer.headers["etag"] == "\"\(root)\"")
            #expect(answer.headers["accept-ranges"] == "bytes")
            #expect(answer.headers["access-control-allow-origin"] == "*")
            #expect(answer.headers["access-control-expose-headers"]?.contains("Content-Range") == true)
        }
    }

    @Test
    func `has patient requests wait while much is under way, and refuses those that have waited long enough`()
        async throws
    {
        try await serving(isChecked: false) { publication, counter in
            publication.publish(cutSegment(4, length: 2_000_000))
            let path = "segments/\(try publication.newest().record.root).ts"
            let (urgent, patient) = ([("priority", "u=1"), ("range", "bytes=0-99")], ("priority", "i, u=5"))
            func delayed() async throws -> Int? {
                let lines = try await counter.ask("/metrics").text.split(separator: "\n")
                return lines.first { $0.hasPrefix("tributary_origin_delayed_answers_total ") }
                    .flatMap { Int($0.split(separator: " ")[1]) }
            }
            #expect(try await counter.ask(path, headers: urgent).status == 206)
            // Neither reads what it has asked for.
            let injector = try await counter.begin(path, headers: [urgent[0]])
            let reader = try await counter.begin(path, headers: [patient])
            #expect(try await delayed() == 0)

            let began = ContinuousClock.now
            let refused = try await counter.ask(path, headers: [patient])
            #expect(refused.status == 503)
            #expect(refused.headers["retry-after"] == "1")
            #expect(ContinuousClock.now - began > .milliseconds(1_900))
            #expect(try await delayed() == 1)
            // Nobody else has to.
            #expect(try await counter.ask(path, headers: urgent).status == 206)
            #expect(try await counter.ask(path).status == 200)
            #expect(try await delayed() == 1)

            close(reader)
            close(injector)
            var waited = 1
            for _ in 0..<100 where waited > 0 {
                let before = try await delayed() ?? 0
                #expect(try await counter.ask(path, headers: [patient]).status == 200)
                waited = try await (delayed() ?? 0) - before
            }
            #expect(waited == 0)
        }
    }

    @Test(arguments: ["m4s", "mp4", "t", "tss", ""]) func `knows a segment by its whole name only`(
        kind: String
    ) async throws {
        try await serving { publication, counter in
            let root = try publication.newest().record.root
            for place in ["segments", "Segments", "segments/"] where place != "segments" || kind != "ts" {
                #expect(try await counter.ask("\(place)/\(root).\(kind)", isPlain: true).status == 404, "\(place)")
            }
            let other = try Desk().publication().broadcast
            #expect(try await counter.ask("/\(other)/segments/\(root).ts", isPlain: true).status == 404)
            let metrics = try await counter.ask("/metrics").text
            #expect(!metrics.contains("kind=\"segment\""))
        }
    }

    @Test(arguments: [
        ("bytes=0-9", 206, 0..<10), ("bytes=39990-", 206, 39_990..<40_000), ("bytes=-10", 206, 39_990..<40_000),
        ("bytes=39999-99999999999999999999", 206, 39_999..<40_000), ("bytes=-99999999999999999999", 206, 0..<40_000),
        ("bytes=0-18446744073709551615", 206, 0..<40_000), ("bytes=40000-", 416, 0..<0), ("bytes=-0", 416, 0..<0),
        ("bytes=9223372036854775807-9223372036854775807", 416, 0..<0), ("bytes=9-1", 200, 0..<40_000),
        ("bytes=0-1,5-6", 200, 0..<40_000), ("bytes=a-b", 200, 0..<40_000), ("pieces=0-1", 200, 0..<40_000),
        ("bytes=", 200, 0..<40_000), ("bytes=--5", 200, 0..<40_000),
    ])
    func `answers ranges, hostile ones too`(range: String, status: Int, bytes: Range<Int>) async throws {
        try await serving(1) { publication, counter in
            let root = try publication.newest().record.root
            let answer = try await counter.ask("segments/\(root).ts", headers: [("range", range)], isPlain: true)
            #expect(answer.status == status)
            if status == 416 {
                #expect(answer.headers["content-range"] == "bytes */40000")
            } else {
                #expect(answer.body == Array(cutSegment(0).bytes[bytes]))
            }
            if status == 206 {
                #expect(
                    answer.headers["content-range"] == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/40000")
            }
        }
    }

    @Test func `sends nothing that the asker has already`() async throws {
        try await serving(1) { publication, counter in
            let root = try publication.newest().record.root
            for (field, status) in [
                ("\"\(root)\"", 304), ("\"x\", \"\(root)\"", 304), ("*", 304), ("W/\"\(root)\"", 304), ("\"x\"", 200),
            ] {
                let answer = try await counter.ask("segments/\(root).ts", headers: [("if-none-match", field)])
                #expect(answer.status == status, "\(field)")
                #expect(answer.body.isEmpty == (status == 304))
            }
            let other = try await counter.ask(
                "segments/\(root).ts", headers: [("range", "bytes=0-1"), ("if-range", "\"x\"")])
            #expect(other.status == 200)
        }
    }

    @Test func `answers HEAD without a body and OPTIONS for every origin, and refuses to be written to`() async throws {
        try await serving(3) { publication, counter in
            let root = try publication.newest().record.root
            for path in ["segments/\(root).ts", "master.m3u8", "0/index.m3u8", "head"] {
                let whole = try await counter.ask(path)
                let head = try await counter.ask(path, method: "HEAD")
                #expect(head.status == 200 && head.body.isEmpty)
                #expect(head.headers["content-length"] == "\(whole.body.count)")
                #expect(head.headers["content-type"] == whole.headers["content-type"])
                let options = try await counter.ask(path, method: "OPTIONS")
                #expect(options.status == 204)
                #expect(options.headers["access-control-allow-origin"] == "*")
                #expect(options.headers["access-control-allow-headers"]?.contains("Range") == true)
                for method in ["POST", "PUT", "DELETE"] {
                    #expect(try await counter.ask(path, method: method).status == 405)
                }
            }
        }
    }

    @Test func `tells what pictures have become, and keeps the bandwidth that it has promised`() async throws {
        try await serving { publication, counter in
            let before = try await counter.ask("master.m3u8").text
            var description = try #require(Publication.description.first)
            (description.codecs, description.width, description.height) = (["avc1.640028"], 1_920, 1_080)
            (description.bitRate, description.peakBitRate) = (90_000_000, 90_000_000)
            publication.describe([description])
            let after = try await counter.ask("master.m3u8").text
            #expect(before.contains("avc1.64001f") && before.contains("RESOLUTION=640x360"))
            let expected = before.replacing("avc1.64001f", with: "avc1.640028")
                .replacing("RESOLUTION=640x360", with: "RESOLUTION=1920x1080")
            #expect(after == expected)
            #expect(try publication.newest().head.renditions.first?.height == 1_080)
        }
    }

    @Test func `promises more from the segment on that exceeds its promise`() async throws {
        try await serving { publication, counter in
            let before = try await counter.ask("master.m3u8").text
            publication.publish(cutSegment(4, length: 100_000))
            let raised = try await counter.ask("master.m3u8").text
            #expect(
                before.contains(":BANDWIDTH=240000,") && raised.contains(":BANDWIDTH=600000,AVERAGE-BANDWIDTH=400000,"))
            #expect(try publication.newest().head.renditions.first?.bandwidth == 600_000)
            publication.publish(cutSegment(5, length: 140_000))
            #expect(try await counter.ask("master.m3u8").text == raised)
        }
    }

    @Test func `says of playlists and heads that they change`() async throws {
        try await serving { publication, counter in
            for path in ["master.m3u8", "0/index.m3u8"] {
                let answer = try await counter.ask(path)
                #expect(answer.status == 200)
                #expect(answer.headers["content-type"] == "application/vnd.apple.mpegurl")
                #expect(answer.headers["cache-control"] == "no-cache")
                #expect(answer.text.hasPrefix("#EXTM3U\n"))
            }
            let head = try await counter.ask("head")
            #expect(head.headers["cache-control"] == "no-cache")
            #expect(head.body == publication.head)
            let page = try await counter.ask("/")
            #expect(page.text.contains("magnet:?&lt;x&gt;") && !page.text.contains("<x>"))
            #expect(try await counter.ask("/healthz").text == "ok\n")
            let metrics = try await counter.ask("/metrics")
            #expect(metrics.text.contains("tributary_origin_newest_sequence 3\n"))
            #expect(metrics.text.contains("tributary_origin_requests_total{kind=\"head\"} 1\n"))
        }
    }

    @Test func `tells GStreamer another manifest than others, whoever asks first`() async throws {
        try await serving(0, isChecked: false) { publication, counter in
            for number in 0..<4 {
                var segment = cutSegment(number)
                segment.media = [CutSegment.Media(bytes: segment.media[0].bytes, initialization: [7, 7])]
                publication.publish(segment)
            }
            for isPlain in [false, true, false, true] {
                let player = [("user-agent", "GStreamer souphttpsrc 1.22.0 libsoup/3.2.3")]
                let misled = try await counter.ask("manifest.mpd", headers: player, isPlain: isPlain)
                #expect(misled.text.contains("<S t=\"0\" d=\"1\"/>") && misled.text.contains("startNumber=\"0\""))
                let other = try await counter.ask("manifest.mpd", isPlain: isPlain)
                #expect(!other.text.contains("<S t=\"0\"") && other.text.contains("startNumber=\"0\""))
                #expect(other.headers["content-type"] == "application/dash+xml")
                for answer in [misled, other] { #expect(answer.headers["vary"]?.contains("user-agent") == true) }
            }
        }
    }

    @Test func `holds a question for the next numbered segment until it is there, and no other`() async throws {
        try await serving(0, isChecked: false) { publication, counter in
            func publish(_ number: Int) {
                var segment = cutSegment(number)
                segment.media = [CutSegment.Media(bytes: segment.media[0].bytes, initialization: [7, 7])]
                publication.publish(segment)
            }
            for number in 0..<4 { publish(number) }
            let began = ContinuousClock.now
            for number in [0, 3] { #expect(try await counter.ask("0/\(number).m4s").status == 200) }
            #expect(try await counter.ask("0/5.m4s").status == 404)
            #expect(ContinuousClock.now - began < .seconds(4))
            async let next = counter.ask("0/4.m4s")
            // It is asked before there is news.
            try await Task.sleep(for: .milliseconds(300))
            publish(4)
            let answer = try await next
            #expect(answer.status == 200 && answer.body == cutSegment(4).media[0].bytes)
            publication.close()
            // ffmpeg goes on asking for it.
            let end = ContinuousClock.now
            #expect(try await counter.ask("0/6.m4s").status == 404)
            #expect(ContinuousClock.now - end < .seconds(1))
            #expect(try await counter.ask("0/5.m4s").status == 404)
            #expect(ContinuousClock.now - end >= .seconds(1))
        }
    }

    /// As text times are in their order.
    private func time(_ counter: Counter, isFrom before: Int64, to after: () -> Int64) async throws {
        let answer = try await counter.ask("time")
        #expect(answer.status == 200 && answer.headers["cache-control"] == "no-store")
        let range = CalendarTime(milliseconds: before).description...CalendarTime(milliseconds: after()).description
        #expect(range.contains(answer.text), "\(answer.text)")
    }

    @Test func `tells players of DASH the time, and that of the programme although the clock has been set since`()
        async throws
    {
        try await serving(0) { publication, counter in
            try await time(counter, isFrom: WallClock.now) { WallClock.now }
            let (start, begin) = (cutSegment(0).programTime, MonotonicClock.now)
            func played() -> Int64 { (MonotonicClock.now - begin).nanoseconds / 1_000_000 + 1 }
            // As far as the programme knows that was an hour later.
            publication.publish(0..<1)
            try await time(counter, isFrom: start + 2_000) { start + 2_000 + played() }
            publication.publish(1..<3)
            try await time(counter, isFrom: start + 6_000) { start + 6_000 + played() }
        }
    }

    @Test func `lists only segments that can be had at once`() async throws {
        try await serving(20) { publication, counter in
            let playlist = try await counter.ask("0/index.m3u8").text
            let uris = playlist.split(separator: "\n").filter { $0.hasSuffix(".ts") }
            #expect(uris.count == 15)
            for uri in uris { #expect(try await counter.ask(String(uri.dropFirst(3))).status == 200) }
        }
    }

    @Test func `has nothing else, whatever the path`() async throws {
        try await serving { publication, counter in
            let root = "\(try publication.newest().record.root)"
            let zeros = String(repeating: "0", count: 64)
            for path in [
                "/x", "//", "/\(zeros)/master.m3u8", "/../../etc/passwd", "..", "../", "segments", "segments/",
                "segments/../../key", "segments/..%2f..%2fkey", "segments/%2e%2e/key", "segments/\(root)",
                "segments/\(root).mp4", "segments/\(root).ts/", "segments/\(root.uppercased()).tss",
                "segments/\(zeros).ts", "segments/" + String(repeating: "a", count: 4_000) + ".ts",
                "segments/\u{e9}.ts",
                "1/index.m3u8", "0/", "0/index.m3u8/x", "journal", "key", "records/1/0-1", "records/0", "head/x",
                "records/0/9-12",
            ] {
                let answer = try await counter.ask(path)
                #expect(answer.status == 404 || answer.status == 400, "\(path): \(answer.status)")
                #expect(!answer.text.contains("#EXTM3U"))
            }
            for path in [
                "records/0/", "records/0/1", "records/0/2-1", "records/0/-1-2", "records/0/a-b",
                "records/0/0-99999999999999999999", "head?after=-1", "head?after=x", "head?after=99999999999999999999",
            ] {
                #expect(try await counter.ask(path).status == 400, "\(path)")
            }
        }
    }

    @Test func `clips records to what there is, and calls only whole ranges immutable`() async throws {
        try await serving(40) { publication, counter in
            func records(_ range: String) async throws -> (numbers: [UInt64], caching: String) {
                let answer = try await counter.ask("records/0/\(range)")
                guard answer.status == 200 else { return ([], "\(answer.status)") }
                let numbers = try RecordsAnswer(parsing: answer.body).entries.map { entry in
                    let payload = try Envelope.open(entry.record, as: .record, by: publication.broadcast)
                    let record = try Record(bencoded: payload)
                    #expect(MerkleTree.root(ofLeaves: entry.leaves) == record.root)
                    return record.segment.sequence
                }
                return (numbers, answer.headers["cache-control"] ?? "")
            }
            let whole = try await records("30-39")
            #expect(whole.numbers == Array(30...39) && whole.caching.contains("immutable"))
            let beyond = try await records("38-1000000000000000000")
            #expect(beyond.numbers == [38, 39] && beyond.caching == "no-cache")
            let old = try await records("0-39")
            #expect(old.numbers == Array(9...39) && old.caching == "no-cache")
            #expect(try await records("0-3").caching == "404")
            #expect(try await records("40-50").caching == "404")
        }
    }

    @Test func `holds a request for the next head until there is news`() async throws {
        try await serving { publication, counter in
            async let waiting = counter.ask("head?after=3")
            let older = try await counter.ask("head?after=2")
            #expect(older.body == publication.head)
            // The request above is answered after the one that waits was sent; news may still come before it arrives.
            publication.publish(4..<5)
            #expect(try await waiting.body == publication.head)
            async let closing = counter.ask("head?after=4")
            publication.publish(cutSegment(5, isLast: true))
            let head = try Head(
                bencoded: try Envelope.open(try await closing.body, as: .head, by: publication.broadcast))
            #expect(head.isClosed)
            // Nothing will follow, so nobody is held.
            #expect(try await counter.ask("head?after=99").body == publication.head)
        }
    }

    @Test func `tells all who wait at once, and what it tells of can be had`() async throws {
        try await serving(patience: .seconds(30)) { publication, counter in
            try await withThrowingTaskGroup { group in
                for share in 0..<8 {
                    group.addTask {
                        let news = try await counter.ask("head?after=3")
                        let told = NIODeadline.now()
                        let head = try Head(
                            bencoded: try Envelope.open(news.body, as: .head, by: publication.broadcast))
                        let record = try Record(
                            bencoded: try Envelope.open(
                                try #require(head.newest.first), as: .record, by: publication.broadcast))
                        let range = share * 5_000..<(share + 1) * 5_000
                        let answer = try await counter.ask(
                            "segments/\(record.root).ts",
                            headers: [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")])
                        #expect(answer.status == 206)
                        #expect(answer.body == Array(cutSegment(4).bytes[range]))
                        return told
                    }
                }
                // By then most of them wait; who comes later is answered at once.
                _ = try await counter.ask("head")
                publication.publish(4..<5)
                let published = NIODeadline.now()
                // By the news, not by the thirty seconds after which they would be answered anyway.
                for try await told in group { #expect(told - published < .seconds(5)) }
            }
        }
    }

    @Test func `has everybody else wait for news although one host asks for more than may wait`() async throws {
        let desk = try Desk()
        let publication = try desk.publication()
        publication.describe(Publication.description)
        publication.publish(0..<1)
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let told = Mutex<[Int]>([])
        func ask(_ host: UInt32, _ number: Int) -> EventLoopFuture<Void> {
            let news = publication.news(
                .newer(than: 0), for: IPAddress(v4: host), within: .seconds(30), on: loop)
            news.whenComplete { _ in told.withLock { $0.append(number) } }
            return news
        }
        let early = ask(1, -1)
        let many = (0..<Publication.waitingLimit).map { ask(2, $0) }
        let late = ask(3, -2)
        try await loop.submit {}.get()
        #expect(told.withLock { $0 } == [0, 1])
        publication.publish(1..<2)
        for news in [early, late] + many { try await news.get() }
        withExtendedLifetime(desk) {}
    }

    @Test func `spends less than 400 bytes on the head of a range`() async throws {
        try await serving { publication, counter in
            let root = try publication.newest().record.root
            let answer = try await counter.ask("segments/\(root).ts", headers: [("range", "bytes=16384-32767")])
            #expect(answer.status == 206)
            let fields = answer.headers.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 4 }
            #expect("HTTP/1.1 206 Partial Content\r\n\r\n".utf8.count + fields < 400)
        }
    }

    @Test func `answers with what it has when the news do not come in time`() async throws {
        try await serving(patience: .milliseconds(200)) { publication, counter in
            let clock = ContinuousClock()
            let start = clock.now
            let answer = try await counter.ask("head?after=3")
            #expect(clock.now - start >= .milliseconds(190))
            #expect(answer.status == 200 && answer.body == publication.head)
        }
        try await serving(0, patience: .milliseconds(50)) { _, counter in
            for path in ["head", "master.m3u8", "manifest.mpd", "0/index.m3u8"] {
                let answer = try await counter.ask(path)
                #expect(answer.status == 503)
                #expect(answer.headers["cache-control"] == "no-store" && answer.headers["retry-after"] == "1")
            }
        }
    }
}
