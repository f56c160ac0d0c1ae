import Glibc
import Integrity
import Logging
package import NIOCore
import NIOPosix
import PeerCore
package import Vocabulary
import WebClient
import WebServer
import Wire

/// What an agent is told at its start.
package struct AgentOptions: Sendable {
    package var link: MagnetLink
    /// Where the player's side listens.
    package var listenHost = "127.0.0.1"
    package var listenPort = 0
    /// Where links from other peers are taken.
    package var peerHost = "0.0.0.0"
    package var peerPort = 0
    package var uploads = true
    /// Bytes per second that links may carry away; `nil` for no cap.
    package var uploadLimit: Int?
    /// The web origin whose pages may read what the local server serves.
    package var allowedOrigin: String?
    package var rendition: UInt8 = 0
    /// Changes each piece before it is sent, or keeps it back. For peers of tests that break the rules; `nil` serves
    /// what was verified.
    package var alterServedPiece: (@Sendable (PieceID, ByteBuffer) -> ByteBuffer?)?

    package init(link: MagnetLink) { self.link = link }
}

/// A place could not be listened on.
package struct ListenFailure: Error {
    package let place: String
    package let reason: any Error
}

/// One viewer: performs what the core decides and tells it what happens.
///
///     player <-> LocalServer --+                 +-- OriginAccess  <-> origin (HTTP)
///     peers  <-> Link ---------+-- Agent, Swarm -+-- TrackerAccess <-> tracker (UDP, HTTP)
///                              +-- PieceStore ---+
///
/// Whatever way a piece comes, it is checked against its leaf hash in `PieceStore` before anything else happens to it.
// Unchecked because everything in it is confined to `eventLoop`; what others may call goes there first.
package final class Agent: @unchecked Sendable {
    private enum Event {
        case fact(Swarm.Fact)
        case record(SealedRecord, Source)
        case leaves(SegmentID, [Word256], Source)
    }

    let options: AgentOptions
    let eventLoop: any EventLoop
    private let group: MultiThreadedEventLoopGroup
    private let log: Logger
    private let identity = PeerIdentity()
    private let client = WebClient()
    let origin: OriginAccess
    let tracker: TrackerAccess

    private(set) var core: Swarm
    private(set) var store: PieceStore
    private var early = EarlyPieces()
    /// Fetches whose bytes are all here and could not be checked yet.
    private var uncheckedFetches: [FetchID: (segment: SegmentID, pieces: Range<Int>)] = [:]
    private(set) var programme = Programme()
    private var links: [LinkID: Link] = [:]
    private var nextLink = 0
    private var guests = Guests()
    /// Links that others have opened and that have not shaken hands.
    private var strangers: [LinkID: Link] = [:]
    private var dialing = 0
    private var dials = DialBudget()
    private var listener: (any Channel)?
    private var local: LocalServer?

    private var events: CircularBuffer<Event> = []
    private var commands: [Swarm.Command] = []
    private var current: SealedRecord?
    private var isDraining = false
    private var alarm: (at: Instant, task: Scheduled<Void>)?
    private var acknowledgementAlarm: Scheduled<Void>?
    private var isStopped = false
    private var refreshTask: RepeatedTask?

    var title = ""
    /// What the origin says of its renditions; empty while it does not know.
    private(set) var renditions: [Rendition] = []
    private var others: [UInt8: OtherRendition] = [:]
    private var initializations: [Root: ByteBuffer] = [:]
    private var wantedInitializations: Set<Root> = []
    var closedAt: UInt64?
    /// EXT-X-TARGETDURATION, as the origin has said; `nil` before it has.
    private var promisedTarget: Int?
    private(set) var bytesToPlayer = 0
    private var linkFlaws: [LinkFlaw: Int] = [:]
    private var piecesRefused = 0

    // MARK: Life

    package static func start(_ options: AgentOptions) async throws -> Agent {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let agent = Agent(options, group)
        do {
            try await agent.listen()
        } catch {
            await agent.stop()
            throw error
        }
        return agent
    }

    private init(_ options: AgentOptions, _ group: MultiThreadedEventLoopGroup) {
        self.options = options
        self.group = group
        eventLoop = group.any()
        var log = Logger(label: "peer")
        log[metadataKey: "peer"] = "\(identity.peer.key.hex.prefix(8))"
        self.log = log
        origin = OriginAccess(on: eventLoop, client, options.link, rendition: options.rendition)
        tracker = TrackerAccess(on: eventLoop, client, options.link)
        let settings = Settings(broadcast: options.link.broadcast, me: identity.peer, port: 0)
        core = Swarm(settings: settings, seed: 0, at: .now)
        store = PieceStore(limit: settings.storeLimit + settings.storeLimit / 4)
    }

    private func listen() async throws {
        let listener: any Channel
        do {
            listener = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(Link.attempts, value: 2)
                .childChannelInitializer { [weak self] channel in
                    channel.eventLoop.makeCompletedFuture { try self?.take(channel) }
                }
                .bind(to: SocketAddress(options.peerHost, port: options.peerPort)).get()
        } catch {
            throw ListenFailure(place: "\(options.peerHost):\(options.peerPort)", reason: error)
        }
        let local: LocalServer
        do {
            local = try await LocalServer.start(
                host: options.listenHost, port: options.listenPort, group: group,
                allowedOrigin: options.allowedOrigin, view: self)
        } catch {
            try? await listener.close()
            throw ListenFailure(place: "\(options.listenHost):\(options.listenPort)", reason: error)
        }
        try await eventLoop.submit { self.begin(listener, local) }.get()
    }

    private func begin(_ listener: any Channel, _ local: LocalServer) {
        self.listener = listener
        self.local = local
        var settings = Settings(
            broadcast: options.link.broadcast, me: identity.peer, port: UInt16(listener.localAddress?.port ?? 0))
        settings.rendition = options.rendition
        settings.uploads = options.uploads
        settings.uploadLimit = options.uploadLimit
        settings.hasTracker = tracker.url != nil
        tracker.onCall = { [weak self] caller in
            guard let self, dials.isDialable(caller.endpoint, options.link) else { return }
            tell(.called(caller))
        }
        core = Swarm(settings: settings, seed: .random(in: .min ... .max), at: .now)
        refreshTask = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak self] _ in
            self?.refreshProgramme()
        }
        tell(.timePassed)
    }

    package var peerPort: Int {
        get async { (try? await eventLoop.submit { self.listener?.localAddress?.port ?? 0 }.get()) ?? 0 }
    }

    /// The URL of the local master playlist, and of the status page.
    package var urls: (hls: String, status: String) {
        get async {
            let base = (try? await eventLoop.submit { self.local?.base ?? "" }.get()) ?? ""
            return (base + "/master.m3u8", base + "/status")
        }
    }

    /// Says goodbye to neighbors and tracker, and ends everything.
    package func stop() async {
        let gone = eventLoop.flatSubmit { self.end() }
        _ = try? await gone.get()
        await local?.stop()
        await client.shutdownAndWait()
        try? await group.shutdownGracefully()
    }

    private func end() -> EventLoopFuture<Void> {
        guard !isStopped else { return eventLoop.makeSucceededVoidFuture() }
        tell(.stopped)
        isStopped = true
        alarm?.task.cancel()
        acknowledgementAlarm?.cancel()
        refreshTask?.cancel()
        for other in others.values { other.stop() }
        listener?.close(promise: nil)
        // One round trip for the last announce and the goodbyes; nobody waits longer for a viewer who leaves.
        return eventLoop.scheduleTask(in: .milliseconds(options.link.trackers.isEmpty ? 50 : 200)) {
            self.tracker.close()
        }.futureResult
    }

    // MARK: Facts in, commands out

    /// Tells the core; what follows from a fact that comes up meanwhile is done after what came before it.
    func tell(_ fact: Swarm.Fact) { enqueue(.fact(fact)) }

    private func enqueue(_ event: Event) {
        guard !isStopped else { return }
        events.append(event)
        if !isDraining { together {} }
    }

    /// Handles the facts that come up in `body` after it, and sends what follows from all of them at once.
    private func together(_ body: () -> Void) {
        guard !isDraining else { return body() }
        isDraining = true
        body()
        while let event = events.popFirst() { handle(event) }
        isDraining = false
        for link in links.values { link.flush() }
        rearm()
    }

    private func handle(_ event: Event) {
        switch event {
        case .fact(let fact): decide(fact)
        case .record(let sealed, let source):
            current = sealed
            decide(.recordVerified(sealed.record, digest: sealed.digest, from: source))
            current = nil
        case .leaves(let segment, let leaves, let source):
            switch store.keep(leaves: leaves, of: segment) {
            case true?:
                decide(.leavesVerified(segment, from: source))
                admitEarlyPieces(of: segment)
                refreshProgramme()
            case false?:
                if case .neighbor(let link) = source {
                    decide(.misbehaved(link, .badRecord))
                } else {
                    _ = origin.failed(.badLeaves)
                }
            case nil: return
            }
        }
    }

    private func decide(_ fact: Swarm.Fact) {
        var batch = commands
        commands = []
        core.handle(fact, at: .now, into: &batch)
        for command in batch { perform(command) }
        batch.removeAll(keepingCapacity: true)
        commands = batch
    }

    private func rearm() {
        let next = max(core.nextDeadline, .now + .milliseconds(1))
        guard !isStopped, next != .distantFuture, alarm.map({ next < $0.at }) ?? true else { return }
        alarm?.task.cancel()
        let task = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, next.nanoseconds)))) {
            self.alarm = nil
            self.tell(.timePassed)
        }
        alarm = (next, task)
    }

    private func perform(_ command: Swarm.Command) {
        switch command {
        case .dial(let peer, let endpoint): dial(Introduction(peer: peer, endpoint: endpoint))
        case .punch(let peer, let endpoint):
            dial(Introduction(peer: peer, endpoint: endpoint), from: doorstep(towards: endpoint))
        case .greet(let link):
            links[link]?.send(
                .hello(
                    Greeting(
                        broadcast: options.link.broadcast, port: core.port, rendition: options.rendition,
                        uploads: options.uploads)))
        case .close(let link, let reason): links[link]?.close(reason)
        case .introduce(let link, let introductions): links[link]?.send(.peers(introductions))
        case .ping(let link): links[link]?.send(.ping(.random(in: .min ... .max)))

        case .accept(let segment):
            guard let current, current.record.segment == segment else { return }
            store.keep(current.record, sealed: current.sealed)
            if let section = current.record.initialization { needs(section) }
        case .forget(let segment):
            store.forget(segment)
            _ = early.take(segment)
            local?.forgotten(segment)
        case .drop(let segment): store.drop(segment)
        case .sendRecord(let link, let segment):
            if let sealed = store.sealedRecord(segment) { links[link]?.send(.record(sealed)) }
        case .askLeaves(let link, let segment): links[link]?.send(.leavesWanted(segment))
        case .sendLeaves(let link, let segment):
            if let leaves = store.leaves(segment) { links[link]?.send(.leaves(segment, leaves)) }

        case .sendHolds(let link, let segment, let pieces): links[link]?.send(.have(segment, pieces))
        case .sendFetching(let link, let segment, let indices): links[link]?.send(.fetching(segment, indices))
        case .want(let link, let segment, let indices): links[link]?.send(.want(segment, indices))
        case .cancel(let link, let segment, let indices): links[link]?.send(.cancel(segment, indices))
        case .decline(let link, let segment, let indices): links[link]?.send(.decline(segment, indices))
        case .offer(let link, let offers): links[link]?.send(.offer(offers))
        case .subscribe(let link, let stripes): links[link]?.send(.subscribe(stripes))
        case .refuse(let link, let stripes): links[link]?.send(.refuse(stripes))
        case .choke(let link): links[link]?.send(.choke)
        case .unchoke(let link): links[link]?.send(.unchoke)
        case .sendPiece(let link, let piece): send(piece, to: link)

        case .fetchHead(let after): fetchHead(after)
        case .fetchRecords(_, let range): fetchRecords(range)
        case .fetchPieces(let id, let segment, let pieces, let reason): fetch(id, segment, pieces, reason)
        case .abandonFetch(let id):
            uncheckedFetches[id] = nil
            origin.abandon(id)

        case .announce(let announcement):
            tracker.announce(announcement) { result in
                switch result {
                case .success(let welcome):
                    var welcome = welcome
                    welcome.neighbors.removeAll { !self.dials.isDialable($0.endpoint, self.options.link) }
                    self.tell(.welcomed(welcome))
                case .failure: self.tell(.announceFailed)
                }
            }
        case .askPort:
            guard sharePort() else { return }
            tracker.askPort(from: core.settings.port) { port in
                self.tell(port.map(Swarm.Fact.portSeen) ?? .portAskFailed)
            }
        case .stopSharing: log.error("the origin has signed two different records for one number: no more sharing")
        }
    }

    // MARK: Links

    private func take(_ channel: any Channel) throws {
        let address = channel.remoteAddress.flatMap(Endpoint.init)?.address
        guard !isStopped, let address else {
            channel.close(promise: nil)
            return
        }
        let link = makeLink(nil, address)
        switch guests.admit(link.id, from: address) {
        case .full:
            linkFlaws[.crowded, default: 0] += 1
            channel.close(promise: nil)
            return
        case .insteadOf(let stranger): strangers.removeValue(forKey: stranger)?.end(.crowded)
        case .comeIn: break
        }
        strangers[link.id] = link
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.guests.remove(link.id)
            self.strangers[link.id] = nil
        }
        try link.attach(to: channel)
    }

    private func makeLink(_ dialled: Introduction?, _ address: [UInt8]?) -> Link {
        nextLink += 1
        return Link(
            LinkID(nextLink), dialled: dialled, remoteAddress: address, identity: identity,
            broadcast: options.link.broadcast, owner: self)
    }

    /// - Parameter place: where the connection leaves from; anywhere when that cannot be.
    private func dial(_ introduction: Introduction, from place: SocketAddress? = nil) {
        let endpoint = introduction.endpoint
        guard dials.isDialable(endpoint, options.link), dials.spend(endpoint, isPunch: place != nil),
            let address = try? SocketAddress(
                packedIPAddress: ByteBuffer(bytes: endpoint.address), port: Int(endpoint.port))
        else { return tell(.dialFailed(introduction.peer)) }
        var bootstrap = ClientBootstrap(group: eventLoop)
        if let place {
            bootstrap = bootstrap.channelOption(.socketOption(.so_reuseaddr), value: 1)
                .channelOption(Link.sharedPort, value: 1).bind(to: place)
        }
        bootstrap
            // Three attempts of the kernel: after 1 and 3 seconds both ends' NATs have seen both.
            .connectTimeout(.seconds(place == nil ? 3 : 4))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try self.makeLink(introduction, endpoint.address).attach(to: channel)
                }
            }
            .connect(to: address)
            .whenFailure { error in
                // The port has a connection there already, or one that ended lately.
                if place != nil, [EADDRNOTAVAIL, EADDRINUSE].contains((error as? IOError)?.errnoCode) {
                    self.dial(introduction)
                } else {
                    self.tell(.dialFailed(introduction.peer))
                }
            }
    }

    /// Where a connection leaves from that is to have the port that takes links.
    private func doorstep(towards endpoint: Endpoint) -> SocketAddress? {
        guard sharePort(), let local = listener?.localAddress, let port = local.port, let host = local.ipAddress else {
            return nil
        }
        let isV4 = endpoint.ip.v4 != nil
        let place = host == "::" && isV4 ? "0.0.0.0" : host
        guard let address = try? SocketAddress(ipAddress: place, port: port), (address.protocol == .inet) == isV4 else {
            return nil
        }
        return address
    }

    /// Lets connections leave from the port that takes links. Until they have to, nobody else can have it by mistake.
    private func sharePort() -> Bool {
        (try? listener?.syncOptions?.setOption(Link.sharedPort, value: 1)) != nil
    }

    private func send(_ piece: PieceID, to link: LinkID) {
        guard let content = store[piece], let to = links[link] else { return tell(.pieceSent(link, piece)) }
        let altered = options.alterServedPiece.map { $0(piece, content) } ?? content
        guard let served = altered else { return tell(.pieceSent(link, piece)) }
        to.sendPiece(piece, served)
        watchAcknowledgements()
    }

    /// How late at most a piece is known to be acknowledged.
    private static let acknowledgementLook = TimeAmount.milliseconds(10)

    /// Looks at all links that owe pieces, for as long as there are any.
    private func watchAcknowledgements() {
        guard acknowledgementAlarm == nil, !isStopped else { return }
        acknowledgementAlarm = eventLoop.assumeIsolated().scheduleTask(in: Self.acknowledgementLook) {
            self.acknowledgementAlarm = nil
            self.together {
                for link in self.links.values { link.lookForAcknowledgements() }
            }
            if self.links.values.contains(where: \.owesPieces) { self.watchAcknowledgements() }
        }
    }

    /// Takes a piece in if it is what the record says; returns false when no honest source has such a piece.
    private func receive(_ piece: PieceID, _ content: ByteBuffer, from source: Source) -> Bool {
        switch store.admit(piece, content) {
        case .new:
            decide(.pieceVerified(piece, from: source))
            local?.arrived(piece)
        case .known: decide(.pieceVerified(piece, from: source))
        case .early:
            if early.keep(piece, content, from: source) { decide(.pieceEarly(piece.segment, from: source)) }
        case .bad:
            piecesRefused += 1
            log.warning(
                "bytes that are not the piece have been refused",
                metadata: ["piece": "\(piece)", "from": source == .origin ? "origin" : "neighbor"])
            if case .neighbor(let link) = source { decide(.misbehaved(link, .badPiece)) }
            return false
        case .unknown, .full: break
        }
        return true
    }

    /// The leaf hashes have come: what waited for them is checked like anything else.
    private func admitEarlyPieces(of segment: SegmentID) {
        for piece in early.take(segment) {
            if case .neighbor(let link) = piece.source, links[link]?.isOpen != true { continue }
            if !receive(piece.id, piece.content, from: piece.source), piece.source == .origin {
                _ = origin.failed(.badPiece)
            }
        }
        let fetches = uncheckedFetches.filter { $0.value.segment == segment }.keys
        for id in fetches.sorted(by: { $0.number < $1.number }) { fetched(id) }
    }

    private func receive(record sealed: [UInt8], on link: Link) {
        guard spendRecordCredit(link) else { return link.end(.records) }
        guard let record = try? SealedRecord(unchecked: sealed), record.record.broadcast == options.link.broadcast
        else {
            return tell(.misbehaved(link.id, .badRecord))
        }
        // The very bytes that we hold need no second look at their signature.
        if store.sealedRecord(record.record.segment) != sealed {
            guard (try? record.check(options.link.broadcast)) != nil else {
                return tell(.misbehaved(link.id, .badRecord))
            }
        }
        enqueue(.record(record, .neighbor(link.id)))
    }

    private func spendRecordCredit(_ link: Link) -> Bool {
        let now = NIODeadline.now()
        let earned = Double((now - link.recordCreditTime).nanoseconds) / 1e9 * Double(Limits.recordsPerSecond)
        link.recordCreditTime = now
        link.recordCredit = min(Double(Limits.recordBurst), link.recordCredit + earned) - 1
        return link.recordCredit >= 0
    }

    // MARK: The origin

    private func fetchHead(_ after: UInt64?) {
        origin.fetchHead(after: after) { result in
            guard case .success(let news) = result, let newest = news.newest else { return self.tell(.headFailed) }
            let sequence = newest.record.segment.sequence
            self.title = news.head.title
            self.renditions = news.head.renditions
            self.closedAt = news.head.isClosed ? sequence : nil
            self.promisedTarget = news.head.targetDuration
            self.together {
                self.enqueue(.record(newest, .origin))
                self.tell(
                    .headArrived(
                        oldest: news.oldest, newest: sequence, targetDuration: news.head.targetDuration,
                        isClosed: news.head.isClosed))
            }
            self.refreshProgramme()
        }
    }

    private func fetchRecords(_ range: ClosedRange<UInt64>) {
        origin.fetchRecords(range) { result in
            guard case .success(let entries) = result else { return self.tell(.recordsFailed) }
            for (record, leaves) in entries {
                self.enqueue(.record(record, .origin))
                self.enqueue(.leaves(record.record.segment, leaves, .origin))
            }
            self.tell(.recordsDone)
        }
    }

    private func fetch(_ id: FetchID, _ segment: SegmentID, _ pieces: Range<Int>, _ reason: FetchReason) {
        guard let record = store.record(segment) else { return tell(.fetchFailed(id)) }
        origin.fetchPieces(id, record, pieces, urgency: reason.urgency) { index, content in
            var isRight = true
            self.together { isRight = self.receive(PieceID(segment, index), content, from: .origin) }
            return isRight
        } _: { result in
            switch result {
            case .success:
                self.uncheckedFetches[id] = (segment, pieces)
                if self.store.leaves(segment) != nil { self.fetched(id) }
            case .failure: self.tell(.fetchFailed(id))
            }
        }
    }

    /// Ends a fetch whose bytes have all come and been checked: the core must not take for held what was refused.
    private func fetched(_ id: FetchID) {
        guard let (segment, pieces) = uncheckedFetches.removeValue(forKey: id) else { return }
        let isWhole = pieces.allSatisfy { store[PieceID(segment, $0)] != nil }
        tell(isWhole ? .fetchDone(id) : .fetchFailed(id))
    }

    // MARK: The picture

    private func refreshProgramme() {
        let before = programme.playlist
        let listed = core.listed.prefix { record in
            guard record.initialization.map({ initializations[$0] != nil }) ?? true else { return false }
            return store.leaves(record.segment) != nil || record.segment.sequence < core.newestSequence
        }
        programme.update(
            Array(listed), targetDuration: promisedTarget ?? core.targetDuration, end: closedAt, at: .now())
        if programme.playlist != before { local?.listed() }
    }

    package func report() async -> Report {
        (try? await eventLoop.submit { self.currentReport() }.get()) ?? Report()
    }

    func currentReport() -> Report {
        var report = Report()
        report.tally = core.tally
        report.bytesToPlayer = bytesToPlayer
        report.tally.bytesFromOrigin += others.values.reduce(0) { $0 + $1.bytesFromOrigin }
        report.piecesRefused = piecesRefused
        report.stalls = core.stallCount
        report.stalled = core.stallTime
        report.neighbors = core.neighborPictures
        report.viewers = core.viewerCount
        report.lease = core.currentLease
        report.isSharing = core.isSharing
        report.isUnreachable = core.isUnreachable
        report.isClosed = core.isBroadcastClosed
        report.title = title
        report.newest = core.listed.last?.segment.sequence
        report.newestComplete = core.newestComplete?.sequence
        report.latency = latency
        report.segments = core.segmentPictures(8, at: .now)
        report.slack = report.segments.first { $0.pieces.contains { $0 != .fromPeer && $0 != .fromOrigin } }?.slack
        report.storeBytes = store.bytes
        report.trackerState = tracker.state.rawValue
        report.trackerURL = tracker.url
        report.originState = origin.isAnswering ? (origin.isStale ? "stale" : "answering") : "unreachable"
        report.originURL = origin.base
        for (flaw, count) in linkFlaws { report.linkFlaws[flaw.rawValue] = count }
        for (flaw, count) in origin.flaws { report.originFlaws[flaw.rawValue] = count }
        for (flaw, count) in tracker.flaws { report.trackerFlaws[flaw.rawValue] = count }
        report.refusedRequests = local?.refused ?? [:]
        return report
    }

    /// By the wall clock while it makes sense; a viewer's clock that is an hour off must not show nonsense.
    private var latency: Interval? {
        guard let complete = core.newestComplete, let record = store.record(complete) else { return nil }
        let end = record.programTime + record.duration / 1_000
        let sinceEnd = Instant.wallClockMilliseconds - end
        if (0...600_000).contains(sinceEnd), !core.isBroadcastClosed { return .milliseconds(sinceEnd) }
        guard let newest = core.listed.last else { return nil }
        return .milliseconds(max(0, newest.programTime + newest.duration / 1_000 - end))
    }
}

