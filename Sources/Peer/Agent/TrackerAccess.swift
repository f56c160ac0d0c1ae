import NIOCore
import NIOPosix
import Vocabulary
import WebClient
import Wire

/// Why an announce had no answer; counted and shown.
enum TrackerFlaw: String, Error, Hashable, Sendable, CaseIterable {
    case noSuchHost = "no_such_host"
    case silent
    case unreachable
    case refused
    case malformed
    case status = "http_status"
}

/// The tracker side of an agent: announces by UDP (BEP 15's exchange) or by HTTP.
///
/// Of several trackers the broadcast's own is asked (`Rendezvous`). When it does not answer by any of its addresses, the
/// next one is asked at once; from then on every announce goes to the better ones too, until one of them is back.
// Unchecked because it is confined to `eventLoop`.
final class TrackerAccess: @unchecked Sendable {
    enum State: String, Sendable { case none, trying, answering, unreachable }

    private let eventLoop: any EventLoop
    private let client: WebClient
    /// The trackers, the broadcast's own first, each by its addresses.
    private let trackers: [[String]]
    private var current = 0
    /// Which of its addresses each tracker has answered at.
    private var doors: [Int]
    private var datagrams: [String: DatagramTracker] = [:]
    private var turn = 0

    private(set) var flaws: [TrackerFlaw: Int] = [:]
    private(set) var state: State
    /// Told when a tracker says who dials us now.
    var onCall: ((Introduction) -> Void)?

    init(on eventLoop: any EventLoop, _ client: WebClient, _ link: MagnetLink) {
        self.eventLoop = eventLoop
        self.client = client
        trackers = Rendezvous.ranking(of: link.trackers, for: link.broadcast)
        doors = trackers.map { _ in 0 }
        state = trackers.isEmpty ? .none : .trying
    }

    /// Shown to people: the tracker in use.
    var url: String? { trackers.isEmpty ? nil : trackers[current][doors[current]] }

    /// Tells the tracker of us; a newer announce takes the place of one that is under way.
    ///
    /// - Parameter done: is called once more if a better tracker answers too.
    func announce(_ announcement: Announcement, _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void) {
        guard !trackers.isEmpty else { return }
        turn += 1
        let mine = turn
        let asked = current
        ask(asked, announcement, turn: mine) { result in
            switch result {
            case .success: done(result)
            case .failure where announcement.event == .left: done(result)
            case .failure(let flaw): self.askNext(after: asked, announcement, turn: mine, flaw, done)
            }
        }
        guard announcement.event != .left else { return }
        for better in 0..<asked {
            ask(better, announcement, turn: mine) { result in
                guard case .success = result, better < self.current else { return }
                self.leave(self.current, announcement)
                self.current = better
                done(result)
            }
        }
    }

    /// Goes round the trackers that come after the one that has failed; the better ones are asked already.
    private func askNext(
        after failed: Int, _ announcement: Announcement, turn mine: Int, _ flaw: TrackerFlaw,
        _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void
    ) {
        guard failed + 1 < trackers.count else {
            // Next time all are asked, beginning with the broadcast's own.
            if current >= failed { (state, current) = (.unreachable, 0) }
            return done(.failure(flaw))
        }
        ask(failed + 1, announcement, turn: mine) { result in
            switch result {
            case .success:
                // A better one may have come back meanwhile.
                if self.current >= failed || self.state != .answering { self.current = failed + 1 }
                self.state = .answering
                done(result)
            case .failure(let flaw): self.askNext(after: failed + 1, announcement, turn: mine, flaw, done)
            }
        }
    }

    private func ask(
        _ tracker: Int, _ announcement: Announcement, turn mine: Int,
        _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void
    ) {
        ask(tracker, attempt: 0, announcement) { result in
            guard mine == self.turn else { return }
            if case .success = result { self.state = .answering }
            done(result)
        }
    }

    /// Tries the addresses of one tracker, the one that has answered last first.
    private func ask(
        _ tracker: Int, attempt: Int, _ announcement: Announcement,
        _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void
    ) {
        let door = (doors[tracker] + attempt) % trackers[tracker].count
        send(announcement, to: trackers[tracker][door]) { result in
            switch result {
            case .success:
                self.doors[tracker] = door
                done(result)
            case .failure(let flaw):
                self.flaws[flaw, default: 0] += 1
                guard attempt + 1 < self.trackers[tracker].count else { return done(result) }
                self.ask(tracker, attempt: attempt + 1, announcement, done)
            }
        }
    }

