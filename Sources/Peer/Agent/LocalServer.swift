import NIOCore
import Vocabulary
import WebServer
import Wire

/// What the local server shows to the player, and whom it tells what the player does.
protocol BroadcastView: AnyObject, Sendable {
    var rendition: UInt8 { get }
    var programme: Programme { get }
    /// What the origin says of its renditions; empty while it does not know.
    var renditions: [Rendition] { get }
    /// A rendition that is not shared; it is followed from then on.
    func other(_ rendition: UInt8) -> OtherRendition?
    func initialization(_ root: Root) -> ByteBuffer?
    func record(_ segment: SegmentID) -> Record?
    func piece(_ piece: PieceID) -> ByteBuffer?
    func currentReport() -> Report
    func asked(_ segment: SegmentID)
    func delivered(_ segment: SegmentID)
    func sentToPlayer(_ bytes: Int)
}

/// Why a request was turned away; counted and shown.
enum LocalRefusal: String, Hashable, Sendable, CaseIterable {
    case host, token, method, crossSite = "cross_site"
    case unknown
    case tooLate = "too_late"
}

/// The agent's HTTP server for players on this machine.
///
/// The path holds a random token and the Host header must name this machine, so that no page of a stranger can see
/// what is watched (DNS rebinding, cross-site requests). A request for something that is on its way waits for it.
// Unchecked because, after its start, it is confined to the one event loop of its group.
final class LocalServer: @unchecked Sendable {
    /// How long a playlist request waits for the first records.
    private static let playlistPatience = TimeAmount.seconds(10)
    /// How long a request for a segment that is not listed yet waits for its record.
    private static let recordPatience = TimeAmount.seconds(12)
    /// How long a segment's next piece may take before the answer is given up.
    private static let pieceTime = TimeAmount.seconds(60)

    private let token: String
    private let allowedOrigin: String?
    private let eventLoop: any EventLoop
    private weak var view: (any BroadcastView)?
    private var server: Server?
    private var hosts: Set<String> = []
    private var host = ""

    private var waiting: [Waiter] = []
    private var streams: [SegmentID: [SegmentStream]] = [:]
    private var refusals: [LocalRefusal: Int] = [:]
    private var periods = DashPeriods()
    /// The programme's end in Unix milliseconds, as the origin's clock has it, and since when it is listed: how late it is
    /// there, whatever the clock here says.
    private var newest: (end: Int64, since: NIODeadline)?

    /// A request that waits for the programme to have something.
    private struct Waiter {
        let isReady: () -> Bool
        let promise: EventLoopPromise<Response>
        let deadline: NIODeadline
        let answer: (_ isReady: Bool) -> Response
    }

    static func start(
        host: String, port: Int, group: any EventLoopGroup, allowedOrigin: String?, view: any BroadcastView
    ) async throws -> LocalServer {
        let local = LocalServer(on: group.any(), allowedOrigin, view)
        var limits = ServerLimits()
        limits.connections = 64
        limits.body = 0
        let server = try await Server.start(host: host, port: port, group: group, limits: limits) {
            [weak local] request, eventLoop in
            guard let local else { return eventLoop.makeSucceededFuture(Response(status: 503)) }
            return local.answer(request)
        }
        try await local.eventLoop.submit { local.begin(server, host) }.get()
        return local
    }