extension Agent: OtherRendition.Owner {
    var sharedProgramme: Programme { programme }

    func changed(_ rendition: OtherRendition) { local?.listed() }

    func arrived(_ piece: PieceID, of rendition: OtherRendition) { local?.arrived(piece) }

    func forgotten(_ segment: SegmentID, of rendition: OtherRendition) { local?.forgotten(segment) }

    /// Initialization sections are few and small: each comes from the origin once.
    func needs(_ initialization: Root) {
        guard initializations[initialization] == nil, wantedInitializations.insert(initialization).inserted else {
            return
        }
        fetchInitialization(initialization)
    }

    private func fetchInitialization(_ root: Root) {
        // What no segment needs any longer, the origin need not be asked for, which may not have it.
        let isNeeded = store.needs(root) || others.values.contains { $0.needs(root) }
        guard !isStopped, isNeeded else {
            wantedInitializations.remove(root)
            return
        }
        origin.fetchInitialization(root) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let bytes):
                if self.initializations.count >= 256 { self.initializations.removeAll() }
                self.initializations[root] = ByteBuffer(bytes: bytes)
                self.wantedInitializations.remove(root)
                self.refreshProgramme()
                self.local?.listed()
            case .failure:
                self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(500)) { [weak self] in
                    self?.fetchInitialization(root)
                }
            }
        }
    }
}

