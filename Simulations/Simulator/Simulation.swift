import PeerCore
import TrackerCore
package import Vocabulary

/// Runs the very cores of the real peer and tracker over an imagined network.
///
/// Each viewer's shell is imagined here: commands become bytes on lines with rates and delays, arrivals become facts.
/// Pieces have no content, so what the real shell verifies is true by construction, except from polluters.
///
///     Timeline -> Happening -> viewers' shells (`+Links`), the origin (`+Origin`), the tracker -> facts
///     facts -> Swarm (the real core) -> commands -> `+Commands` -> lines -> Timeline
///
/// A host's delay applies to what it sends, as in the lab: one way from a to b takes a's delay, a round trip both.
package struct Simulation {
    let scenario: Scenario
    let broadcast = BroadcastID(Word256(0, 0, 0, 7))
    var timeline = Timeline<Happening>()
    var random: Randomness
    var tracker: Tracker
    var viewers: [Viewer] = []
    var facts = Slab<Swarm.Fact>()
    var announcements = Slab<Announcement>()
    var records: [(record: Record, digest: Word256, time: Instant)] = []

    var originLine: ImaginedLine
    var answers = Slab<Answer>()
    /// Answers that have something to send and may, in turn.
    var turns: [Int32] = []
    var nextTurn = 0
    var isOriginSending = false
    /// Heads that wait for news.
    var held: [Int] = []

    var measurements = Measurements()
    private var commands: [Swarm.Command] = []

    package init(_ scenario: Scenario) {
        self.scenario = scenario
        random = Randomness(seed: scenario.seed)
        tracker = Tracker(seed: scenario.seed)
        originLine = ImaginedLine(up: scenario.originUplink, down: 1e9, delay: scenario.delay)
    }

    /// Runs the scenario to its end; `progress` hears of each imagined second.
    package mutating func run(progress: (Instant) -> Void = { _ in }) -> Measurements {
        plan()
        let end = Instant.zero + scenario.length
        var second: Int64 = 0
        while let time = timeline.nextTime, time <= end, let (now, event) = timeline.next() {
            if now.nanoseconds / 1_000_000_000 > second {
                second = now.nanoseconds / 1_000_000_000
                progress(now)
            }
            handle(event, at: now)
        }
        return conclude(at: end)
    }

    private mutating func plan() {
        timeline.plan(Happening(kind: .publish), at: .zero)
        for index in 0..<scenario.viewers {
            let share = Double(index) / Double(max(1, scenario.viewers))
            timeline.plan(
                Happening(kind: .join, viewer: Int32(index)),
                at: .zero + .milliseconds(100) + scenario.arrivals * share)
        }
        if let outage = scenario.originOutage { timeline.plan(Happening(kind: .originGoes), at: outage.lowerBound) }
        guard let exodus = scenario.exodus else { return }
        let leaving = (0..<scenario.viewers).shuffled(using: &random)
            .prefix(Int(exodus.share * Double(scenario.viewers)))
        for index in leaving.sorted() {
            timeline.plan(Happening(kind: .vanish, viewer: Int32(index)), at: .zero + exodus.time)
        }
    }

    private mutating func handle(_ event: Happening, at now: Instant) {
        let viewer = Int(event.viewer)
        switch event.kind {
        case .publish: publish(at: now)
        case .join: join(viewer, at: now)
        case .vanish: vanish(viewer, at: now)
        case .wake:
            guard viewers[viewer].wakeAt <= now else { return }
            viewers[viewer].wakeAt = .distantFuture
            tell(viewer, .timePassed, at: now)
        case .fact: tell(viewer, facts.remove(Int(event.detail)), at: now)
        case .frame, .frameThrough: receiveFrame(event, at: now)
        case .piece, .pieceThrough: receivePiece(event, at: now)
        case .acknowledged: acknowledged(event, at: now)
        case .windowOpens:
            sendPiece(
                viewer, Int(event.link), sequence: Int(event.sequence), index: Int(event.index),
                sent: Int(event.detail), at: now)
        case .dialed: dialed(viewer, Int(event.peer), at: now)
        case .announced: announced(viewer, announcements.remove(Int(event.detail)), at: now)
        case .requested: requested(Int(event.detail), at: now)
        case .abandoned: abandoned(Int(event.detail), at: now)
        case .originFree:
            isOriginSending = false
            sendFromOrigin(at: now)
        case .chunk, .chunkThrough: receiveChunk(event, at: now)
        case .chunkAcknowledged: chunkAcknowledged(event, at: now)
        case .originGoes: loseOrigin(at: now)
        }
    }

    // MARK: Viewers

    private mutating func join(_ index: Int, at now: Instant) {
        precondition(index == viewers.count, "viewers join in order")
        let isRider = Double(index * 37 % 100) < scenario.freeRiders * 100
        let isPolluter = !isRider && Double(index * 37 % 100) >= 100 - scenario.polluters * 100
        var settings = Settings(
            broadcast: broadcast, me: PeerID(Word256(random.next(), 0, 0, UInt64(index + 1))), port: Self.port)
        settings.uploads = !isRider
        viewers.append(
            Viewer(
                core: Swarm(settings: settings, seed: random.next(), at: now),
                line: ImaginedLine(up: scenario.uplink, down: scenario.downlink, delay: scenario.delay),
                joined: now, isPolluter: isPolluter))
        tell(index, .timePassed, at: now)
    }

    /// A killed process: its machine still tells the neighbors that the links are closed.
    private mutating func vanish(_ index: Int, at now: Instant) {
        guard index < viewers.count, viewers[index].isHere(at: now) else { return }
        viewers[index].left = now
        for end in viewers[index].links where end.isOpen {
            tellLater(end.peer, .linkLost(LinkID(end.twin)), at: now + viewers[index].line.delay)
        }
        for answer in viewers[index].answers { abandon(answer, at: now) }
        viewers[index].answers = []
        for shelf in viewers[index].shelves { lose(shelf.early, of: shelf.sequence) }
        viewers[index].shelves = []
    }

    private static let port: UInt16 = 7_001

    /// Where viewer `index` takes links: an address of its own, so that no per-address limit bites.
    func endpoint(_ index: Int) -> Endpoint? {
        let number = UInt32(truncatingIfNeeded: index + 1)
        return Endpoint(
            address: [10, UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)], port: Self.port)
    }

    /// Whose address it is.
    func viewer(at endpoint: Endpoint) -> Int {
        endpoint.address.dropFirst().reduce(0) { $0 << 8 | Int($1) } - 1
    }

    func delay(_ viewer: Int) -> Interval { viewers[viewer].line.delay }

    func roundTrip(_ a: Int, _ b: Int) -> Interval { delay(a) + delay(b) }

    // MARK: Facts

    mutating func tellLater(_ index: Int, _ fact: Swarm.Fact, at time: Instant) {
        timeline.plan(
            Happening(kind: .fact, viewer: Int32(index), detail: Int32(facts.insert(fact))), at: time)
    }

    mutating func tell(_ index: Int, _ fact: Swarm.Fact, at now: Instant) {
        guard viewers[index].isHere(at: now) else { return }
        if case .linkLost(let link) = fact {
            guard viewers[index].links[link.number].isOpen else { return }
            viewers[index].links[link.number].isOpen = false
        }
        var commands: [Swarm.Command] = []
        swap(&commands, &self.commands)
        viewers[index].core.handle(fact, at: now, into: &commands)
        for command in commands { perform(command, by: index, at: now) }
        commands.removeAll(keepingCapacity: true)
        swap(&commands, &self.commands)
        let wake = viewers[index].core.nextDeadline
        guard wake < viewers[index].wakeAt, wake != .distantFuture else { return }
        viewers[index].wakeAt = max(wake, now + .microseconds(1))
        timeline.plan(Happening(kind: .wake, viewer: Int32(index)), at: viewers[index].wakeAt)
    }

    // MARK: Bytes

    func length(_ sequence: Int, _ index: Int) -> Int { records[sequence].record.range(ofPiece: index).count }

    /// Bytes of pieces that came too early and whose leaf hashes never came.
    mutating func lose(_ early: [Shelf.Early], of sequence: Int) {
        for piece in early { measurements.lostBytes += length(sequence, piece.index) }
    }
}