    private func leave(_ tracker: Int, _ announcement: Announcement) {
        var farewell = announcement
        farewell.event = .left
        send(farewell, to: trackers[tracker][doors[tracker]]) { _ in }
    }

    private func send(
        _ announcement: Announcement, to url: String, _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void
    ) {
        guard url.hasPrefix("udp://") else { return post(announcement, to: url, done) }
        let tracker = datagrams[url] ?? DatagramTracker(url, on: eventLoop) { [weak self] in self?.onCall?($0) }
        datagrams[url] = tracker
        tracker.announce(announcement, done)
    }

    func close() {
        for tracker in datagrams.values { tracker.close() }
    }

    /// Asks the tracker in use which port a connection has for others that leaves from `port`. Over HTTPS a proxy would
    /// answer for its own. `nil` when nobody has said it.
    func askPort(from port: UInt16, _ done: @escaping (UInt16?) -> Void) {
        guard !trackers.isEmpty, let url = trackers[current].first(where: { $0.hasPrefix("http://") }) else { return }
        let answer = NIOLoopBoundBox(ByteBuffer(), eventLoop: eventLoop)
        let done = NIOLoopBound(done, eventLoop: eventLoop)
        client.start(
            WebRequest("\(Self.base(of: url))/v1/address", limit: 64, timeout: .seconds(5), localPort: port),
            on: eventLoop, onBytes: { answer.value.writeImmutableBuffer($0) },
            onEnd: { result in
                guard case .success(let end) = result, end.head.status == 200 else { return done.value(nil) }
                let text = String(buffer: answer.value).split(separator: ":").last ?? ""
                done.value(UInt16(text.prefix { $0 != "\n" }))
            })
    }

    private static func base(of url: String) -> String {
        url.hasSuffix("/announce") ? String(url.dropLast("/announce".count)) : url
    }

    private func post(
        _ announcement: Announcement, to url: String, _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void
    ) {
        var body = ByteBuffer()
        announcement.encode(into: &body)
        let answer = NIOLoopBoundBox(ByteBuffer(), eventLoop: eventLoop)
        let done = NIOLoopBound(done, eventLoop: eventLoop)
        client.start(
            WebRequest(
                "\(Self.base(of: url))/v1/announce", method: .post(Array(body.readableBytesView)),
                headers: [("content-type", "application/octet-stream")], limit: 64 << 10, timeout: .seconds(5)),
            on: eventLoop, onBytes: { answer.value.writeImmutableBuffer($0) },
            onEnd: { result in
                guard case .success(let end) = result else { return done.value(.failure(.unreachable)) }
                guard end.head.status == 200 else { return done.value(.failure(.status)) }
                guard let welcome = try? Welcome(parsing: answer.value) else { return done.value(.failure(.malformed)) }
                done.value(.success(welcome))
            })
    }
}