extension Agent: LinkOwner {
    func opened(_ link: Link, _ peer: PeerID) {
        guests.shookHands(link.id)
        strangers[link.id] = nil
        guard !isStopped else { return link.close(.leaving) }
        links[link.id] = link
        tell(.linked(link.id, peer, endpoint: link.dialled?.endpoint, isOurs: link.isOurs))
    }

    func received(_ frame: PeerFrame, on link: Link) {
        guard links[link.id] != nil else { return }
        let isDrainer = !isDraining
        isDraining = true
        handle(frame, on: link)
        guard isDrainer else { return }
        while let event = events.popFirst() { handle(event) }
        isDraining = false
    }

    /// Acknowledgements come with what is read, too.
    func readDone(_ link: Link) {
        together { link.lookForAcknowledgements() }
    }

    func sent(_ piece: PieceID, on link: Link) { tell(.pieceSent(link.id, piece)) }

    func ended(_ link: Link, because flaw: LinkFlaw?) {
        if let flaw {
            linkFlaws[flaw, default: 0] += 1
            log.debug("link ended", metadata: ["reason": "\(flaw.rawValue)"])
        }
        early.forget(.neighbor(link.id))
        if links.removeValue(forKey: link.id) != nil {
            tell(.linkLost(link.id))
        } else if let dialled = link.dialled {
            tell(.dialFailed(dialled.peer))
        }
    }