    private init(on eventLoop: any EventLoop, _ allowedOrigin: String?, _ view: any BroadcastView) {
        self.eventLoop = eventLoop
        self.allowedOrigin = allowedOrigin
        self.view = view
        token = Hexadecimal.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) })
    }

    private func begin(_ server: Server, _ host: String) {
        self.server = server
        let port = server.port
        var names = ["127.0.0.1", "localhost", "[::1]"]
        let bound = host.contains(":") ? "[\(host)]" : host
        if host == "0.0.0.0" || host == "::" {
            // Whoever listens everywhere wants to be called by each of this machine's addresses.
            for device in (try? System.enumerateDevices()) ?? [] {
                guard let address = device.address?.ipAddress else { continue }
                names.append(address.contains(":") ? "[\(address)]" : address)
            }
            self.host = "127.0.0.1"
        } else {
            names.append(bound.lowercased())
            self.host = bound
        }
        hosts = Set(names.map { "\($0):\(port)" })
        if port == 80 { hosts.formUnion(names) }
        eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(250), delay: .milliseconds(250)) {
            [weak self] task in
            guard let self, self.server != nil else { return task.cancel() }
            self.giveUpLate()
        }
    }

    /// Where everything is served, the token included.
    var base: String { "http://\(host):\(server?.port ?? 0)/\(token)" }

    var refused: [String: Int] {
        var counts: [String: Int] = [:]
        for (reason, count) in refusals { counts[reason.rawValue] = count }
        for (reason, count) in server?.malformed ?? [:] { counts[reason.rawValue, default: 0] += count }
        return counts
    }

    func stop() async {
        let server = try? await eventLoop.submit {
            for waiter in self.waiting { waiter.promise.succeed(waiter.answer(false)) }
            self.waiting = []
            for stream in self.streams.values.joined() { stream.abort() }
            self.streams = [:]
            defer { self.server = nil }
            return self.server
        }.get()
        await server?.stop()
    }

    // MARK: Who may ask

    private func answer(_ request: Request) -> EventLoopFuture<Response> {
        if let refusal = refusal(of: request) { return eventLoop.makeSucceededFuture(refusal) }
        let path = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard let first = path.first, isToken(first) else { return done(refuse(.token)) }
        return route(Array(path.dropFirst()), request).map { self.guarded($0) }
    }

    private func refusal(of request: Request) -> Response? {
        let names = request.headers("host")
        guard names.count == 1, let name = names.first, hosts.contains(name.lowercased()) else {
            refusals[.host, default: 0] += 1
            return Response(
                status: 421, headers: [("connection", "close")], body: .stream(length: 0) { $0.abort() })
        }
        if let origin = request.header("origin"), !isAllowed(origin) { return refuse(.crossSite) }
        if request.header("sec-fetch-site") == "cross-site", allowedOrigin == nil { return refuse(.crossSite) }
        guard request.method == "GET" || request.method == "HEAD" else { return refuse(.method) }
        return nil
    }

    private func isAllowed(_ origin: String) -> Bool {
        if let allowedOrigin, allowedOrigin == "*" || allowedOrigin == origin { return true }
        return origin.hasPrefix("http://") && hosts.contains(String(origin.dropFirst("http://".count)).lowercased())
    }

    /// Compares in the same time whatever is sent, so that the token cannot be felt out.
    private func isToken(_ text: String) -> Bool {
        let ours = Array(token.utf8)
        let theirs = Array(text.utf8)
        guard ours.count == theirs.count else { return false }
        return zip(ours, theirs).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func refuse(_ reason: LocalRefusal) -> Response {
        refusals[reason, default: 0] += 1
        switch reason {
        case .host: return guarded(Response(status: 421))
        case .token, .unknown: return guarded(Response(status: 404, text: "not found\n"))
        case .method: return guarded(Response(status: 405, headers: [("allow", "GET, HEAD")]))
        case .crossSite: return guarded(Response(status: 403, text: "not for other sites\n"))
        case .tooLate: return guarded(Response(status: 503, headers: [("retry-after", "1")]))
        }
    }

    private func guarded(_ response: Response) -> Response {
        var response = response
        response.headers += [
            ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer"),
        ]
        if let allowedOrigin {
            response.headers += [
                ("access-control-allow-origin", allowedOrigin), ("cross-origin-resource-policy", "cross-origin"),
                ("vary", "origin"),
            ]
        } else {
            response.headers.append(("cross-origin-resource-policy", "same-origin"))
        }
        return response
    }

    // MARK: What there is

    private func route(_ path: [String], _ request: Request) -> EventLoopFuture<Response> {
        guard let view else { return done(refuse(.tooLate)) }
        switch path {
        case ["master.m3u8"]: return text(request, Self.master)
        case ["manifest.mpd"]:
            return text(request, type: "application/dash+xml", headers: [("vary", "user-agent")]) { [weak self] in
                self?.manifest($0, for: request.header("user-agent"))
            }
        case ["time"]:
            guard let newest else { return done(refuse(.tooLate)) }
            let time = newest.end + (.now() - newest.since).nanoseconds / 1_000_000
            return done(
                Response(
                    status: 200, headers: [("content-type", "text/plain"), ("cache-control", "no-store")],
                    body: .bytes(ByteBuffer(string: "\(CalendarTime(milliseconds: time))"))))
        case ["status"]:
            return done(page(StatusPage(view.currentReport(), programme: view.programme, base: base).html))
        case ["status.json"]:
            let text = StatusPage(view.currentReport(), programme: view.programme, base: base).json.encoded
            return done(
                Response(
                    status: 200, headers: [("content-type", "application/json"), ("cache-control", "no-store")],
                    body: .bytes(ByteBuffer(string: text + "\n"))))
        default: break
        }
        guard path.count == 2 else { return done(refuse(.unknown)) }
        if path[0] == "segments", path[1].hasSuffix(".mp4"), let root = Root(hex: path[1].dropLast(4)) {
            return initialization(root)
        }
        guard let rendition = UInt8(path[0]), path[0] == "\(rendition)",
            rendition == view.rendition || view.other(rendition) != nil
        else { return done(refuse(.unknown)) }
        if path[1] == "index.m3u8" {
            return text(request) { Self.programme(rendition, of: $0)?.playlist?.text }
        }
        guard let dot = path[1].firstIndex(of: "."), [".ts", ".m4s"].contains(path[1][dot...]),
            let sequence = Self.number(path[1][..<dot])
        else { return done(refuse(.unknown)) }
        return segment(
            SegmentID(rendition: rendition, sequence: sequence), isFragment: path[1].hasSuffix(".m4s"), request)
    }

    private static func programme(_ rendition: UInt8, of view: any BroadcastView) -> Programme? {
        rendition == view.rendition ? view.programme : view.other(rendition)?.programme
    }

    /// What the origin has signed of its renditions; before it says so, what is known of the one that is shared.
    private static func master(_ view: any BroadcastView) -> String? {
        guard view.programme.playlist != nil else { return nil }
        return view.renditions.isEmpty
            ? view.programme.master(rendition: view.rendition) : MasterPlaylist(view.renditions).text
    }

    /// The same segments for MPEG-DASH, as far as all renditions have them; `nil` while there are none in fragments.
    private func manifest(_ view: any BroadcastView, for userAgent: String?) -> String? {
        // Who asks before the origin has told of the others waits for them, too.
        for rendition in view.renditions.indices { _ = view.other(UInt8(rendition)) }
        guard let playlist = view.programme.playlist, !view.renditions.isEmpty else { return nil }
        var rows: [DashManifest.Row] = []
        for number in playlist.segments.indices {
            let sequence = playlist.mediaSequence + UInt64(number)
            let records = view.renditions.indices.compactMap {
                view.record(SegmentID(rendition: UInt8($0), sequence: sequence))
            }
            let sections = records.compactMap(\.initialization)
            guard let first = records.first, sections.count == view.renditions.count else { continue }
            rows.append(DashManifest.Row(first, initializations: sections))
        }
        guard !rows.isEmpty else { return nil }
        return DashManifest(
            renditions: view.renditions, rows: rows, targetDuration: playlist.targetDuration, isEnded: playlist.isEnded,
            after: &periods, for: userAgent
        ).text
    }

    private func initialization(_ root: Root) -> EventLoopFuture<Response> {
        wait(for: Self.recordPatience) { [weak self] in
            self?.view?.initialization(root) != nil
        } answer: { [self] isReady in
            guard isReady, let bytes = view?.initialization(root) else { return refuse(.unknown) }
            return Response(
                status: 200, headers: [("content-type", "video/mp4"), ("cache-control", "private, max-age=3600")],
                body: .bytes(bytes))
        }
    }

    /// Digits as we write them ourselves: no sign, no zero before them, nothing that a playlist could not hold.
    private static func number(_ digits: Substring) -> UInt64? {
        guard let number = UInt64(digits), String(number) == digits, number <= UInt64(Limits.sequence) else {
            return nil
        }
        return number
    }

    private func page(_ html: String) -> Response {
        Response(
            status: 200,
            headers: [
                ("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"),
                ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ], body: .bytes(ByteBuffer(string: html)))
    }

    /// What `text` makes, as soon as it makes any.
    private func text(
        _ request: Request, type: String = "application/vnd.apple.mpegurl", headers: [(String, String)] = [],
        _ text: @escaping (any BroadcastView) -> String?
    ) -> EventLoopFuture<Response> {
        var made: String?
        return wait(for: Self.playlistPatience) { [weak self] in
            made = self?.view.flatMap(text)
            return made != nil
        } answer: { [self] _ in
            guard let made else { return refuse(.tooLate) }
            return CompressedText(made).response(
                to: request, headers: [("content-type", type), ("cache-control", "no-cache")] + headers)
        }
    }

    /// A segment that is listed, or is about to be, is answered once its first wanted piece is there.
    private func segment(_ segment: SegmentID, isFragment: Bool, _ request: Request) -> EventLoopFuture<Response> {
        let playlist = view.flatMap { Self.programme(segment.rendition, of: $0)?.playlist }
        let end = playlist.map { $0.mediaSequence + UInt64($0.segments.count) }
        let isNear = end.map { segment.sequence >= $0 && segment.sequence < $0 + 4 } ?? true
        guard view?.record(segment) != nil || isNear else { return done(refuse(.unknown)) }
        let header = request.header("range")
        if view?.record(segment) != nil { view?.asked(segment) }
        var hasAsked = view?.record(segment) != nil
        return wait(for: view?.record(segment) == nil ? Self.recordPatience : Self.pieceTime) { [weak self] in
            guard let view = self?.view, let record = view.record(segment) else { return false }
            if !hasAsked {
                hasAsked = true
                view.asked(segment)
            }
            let first = Self.range(header, record)?.lowerBound ?? 0
            return view.piece(PieceID(segment, first / PieceID.length)) != nil
        } answer: { [self] isReady in
            guard let record = view?.record(segment) else { return refuse(.unknown) }
            guard (record.initialization != nil) == isFragment else { return refuse(.unknown) }
            guard isReady else { return refuse(.tooLate) }
            return stream(record, header)
        }
    }

    /// The bytes asked for; `nil` when there are none such.
    private static func range(_ header: String?, _ record: Record) -> Range<Int>? {
        guard let header else { return 0..<record.length }
        switch ByteRange.parse(header, length: record.length) {
        case .whole: return 0..<record.length
        case .partial(let range): return range
        case .unsatisfiable: return nil
        }
    }

    private func stream(_ record: Record, _ header: String?) -> Response {
        guard let range = Self.range(header, record) else {
            return Response(status: 416, headers: [("content-range", "bytes */\(record.length)")])
        }
        var headers = [
            ("content-type", record.initialization == nil ? "video/mp2t" : "video/iso.segment"),
            ("accept-ranges", "bytes"), ("etag", "\"\(record.root)\""),
            ("cache-control", "private, max-age=60"),
        ]
        let isPartial = range.count < record.length
        if isPartial {
            headers.append(
                ("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(record.length)"))
        }
        return Response(
            status: isPartial ? 206 : 200, headers: headers,
            body: .stream(length: range.count) { [weak self] writer in
                guard let self, let view = self.view else { return writer.abort() }
                let stream = SegmentStream(record, range, writer, view)
                writer.onWritable { [weak stream] in stream?.pump() }
                writer.onClose { [weak self] in self?.remove(stream) }
                self.streams[record.segment, default: []].append(stream)
                stream.pump()
                if stream.isDone { self.remove(stream) }
            })
    }

    // MARK: What has come

    /// The programme has changed.
    func listed() {
        if let last = view?.programme.playlist?.segments.last {
            let end = last.programTime + last.duration / 1_000
            if end != newest?.end { newest = (end, .now()) }
        }
        wake()
    }

    /// A verified piece is in the store.
    func arrived(_ piece: PieceID) {
        pump(streams[piece.segment] ?? [])
        wake()
    }

    private func pump(_ streams: [SegmentStream]) {
        for stream in streams {
            stream.pump()
            if stream.isDone { remove(stream) }
        }
    }

    /// A segment is gone for good: what still waits for it will not get it.
    func forgotten(_ segment: SegmentID) {
        for stream in streams.removeValue(forKey: segment) ?? [] { stream.abort() }
    }

    private func remove(_ stream: SegmentStream) {
        streams[stream.segment]?.removeAll { $0 === stream }
        if streams[stream.segment]?.isEmpty == true { streams[stream.segment] = nil }
    }

    private func wait(
        for patience: TimeAmount, until isReady: @escaping () -> Bool, answer: @escaping (_ isReady: Bool) -> Response
    ) -> EventLoopFuture<Response> {
        if isReady() { return done(answer(true)) }
        let promise = eventLoop.makePromise(of: Response.self)
        waiting.append(Waiter(isReady: isReady, promise: promise, deadline: .now() + patience, answer: answer))
        return promise.futureResult
    }

    private func wake() {
        guard !waiting.isEmpty else { return }
        let all = waiting
        waiting = []
        for waiter in all {
            if waiter.isReady() { waiter.promise.succeed(waiter.answer(true)) } else { waiting.append(waiter) }
        }
    }

    private func giveUpLate() {
        wake()
        // What is kept back from a player that begins has no event of its own.
        pump(Array(streams.values.joined()))
        let now = NIODeadline.now()
        let late = waiting.filter { $0.deadline <= now }
        waiting.removeAll { $0.deadline <= now }
        for waiter in late { waiter.promise.succeed(waiter.answer(false)) }
        for stream in streams.values.joined() where now - stream.lastProgress > Self.pieceTime {
            stream.abort()
            remove(stream)
        }
    }

    private func done(_ response: Response) -> EventLoopFuture<Response> { eventLoop.makeSucceededFuture(response) }
}

