package import NIOCore
import OriginCore
import OriginMedia
import Synchronization
import Vocabulary
package import WebServer

/// The origin's HTTP surface: what never changes is named by its hash and says so, and so does what changes.
package final class OriginSite: Sendable {
    package static func limits(perAddress: Int) -> ServerLimits {
        var limits = ServerLimits()
        limits.connections = 8_192  // a held request for news each, and players besides
        limits.connectionsPerAddress = perAddress
        limits.sparesLoopback = true
        limits.body = 0  // nothing here takes one, and that many would be half a gigabyte
        return limits
    }

    private let publication: Publication
    let uplink: OriginUplink
    /// How long a request for what does not exist yet is held.
    private let patience: TimeAmount

    /// What was sent, by kind of answer.
    private let sent = Mutex<[String: (requests: Int, bytes: Int)]>([:])
    /// Playlists as they were last made, by their paths: only those that exist get in.
    private let texts = Mutex<[String: Made]>([:])
    private let name: String
    private let link: @Sendable () -> (link: String, hls: String)
    private let malformed: @Sendable () -> [MalformedRequest: Int]

    private struct Made {
        var version: Int
        var kind: String
        var headers: [(String, String)]
        var text: CompressedText
        /// Whole answers, and the lengths of their bodies.
        var plain: (bytes: ByteBuffer, length: Int)?
        var compressed: (bytes: ByteBuffer, length: Int)?

        init(version: Int, kind: String, headers: [(String, String)], text: CompressedText) {
            (self.version, self.kind, self.headers, self.text) = (version, kind, headers, text)
            func whole(_ isCompressed: Bool) -> (ByteBuffer, Int)? {
                let response = text.response(isCompressed: isCompressed, headers: headers)
                return response.whole.map { ($0, response.length ?? 0) }
            }
            (plain, compressed) = (whole(false), whole(true))
        }
    }

    package init(
        _ publication: Publication, on uplink: OriginUplink, patience: TimeAmount = .seconds(25),
        link: @escaping @Sendable () -> (link: String, hls: String),
        malformed: @escaping @Sendable () -> [MalformedRequest: Int]
    ) {
        self.publication = publication
        self.uplink = uplink
        name = "\(publication.broadcast)"
        self.patience = patience
        self.link = link
        self.malformed = malformed
    }

    package func answer(_ request: Request, on eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        // What is asked for most.
        if let known = known(request) { return eventLoop.makeSucceededFuture(known) }
        switch request.method {
        case "GET", "HEAD": break
        case "OPTIONS":
            return eventLoop.makeSucceededFuture(
                Response(
                    status: 204,
                    headers: Self.cors + [
                        ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
                        ("access-control-allow-headers", "Range, If-None-Match, If-Range"),
                        ("access-control-max-age", "86400"),
                    ]))
        default: return eventLoop.makeSucceededFuture(Self.refusal(405, "only GET, HEAD and OPTIONS"))
        }
        let path = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch path {
        case [""]: return eventLoop.makeSucceededFuture(page())
        case ["healthz"]: return eventLoop.makeSucceededFuture(Response(text: "ok\n"))
        case ["metrics"]:
            return eventLoop.makeSucceededFuture(Response(text: metrics, type: "text/plain; version=0.0.4"))
        default: break
        }
        guard path.count >= 2, path[0] == name else { return notFound(eventLoop) }
        switch Array(path.dropFirst()) {
        case ["head"]: return head(request, eventLoop)
        case ["master.m3u8"]:
            return playlist(request, eventLoop, .master, kind: "master") { self.publication.masterPlaylist }
        case ["manifest.mpd"]:
            return playlist(request, eventLoop, .master, kind: "manifest", type: "application/dash+xml") {
                self.publication.manifest(for: request.header("user-agent"))
            }
        case ["time"]:
            // Players of DASH look by it for what is there.
            return eventLoop.makeSucceededFuture(
                Response(
                    status: 200, headers: Self.cors + [("content-type", "text/plain"), ("cache-control", "no-store")],
                    body: .bytes(ByteBuffer(string: "\(CalendarTime(milliseconds: publication.programClock))"))))
        case let rest where rest.count == 2 && rest[0] == "segments":
            return inTurn(segment(named: rest[1], request), to: request, eventLoop)
        case let rest where rest.count == 2:
            guard let rendition = Self.rendition(rest[0]) else { return notFound(eventLoop) }
            guard rest[1] != "index.m3u8" else {
                return playlist(request, eventLoop, .anything, kind: "playlist") {
                    self.publication.mediaPlaylist(of: rendition)
                }
            }
            guard rest[1].hasSuffix(".m4s"), let sequence = Self.number(rest[1].dropLast(4)) else {
                return notFound(eventLoop)
            }
            // ffmpeg asks for what comes next again and again, hundreds of times a second, until it is there.
            return news(.newer(than: sequence &- 1), for: request, on: eventLoop).flatMap {
                let answer = self.segment(sequence, of: rendition, request)
                // So it does when the programme is over, until it has looked at the manifest again.
                if answer.status == 404, self.publication.figures.newest == sequence &- 1 {
                    return eventLoop.scheduleTask(in: Self.afterwards) { answer }.futureResult
                }
                return self.inTurn(answer, to: request, eventLoop)
            }
        case let rest where rest.count == 3 && rest[0] == "records":
            guard let rendition = Self.rendition(rest[1]) else { return notFound(eventLoop) }
            return eventLoop.makeSucceededFuture(records(rest[2], of: rendition))
        default: return notFound(eventLoop)
        }
    }

    /// The broadcast that is asked for.
    static func broadcast(in request: PlainRequest) -> BroadcastID? {
        let target = request.target
        guard target.count > 65 else { return nil }
        return Word256(hexDigits: UnsafeRawBufferPointer(rebasing: target[1..<65])).map(BroadcastID.init)
    }

    /// What is asked for most, as most players do: all of a segment by its content, and playlists as they were last made.
    package func answer(
        _ request: PlainRequest, from remote: SocketAddress, to body: inout ByteBuffer
    ) -> ShortAnswer? {
        guard !request.isConditional, Self.broadcast(in: request) == publication.broadcast else { return nil }
        let (target, place): (_, StaticString) = (request.target, "/segments/")
        let start = 65 + place.utf8CodeUnitCount
        let end = start + 64
        guard target.count > end, target[end] == UInt8(ascii: "."),
            place.withUTF8Buffer({ $0.elementsEqual(target[65..<start]) }),
            let root = Word256(hexDigits: UnsafeRawBufferPointer(rebasing: target[start..<end])).map(Root.init)
        else { return text(at: String(decoding: target, as: UTF8.self), isCompressed: request.takesGzip) }
        guard let content = publication.content(root),
            target[(end + 1)...].elementsEqual(content.kind.rawValue.utf8)
        else { return nil }
        count("segment", content.bytes.count)
        return .kept(content.bytes)
    }

    private func text(at path: String, isCompressed: Bool) -> ShortAnswer? {
        guard let made = texts.withLock({ $0[path] }), made.version == publication.version,
            let answer = isCompressed ? made.compressed : made.plain
        else { return nil }
        count(made.kind, answer.length)
        return .whole(answer.bytes)
    }

    /// How long who asks for what will never come is held.
    private static let afterwards = TimeAmount.seconds(1)

    private static func rendition(_ text: String) -> Int? {
        guard let number = number(text), number < UInt64(Limits.renditions), text == String(number) else { return nil }
        return Int(number)
    }

    private func head(_ request: Request, _ eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        var wish = Publication.Wish.anything
        if let text = request.query("after") {
            guard let sequence = Self.number(text) else {
                return eventLoop.makeSucceededFuture(Self.refusal(400, "after must be a sequence number"))
            }
            wish = .newer(than: sequence)
        }
        return news(wish, for: request, on: eventLoop).map {
            guard let head = self.publication.head else { return Self.notYet }
            return self.counted(
                "head",
                Response(
                    status: 200,
                    headers: Self.cors + [
                        ("content-type", "application/octet-stream"), ("cache-control", "no-cache"),
                    ], body: .bytes(ByteBuffer(bytes: head))))
        }
    }

    private func playlist(
        _ request: Request, _ eventLoop: any EventLoop, _ wish: Publication.Wish, kind: String,
        type: String = "application/vnd.apple.mpegurl", _ text: @escaping @Sendable () -> String?
    ) -> EventLoopFuture<Response> {
        news(wish, for: request, on: eventLoop).map {
            let version = self.publication.version
            guard let text = text().map(CompressedText.init) else {
                // What is promised by the media itself may still come; another rendition or container will not.
                return wish == .master && self.publication.masterPlaylist == nil || self.publication.head == nil
                    ? Self.notYet : Self.refusal(404, "this broadcast has none")
            }
            var headers = Self.cors + [("content-type", type), ("cache-control", "no-cache")]
            if kind == "manifest" { headers.append(("vary", "user-agent")) }
            self.texts.withLock {
                $0[Self.key(of: request)] = Made(version: version, kind: kind, headers: headers, text: text)
            }
            return self.counted(kind, text.response(to: request, headers: headers))
        }
    }

    /// Its path; a manifest's is none that a plain request could have, because it differs with who asks.
    private static func key(of request: Request) -> String {
        guard request.path.hasSuffix("/manifest.mpd") else { return request.path }
        return request.path + (DashManifest.isMisled(request.header("user-agent")) ? " GStreamer" : " ")
    }

    /// A playlist as it was last made, if nothing has happened since.
    private func known(_ request: Request) -> Response? {
        guard request.method == "GET", let made = texts.withLock({ $0[Self.key(of: request)] }),
            made.version == publication.version
        else { return nil }
        return counted(made.kind, made.text.response(to: request, headers: made.headers))
    }

    private func news(
        _ wish: Publication.Wish, for request: Request, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let asker = request.remote.flatMap(Endpoint.init)
        return publication.news(wish, for: asker?.ip.host, within: patience, on: eventLoop)
    }

    /// Has an answer wait for more urgent ones, if its request says how urgent it is.
    private func inTurn(
        _ response: Response, to request: Request, _ eventLoop: any EventLoop
    ) -> EventLoopFuture<Response> {
        guard case .kept(_, let range) = response.body, request.method == "GET",
            let urgency = request.header("priority").flatMap(Self.urgency)
        else { return eventLoop.makeSucceededFuture(response) }
        return uplink.admit(range.count, urgency, on: eventLoop).map { escort in
            var response = response
            response.escort = escort
            return response
        }.flatMapErrorThrowing { error in
            guard error is OriginUplink.Overrun else { throw error }
            return Self.overrun
        }
    }

    /// RFC 9218, section 4.1; what else the field says is ignored, as is what it should not say.
    private static func urgency(_ priority: String) -> Precedence.Urgency? {
        for parameter in priority.split(separator: ",") {
            let text = parameter.trimmingPrefix { $0 == " " }
            guard text.hasPrefix("u="), text.count == 3, let level = text.last?.wholeNumberValue, level < 8 else {
                continue
            }
            return Precedence.Urgency(level: level)
        }
        return nil
    }

    /// By content.
    private func segment(named name: String, _ request: Request) -> Response {
        guard let dot = name.firstIndex(of: "."), let root = Root(hex: name[..<dot]),
            let kind = Publication.Content.Kind(rawValue: String(name[name.index(after: dot)...])),
            let content = publication.content(root), content.kind == kind
        else { return Self.refusal(404, "no such segment") }
        return answer(content, root, request)
    }

    /// By number, as MPEG-DASH asks: numbers are never given twice.
    private func segment(_ sequence: UInt64, of rendition: Int, _ request: Request) -> Response {
        guard let root = publication.root(of: SegmentID(rendition: UInt8(rendition), sequence: sequence)),
            let content = publication.content(root), content.kind == .fragment
        else { return Self.refusal(404, "no such segment") }
        return answer(content, root, request)
    }

    private func answer(_ content: Publication.Content, _ root: Root, _ request: Request) -> Response {
        let (bytes, tag, headers) = (content.bytes, "\"\(root)\"", content.bytes.headers)
        if let known = request.header("if-none-match"), known == "*" || known.contains(tag) {
            return Response(status: 304, headers: headers)
        }
        let length = bytes.count
        let wanted = request.header("if-range").map { $0 == tag } ?? true ? request.header("range") : nil
        switch wanted.map({ ByteRange.parse($0, length: length) }) ?? .whole {
        case .whole: return counted("segment", Response(status: 200, headers: headers, body: .kept(bytes, 0..<length)))
        case .partial(let range):
            let place = ("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)")
            return counted("segment", Response(status: 206, headers: headers + [place], body: .kept(bytes, range)))
        case .unsatisfiable:
            return Response(status: 416, headers: Self.cors + [("content-range", "bytes */\(length)")])
        }
    }

    private func records(_ text: String, of rendition: Int) -> Response {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let from = Self.number(ends[0]), let to = Self.number(ends[1]), from <= to else {
            return Self.refusal(400, "a range of records is written FROM-TO")
        }
        guard let (answer, isComplete) = publication.records(of: rendition, from...to) else {
            return Self.refusal(404, "no such records")
        }
        return counted(
            "records",
            Response(
                status: 200,
                headers: Self.cors + [
                    ("content-type", "application/octet-stream"),
                    ("cache-control", isComplete ? "public, max-age=31536000, immutable" : "no-cache"),
                ], body: .bytes(ByteBuffer(bytes: answer))))
    }

    private static func number(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.count <= 19, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text)
    }

    static let cors = [
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "ETag, Content-Range"),
    ]

    private static let notYet = later("nothing is published yet")
    private static let overrun = later("too much is asked for at once")

    private static func later(_ reason: String) -> Response {
        Response(
            status: 503, headers: cors + [("retry-after", "1"), ("cache-control", "no-store")],
            body: .bytes(ByteBuffer(string: reason + "\n")))
    }

    private static func refusal(_ status: Int, _ reason: String) -> Response {
        Response(
            status: status, headers: cors + [("content-type", "text/plain"), ("cache-control", "no-store")],
            body: .bytes(ByteBuffer(string: reason + "\n")))
    }

    private func notFound(_ eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        eventLoop.makeSucceededFuture(Self.refusal(404, "not found"))
    }

    private func counted(_ kind: String, _ response: Response) -> Response {
        count(kind, response.length ?? 0)
        return response
    }

    private func count(_ kind: String, _ bytes: Int) {
        sent.withLock {
            $0[kind, default: (0, 0)].requests += 1
            $0[kind, default: (0, 0)].bytes += bytes
        }
    }

    private var metrics: String {
        let figures = publication.figures
        var text = "# TYPE tributary_origin_newest_sequence gauge\n"
        text += "tributary_origin_newest_sequence \(figures.newest ?? 0)\n"
        text += "# TYPE tributary_origin_listed_segments gauge\ntributary_origin_listed_segments \(figures.listed)\n"
        text += "# TYPE tributary_origin_held_bytes gauge\ntributary_origin_held_bytes \(figures.bytes)\n"
        text += "# TYPE tributary_origin_closed gauge\ntributary_origin_closed \(publication.isClosed ? 1 : 0)\n"
        let sent = sent.withLock { $0 }.sorted { $0.key < $1.key }
        text += "# TYPE tributary_origin_requests_total counter\n"
        for (kind, count) in sent { text += "tributary_origin_requests_total{kind=\"\(kind)\"} \(count.requests)\n" }
        text += "# TYPE tributary_origin_sent_bytes_total counter\n"
        for (kind, count) in sent { text += "tributary_origin_sent_bytes_total{kind=\"\(kind)\"} \(count.bytes)\n" }
        text += "# TYPE tributary_origin_delayed_answers_total counter\n"
        text += "tributary_origin_delayed_answers_total \(uplink.delayed)\n"
        text += "# TYPE tributary_origin_malformed_requests_total counter\n"
        for (reason, count) in malformed().sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text += "tributary_origin_malformed_requests_total{reason=\"\(reason.rawValue)\"} \(count)\n"
        }
        return text
    }

    private func page() -> Response {
        let (link, hls) = link()
        let title = HTML.escaped(publication.title)
        return Response(
            text: """
                <!doctype html><meta charset="utf-8"><title>\(title)</title><h1>\(title)</h1>
                <p>Watch through other viewers: <code style="overflow-wrap:anywhere">tributary-peer watch '\(HTML.escaped(link))'</code></p>
                <p>Plain HLS: <a href="\(HTML.escaped(hls))">\(HTML.escaped(hls))</a></p>

                """, type: "text/html; charset=utf-8")
    }
}