    private func handle(_ frame: PeerFrame, on link: Link) {
        let id = link.id
        let now = NIODeadline.now()
        if now - link.lastHeard > .seconds(1) {
            link.lastHeard = now
            tell(.heard(id))
        }
        if case .hello(let greeting) = frame {
            guard !link.hasGreeted else { return link.end(.order) }
            guard greeting.broadcast == options.link.broadcast else { return link.end(.order) }
            link.hasGreeted = true
            let endpoint =
                greeting.port == 0 ? nil : link.remoteAddress.flatMap { Endpoint(address: $0, port: greeting.port) }
            return tell(.greeted(id, uploads: greeting.uploads, endpoint: endpoint))
        }
        if case .goodbye = frame { return link.close(.leaving) }
        guard link.hasGreeted else { return link.end(.order) }
        switch frame {
        case .hello, .goodbye, .unknown: return
        case .record(let sealed): receive(record: sealed, on: link)
        case .leavesWanted(let segment): tell(.leavesWanted(id, segment))
        case .leaves(let segment, let leaves):
            guard spendRecordCredit(link) else { return link.end(.records) }
            enqueue(.leaves(segment, leaves, .neighbor(id)))
        case .have(let segment, let pieces): tell(.holds(id, segment, pieces))
        case .fetching(let segment, let indices): tell(.fetching(id, segment, indices))
        case .want(let segment, let indices): tell(.wanted(id, segment, indices))
        case .cancel(let segment, let indices):
            tell(.cancelled(id, segment, indices))
            link.cancelPieces(segment, indices)
        case .decline(let segment, let indices): tell(.declined(id, segment, indices))
        case .piece(let segment, let index, let content):
            _ = receive(PieceID(segment, index), content, from: .neighbor(id))
        case .choke: tell(.choked(id))
        case .unchoke: tell(.unchoked(id))
        case .offer(let offers): tell(.offered(id, offers))
        case .subscribe(let stripes): tell(.subscribed(id, stripes))
        case .refuse(let stripes): tell(.refused(id, stripes))
        case .peers(let introductions):
            tell(.introduced(by: id, introductions.filter { dials.isDialable($0.endpoint, options.link) }))
        case .ping(let nonce): link.send(.pong(nonce))
        case .pong: tell(.ponged(id))
        }
    }
}