/// One answer that carries a segment to the player, piece by piece as they verify.
private final class SegmentStream {
    let segment: SegmentID
    private let record: Record
    private var rest: Range<Int>
    private let writer: ResponseWriter
    private weak var view: (any BroadcastView)?
    private(set) var isDone = false
    private(set) var lastProgress = NIODeadline.now()

    init(_ record: Record, _ range: Range<Int>, _ writer: ResponseWriter, _ view: any BroadcastView) {
        segment = record.segment
        self.record = record
        rest = range
        self.writer = writer
        self.view = view
    }

    func pump() {
        while !isDone, writer.isOpen, writer.isWritable, let view {
            let index = rest.lowerBound / PieceID.length
            guard let piece = view.piece(PieceID(segment, index)) else { return }
            let start = rest.lowerBound - index * PieceID.length
            let length = min(piece.readableBytes - start, rest.count)
            guard let slice = piece.getSlice(at: piece.readerIndex + start, length: length) else { return abort() }
            rest = rest.lowerBound + length..<rest.upperBound
            lastProgress = .now()
            isDone = rest.isEmpty
            writer.write(slice)
            view.sentToPlayer(length)
            guard isDone else { continue }
            writer.finish()
            if rest.upperBound == record.length { view.delivered(segment) }
        }
    }

    func abort() {
        isDone = true
        writer.abort()
    }
}