/// One tracker on UDP: the connection id that proves our address, then announces; both are repeated until answered.
// Unchecked because it is confined to `eventLoop`.
private final class DatagramTracker: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private struct Exchange {
        let announcement: Announcement
        let done: (Result<Welcome, TrackerFlaw>) -> Void
        var transaction = UInt32.random(in: .min ... .max)
        var attempt = 0
        /// Whether the connection id in hand has been used for it.
        var isSent = false
    }

    /// How long to wait for an answer before each repetition; BEP 15's fifteen seconds are too long for live video.
    private static let patience: [Int64] = [1, 2, 4, 4]
    /// How long we may use a connection id (BEP 15).
    private static let connectionAge = TimeAmount.seconds(60)

    private let url: String
    private let eventLoop: any EventLoop
    private var channel: (any Channel)?
    private var isOpening = false
    private var connection: (id: UInt64, time: NIODeadline)?
    private var exchange: Exchange?
    /// What the last announce that was answered was called: calls name it.
    private var answered: UInt32?
    private let onCall: (Introduction) -> Void
    private var alarm: Scheduled<Void>?

    init(_ url: String, on eventLoop: any EventLoop, onCall: @escaping (Introduction) -> Void) {
        self.url = url
        self.eventLoop = eventLoop
        self.onCall = onCall
    }

    func announce(_ announcement: Announcement, _ done: @escaping (Result<Welcome, TrackerFlaw>) -> Void) {
        exchange = Exchange(announcement: announcement, done: done)
        if channel == nil { open() } else { attempt() }
    }

    func close() {
        alarm?.cancel()
        exchange = nil
        channel?.close(promise: nil)
    }

    // MARK: The socket

    private func open() {
        guard !isOpening else { return }
        isOpening = true
        let eventLoop = eventLoop
        resolve().flatMap { address in
            DatagramBootstrap(group: eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(self)
                    }
                }
                .connect(to: address)
        }.whenComplete { result in
            self.isOpening = false
            switch result {
            case .success(let channel):
                self.channel = channel
                self.attempt()
            case .failure: self.finish(.failure(.noSuchHost))
            }
        }
    }

    private func resolve() -> EventLoopFuture<SocketAddress> {
        let rest = url.dropFirst("udp://".count).prefix { $0 != "/" }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
            return eventLoop.makeFailedFuture(TrackerFlaw.noSuchHost)
        }
        var host = String(rest[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        // Trackers on this machine listen on IPv4 unless told otherwise.
        if host == "localhost" { host = "127.0.0.1" }
        if let address = try? SocketAddress(ipAddress: host, port: Int(port)) {
            return eventLoop.makeSucceededFuture(address)
        }
        let name = host
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            try SocketAddress.makeAddressResolvingHost(name, port: Int(port))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What is no answer of ours may be anybody's: it is not worth more than silence.
        guard let answer = try? TrackerAnswer(parsing: unwrapInboundIn(data).data) else { return }
        if case .call(let transaction, let caller) = answer {
            if transaction == answered || transaction == exchange?.transaction { onCall(caller) }
            return
        }
        guard let exchange else { return }
        switch answer {
        case .connected(let transaction, let id) where transaction == exchange.transaction:
            connection = (id, .now())
            self.exchange?.transaction = .random(in: .min ... .max)
            self.exchange?.isSent = false
            attempt()
        case .welcome(let transaction, let welcome) where transaction == exchange.transaction:
            answered = transaction
            finish(.success(welcome))
        case .refused(let transaction, _) where transaction == exchange.transaction:
            connection = nil
            finish(.failure(.refused))
        default: return
        }
    }

    /// "Connection refused" comes here: nobody is there, and no repetition within seconds will change that.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection = nil
        finish(.failure(.unreachable))
    }

    func channelInactive(context: ChannelHandlerContext) { channel = nil }

    // MARK: The exchange

    private func attempt() {
        alarm?.cancel()
        guard let exchange, let channel else { return }
        guard exchange.attempt < Self.patience.count else {
            // A new socket next time: the address may have changed.
            connection = nil
            channel.close(promise: nil)
            self.channel = nil
            return finish(.failure(.silent))
        }
        if let connection, NIODeadline.now() - connection.time > Self.connectionAge { self.connection = nil }
        // A tracker that has restarted does not know the id any more and says nothing.
        if exchange.isSent, connection != nil {
            connection = nil
            self.exchange?.transaction = .random(in: .min ... .max)
        }
        var datagram = channel.allocator.buffer(capacity: 256)
        let transaction = self.exchange?.transaction ?? exchange.transaction
        let request: TrackerRequest =
            if let connection {
                .announce(connection: connection.id, transaction: transaction, exchange.announcement)
            } else {
                .connect(transaction: transaction)
            }
        request.encode(into: &datagram)
        let remote = channel.remoteAddress
        if let remote {
            channel.writeAndFlush(AddressedEnvelope(remoteAddress: remote, data: datagram), promise: nil)
        }
        self.exchange?.attempt += 1
        self.exchange?.isSent = connection != nil
        alarm = eventLoop.scheduleTask(in: .seconds(Self.patience[exchange.attempt])) { self.attempt() }
    }

    private func finish(_ result: Result<Welcome, TrackerFlaw>) {
        alarm?.cancel()
        let done = exchange?.done
        exchange = nil
        done?(result)
    }
}