extension Agent: BroadcastView {
    func record(_ segment: SegmentID) -> Record? {
        guard segment.rendition != options.rendition else { return store.record(segment) }
        return others[segment.rendition]?.record(segment)
    }

    func piece(_ piece: PieceID) -> ByteBuffer? {
        guard piece.segment.rendition != options.rendition else {
            let isLast = store.record(piece.segment).map { piece.index == $0.pieceCount - 1 } ?? false
            return isLast && core.isKeptBack(piece.segment, at: .now) ? nil : store[piece]
        }
        return others[piece.segment.rendition]?.piece(piece)
    }

    var rendition: UInt8 { options.rendition }

    /// Followed from now on.
    func other(_ rendition: UInt8) -> OtherRendition? {
        guard rendition != options.rendition, Int(rendition) < renditions.count, !isStopped else { return nil }
        let other =
            others[rendition]
            ?? OtherRendition(rendition, on: eventLoop, client, options.link, owner: self)
        others[rendition] = other
        other.follow()
        return other
    }

    func initialization(_ root: Root) -> ByteBuffer? { initializations[root] }

    func asked(_ segment: SegmentID) {
        guard segment.rendition != options.rendition else { return tell(.playerAsked(segment)) }
        others[segment.rendition]?.asked(segment)
    }

    func delivered(_ segment: SegmentID) {
        if segment.rendition == options.rendition { tell(.playerReceived(segment)) }
    }

    func sentToPlayer(_ bytes: Int) { bytesToPlayer += bytes }
}

extension Swarm {
    fileprivate var newestSequence: UInt64 { listed.last?.segment.sequence ?? 0 }
}

extension Instant {
    static var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }
}
