import OriginCore
import PeerCore
package import Scenarios
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
    let seats: [Seat]
    let segmentDuration: Interval
    let playerBuffer: Interval
    let broadcast = BroadcastID(Word256(0, 0, 0, 7))
    var timeline: Timeline<Happening>
    var random: Randomness
    var tracker: Tracker
    /// In the order of their joining, like the seats.
    var viewers: [Viewer] = []
    /// When each viewer has left; beside them, because it is asked at every event and a viewer is large.
    var left: [Instant] = []
    /// Of all links that there have been, by number; the two of one link stand side by side.
    var ends: [LinkEnd] = []
    /// One for each seat; who shares a line has the place of the one that does.
    var lines: [ImaginedLine] = []
    /// One way between regions, by the sender's and the receiver's.
    let regionDelays: [[Interval]]
    let originRegion: Int
    let baseDelay: Interval
    var post = Post()
    var announcements = Slab<Announcement>()
    var records: [(statement: Statement, time: Instant)] = []
    /// Which pieces of each segment have reached anybody.
    var shown: [Shelf] = []
    var presentCount = 0

    var originLine: ImaginedLine
    var answers = Slab<Answer>()
    /// Answers that have something to send and may, in turn.
    var turns: [Int32] = []
    var nextTurn = 0
    var isOriginSending = false
    var precedence = Precedence()
    /// Heads that wait for news.
    var held: [Int] = []

    /// The piece whose way is followed.
    var traced: (sequence: Int, index: Int)?
    let steadyFrom: Instant
    var measurements = Measurements()
    private var commands: [Swarm.Command] = []

    package init(_ scenario: Scenario, tracing traced: (sequence: Int, index: Int)? = nil) {
        self.scenario = scenario
        self.traced = traced
        seats = Attendance(scenario).seats
        segmentDuration = .seconds(scenario.segmentDuration)
        playerBuffer = .seconds(scenario.playerBuffer)
        random = Randomness(seed: scenario.seed)
        timeline = Timeline(crowd: seats.count)
        viewers.reserveCapacity(seats.count)
        left.reserveCapacity(seats.count)
        lines.reserveCapacity(seats.count)
        var settings = Tracker.Settings()
        if let injectors = scenario.injectors { settings.injectors = injectors }
        settings.peersPerBroadcast = max(settings.peersPerBroadcast, scenario.audience * 2)
        settings.peers = max(settings.peers, scenario.audience * 2)
        tracker = Tracker(settings: settings, seed: scenario.seed)
        baseDelay = .seconds(scenario.delay)
        if let region = scenario.originRegion {
            regionDelays = scenario.regionDelays.delays.map { $0.map { .seconds($0) } }
            originRegion = scenario.regionDelays.names.firstIndex(of: region) ?? 0
        } else {
            regionDelays = [[.zero]]
            originRegion = 0
        }
        originLine = ImaginedLine(
            up: scenario.originUplink.bytesPerSecond(beside: scenario.bitrate), down: 1e12, delay: baseDelay)
        let lastOfFirst = seats.prefix(scenario.audience).last?.join ?? .zero
        steadyFrom = lastOfFirst + .seconds(10)
    }

    /// Policies that the core can be told to use, by the question that they answer.
    package static let policyChoices = Dictionary(
        uniqueKeysWithValues: Policies.names.map { ($0.question, $0.answers) })

    /// Runs the scenario to its end; `progress` hears of each imagined second.
    package mutating func run(progress: (Instant) -> Void = { _ in }) -> Measurements {
        plan()
        let end = Instant.zero + .seconds(scenario.length)
        while let (now, event) = timeline.next(until: end) {
            if event.kind == .sample { progress(now) }
            measurements.events += 1
            handle(event, at: now)
        }
        return conclude(at: end)
    }

    private mutating func plan() {
        timeline.plan(Happening(kind: .publish), at: .zero)
        timeline.plan(Happening(kind: .sample), at: .zero + .seconds(1))
        if let first = seats.first { timeline.plan(Happening(kind: .join, viewer: 0), at: first.join) }
        if let outage = scenario.originOutage {
            timeline.plan(Happening(kind: .originGoes), at: outage.range.lowerBound)
        }
    }

    private mutating func handle(_ event: Happening, at now: Instant) {
        let viewer = Int(event.viewer)
        switch event.kind {
        case .publish: publish(at: now)
        case .join: join(viewer, at: now)
        case .leave: leave(viewer, at: now)
        case .sample: sample(at: now)
        case .play: play(viewer, at: now)
        case .wake:
            guard viewers[viewer].wakeAt <= now else { return }
            viewers[viewer].wakeAt = .distantFuture
            tell(viewer, .timePassed, at: now)
        case .fact: tell(viewer, post.take(Int(event.detail)), at: now)
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
        case .overdue: overdue(Int(event.detail), at: now)
        case .originGoes: loseOrigin(at: now)
        }
    }

    // MARK: Viewers

    private mutating func join(_ index: Int, at now: Instant) {
        precondition(index == viewers.count, "viewers join in order")
        if index + 1 < seats.count {
            timeline.plan(Happening(kind: .join, viewer: Int32(index + 1)), at: seats[index + 1].join)
        }
        let seat = seats[index]
        var settings = Settings(
            broadcast: broadcast, me: PeerID(Word256(random.next(), 0, 0, UInt64(index + 1))), port: Self.port)
        settings.uploads = seat.role != .freeRider
        if let neighbors = scenario.neighbors { settings.wantedNeighbors = neighbors }
        for (question, name) in scenario.policies where !settings.policies.choose(name, for: question) {
            preconditionFailure("a scenario names only policies that there are")
        }
        // Whoever lives in a home that is there already has its line.
        lines.append(
            ImaginedLine(up: seat.uplink(beside: scenario.bitrate / 8), down: seat.down, delay: baseDelay))
        left.append(.distantFuture)
        let core = Swarm(settings: settings, seed: random.next(), at: now)
        let contact = Contact(Introduction(peer: settings.me, endpoint: endpoint(index)))
        viewers.append(Viewer(core: core, contact: contact, joined: now))
        presentCount += 1
        if seat.leave != .distantFuture { timeline.plan(Happening(kind: .leave, viewer: Int32(index)), at: seat.leave) }
        tell(index, .timePassed, at: now)
        timeline.plan(Happening(kind: .play, viewer: Int32(index)), at: now + .milliseconds(50))
    }

    /// A killed process: its machine still tells the neighbors that the links are closed.
    private mutating func leave(_ index: Int, at now: Instant) {
        guard isHere(index, at: now) else { return }
        if let stall = viewers[index].player.end(at: now) { measurements.stallLengths.add(stall) }
        left[index] = now
        presentCount -= 1
        for end in viewers[index].links where ends[Int(end)].isOpen {
            let peer = ends[Int(end)].peer
            tellLater(peer, .linkLost(LinkID(LinkEnd.twin(of: Int(end)))), at: now + oneWay(index, peer))
        }
        for answer in viewers[index].answers { abandon(answer, at: now) }
        for shelf in viewers[index].shelves { lose(shelf.early, of: shelf.sequence) }
        viewers[index].clear()
    }

    private static let port: UInt16 = 7_001

    /// Where viewer `index` takes links: an address of its own, so that no per-address limit bites.
    func endpoint(_ index: Int) -> Endpoint {
        Endpoint(ip: IPAddress(v4: Self.network | UInt32(truncatingIfNeeded: index + 1) & 0xff_ffff), port: Self.port)
    }

    private static let network: UInt32 = 10 << 24

    /// Whose address it is.
    func viewer(at endpoint: Endpoint) -> Int { endpoint.ip.v4.map { Int($0 & 0xff_ffff) - 1 } ?? -1 }

    /// Thousands hear of the same viewer: they share what they have heard.
    func contact(_ introduction: Introduction) -> Contact {
        let index = viewer(at: introduction.endpoint)
        guard viewers.indices.contains(index), viewers[index].contact.introduction == introduction else {
            return Contact(introduction)
        }
        return viewers[index].contact
    }

    func isHere(_ viewer: Int, at now: Instant) -> Bool { now < left[viewer] }

    // MARK: Ways

    /// What a packet takes from viewer `a` to viewer `b` beside its time on the lines.
    func oneWay(_ a: Int, _ b: Int) -> Interval { baseDelay + regionDelays[seats[a].region][seats[b].region] }

    func roundTrip(_ a: Int, _ b: Int) -> Interval { oneWay(a, b) + oneWay(b, a) }

    func toOrigin(_ viewer: Int) -> Interval { baseDelay + regionDelays[seats[viewer].region][originRegion] }

    func fromOrigin(_ viewer: Int) -> Interval { baseDelay + regionDelays[originRegion][seats[viewer].region] }

    /// Puts bytes on the uplink of a viewer's home; returns when the last of them has left.
    mutating func send(_ bytes: Int, from viewer: Int, at now: Instant) -> Instant {
        lines[seats[viewer].home].send(bytes, at: now)
    }

    mutating func receive(_ bytes: Int, by viewer: Int, at now: Instant) -> Instant {
        measurements.downlinkBytes += bytes
        return lines[seats[viewer].home].receive(bytes, at: now)
    }

    /// How much later than without jitter and loss `packets` arrive, and how many of them had to be sent again.
    mutating func misfortune(packets: Int, roundTrip: Interval) -> (late: Interval, lost: Int) {
        var late = Interval.zero
        if scenario.jitter > 0 { late = .seconds(scenario.jitter * Double.random(in: 0..<1, using: &random)) }
        guard scenario.loss > 0 else { return (late, 0) }
        var lost = 0
        var rounds = 0
        var under = packets
        while under > 0 {
            var again = 0
            for _ in 0..<under where Double.random(in: 0..<1, using: &random) < scenario.loss { again += 1 }
            lost += again
            under = again
            if again > 0 { rounds += 1 }
        }
        measurements.packetsSent += packets + lost
        measurements.packetsLost += lost
        // The first loss among many is seen by the acknowledgements of the others; a lone packet's, or one that is lost
        // again, only by a timer.
        let first = packets > 3 ? roundTrip : roundTrip * 2 + .milliseconds(2)
        if rounds > 0 { late = late + first }
        for _ in 1..<max(1, rounds) { late = late + roundTrip + .milliseconds(200) }
        return (late, lost)
    }

    // MARK: Facts

    mutating func tellLater(_ index: Int, _ fact: Swarm.Fact, at time: Instant) {
        timeline.plan(
            Happening(kind: .fact, viewer: Int32(index), detail: Int32(post.send(fact))), at: time)
    }

    mutating func tell(_ index: Int, _ fact: Swarm.Fact, at now: Instant) {
        guard isHere(index, at: now) else { return }
        if case .linkLost(let link) = fact {
            guard ends[link.number].isOpen else { return }
            ends[link.number].isOpen = false
        }
        var commands: [Swarm.Command] = []
        swap(&commands, &self.commands)
        let wake = viewers[index].handle(fact, at: now, into: &commands)
        for command in commands { perform(command, by: index, at: now) }
        commands.removeAll(keepingCapacity: true)
        swap(&commands, &self.commands)
        guard wake < viewers[index].wakeAt, wake != .distantFuture else { return }
        viewers[index].wakeAt = max(wake, now + .microseconds(1))
        timeline.plan(Happening(kind: .wake, viewer: Int32(index)), at: viewers[index].wakeAt)
    }

    // MARK: Bytes

    func length(_ sequence: Int, _ index: Int) -> Int { records[sequence].statement.record.range(ofPiece: index).count }

    /// Bytes of pieces that came too early and whose leaf hashes never came.
    mutating func lose(_ early: [Shelf.Early], of sequence: Int) {
        for piece in early { measurements.lostBytes += length(sequence, piece.index) }
    }
}
