import PeerCore
import TrackerCore
package import Vocabulary

/// Runs the very cores of the real peer and tracker over an imagined network.
///
/// Each viewer's shell is imagined here: commands become transfers with rates and delays, arrivals become facts. Bytes
/// have no content, so what the real shell verifies is true by construction, except from polluters.
package struct Simulation {
    enum Event {
        case publish
        case join(Int)
        case vanish(Int)
        case tell(viewer: Int, Swarm.Fact)
        case wake(viewer: Int)
        case transfer(Transfer)
        /// The piece that was on the uplink has left it.
        case sent(viewer: Int)
        case dialed(from: Int, to: Int)
        case ask(viewer: Int, Swarm.Command)
        case announced(viewer: Int, Announcement)
    }

    /// One piece on its way: it has left the sender and reaches the receiver's downlink.
    struct Transfer {
        let to: Int
        let piece: PieceID
        let from: Source
        let isPolluted: Bool
        /// The origin's request that this piece is the last of.
        let completes: FetchID?
    }

    private struct Viewer {
        var core: Swarm
        var line: ImaginedLine
        let joined: Instant
        let isPolluter: Bool
        /// The other end of each link.
        var links: [LinkID: (viewer: Int, link: LinkID)] = [:]
        var nextLink = 0
        var wakeAt = Instant.distantFuture
        var isHere = true
        /// Pieces that wait for the uplink; the first is on it while `isSending`.
        var outbox: [(link: LinkID, piece: PieceID)] = []
        var isSending = false
        var held: [UInt64: Int] = [:]
        var completed: Set<UInt64> = []
    }

    private let scenario: Scenario
    private let broadcast = BroadcastID(Word256(0, 0, 0, 7))
    private var timeline = Timeline<Event>()
    private var random: Randomness
    private var tracker: Tracker
    private var viewers: [Viewer] = []
    private var originLine: ImaginedLine
    private var records: [(record: Record, digest: Word256, time: Instant)] = []
    /// Viewers that wait at the origin for a newer head.
    private var waiting: [Int] = []
    private var measurements = Measurements()
    private var commands: [Swarm.Command] = []

    /// Bytes of a frame around its content: length, seal, type, address, and TCP/IP headers shared among several.
    private static let frameOverhead = 48

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
        timeline.plan(.publish, at: .zero)
        for index in 0..<scenario.viewers {
            let share = Double(index) / Double(max(1, scenario.viewers))
            timeline.plan(.join(index), at: .zero + .milliseconds(100) + scenario.arrivals * share)
        }
        guard let exodus = scenario.exodus else { return }
        let leaving = (0..<scenario.viewers).shuffled(using: &random)
            .prefix(Int(exodus.share * Double(scenario.viewers)))
        for index in leaving.sorted() { timeline.plan(.vanish(index), at: .zero + exodus.time) }
    }

    private mutating func handle(_ event: Event, at now: Instant) {
        switch event {
        case .publish: publish(at: now)
        case .join(let index): join(index, at: now)
        case .vanish(let index): vanish(index, at: now)
        case .tell(let viewer, let fact): tell(viewer, fact, at: now)
        case .wake(let viewer):
            guard viewers[viewer].isHere, viewers[viewer].wakeAt <= now else { return }
            viewers[viewer].wakeAt = .distantFuture
            tell(viewer, .timePassed, at: now)
        case .transfer(let transfer): arrive(transfer, at: now)
        case .sent(let viewer): sent(viewer, at: now)
        case .dialed(let from, let to): dialed(from, to, at: now)
        case .ask(let viewer, let command): answer(viewer, command, at: now)
        case .announced(let viewer, let announcement): announced(viewer, announcement, at: now)
        }
    }

    // MARK: The broadcast

    private func isOriginOut(_ now: Instant) -> Bool { scenario.originOutage?.contains(now) ?? false }

    private mutating func publish(at now: Instant) {
        timeline.plan(.publish, at: now + scenario.segmentDuration)
        guard !isOriginOut(now) else { return }
        let sequence = UInt64(records.count)
        let record = Record(
            broadcast: broadcast, epoch: 0, segment: SegmentID(rendition: 0, sequence: sequence),
            root: Root(Word256(random.next(), random.next(), random.next(), sequence)),
            length: scenario.segmentLength, duration: scenario.segmentDuration.nanoseconds / 1_000,
            programTime: now.nanoseconds / 1_000_000, previous: records.last?.digest ?? .zero)
        records.append((record, Word256(random.next(), 0, 0, sequence), now))
        measurements.segmentsPublished += 1
        let news = waiting
        waiting = []
        for viewer in news { answer(viewer, .fetchHead(after: nil), at: now) }
    }

    /// The origin's side of a request that has reached it.
    private mutating func answer(_ viewer: Int, _ command: Swarm.Command, at now: Instant) {
        guard viewers[viewer].isHere else { return }
        let back = now + scenario.delay + scenario.delay
        guard !isOriginOut(now) else {
            switch command {
            case .fetchHead: timeline.plan(.tell(viewer: viewer, .headFailed), at: back)
            case .fetchRecords: timeline.plan(.tell(viewer: viewer, .recordsFailed), at: back)
            case .fetchPieces(let fetch, _, _, _): timeline.plan(.tell(viewer: viewer, .fetchFailed(fetch)), at: back)
            default: break
            }
            return
        }
        switch command {
        case .fetchHead(let after):
            guard let newest = records.last?.record.segment.sequence, newest > after ?? 0 || after == nil else {
                waiting.append(viewer)
                return
            }
            measurements.controlBytes += 600
            let oldest = newest - min(newest, 20)
            timeline.plan(
                .tell(
                    viewer: viewer,
                    .headArrived(
                        oldest: oldest, newest: newest, targetDuration: Int(scenario.segmentDuration.seconds),
                        isClosed: false)), at: back)
        case .fetchRecords(_, let range):
            for sequence in range where sequence < records.count {
                let (record, digest, _) = records[Int(sequence)]
                measurements.controlBytes += 400 + 32 * record.pieceCount
                timeline.plan(
                    .tell(viewer: viewer, .recordVerified(record, digest: digest, from: .origin)), at: back)
                timeline.plan(.tell(viewer: viewer, .leavesVerified(record.segment, from: .origin)), at: back)
            }
            timeline.plan(.tell(viewer: viewer, .recordsDone), at: back)
        case .fetchPieces(let fetch, let segment, let pieces, _):
            let record = records[Int(segment.sequence)].record
            for index in pieces {
                let bytes = record.range(ofPiece: index).count
                let gone = originLine.send(bytes, at: now)
                measurements.originBytes += bytes
                timeline.plan(
                    .transfer(
                        Transfer(
                            to: viewer, piece: PieceID(segment, index), from: .origin, isPolluted: false,
                            completes: index == pieces.upperBound - 1 ? fetch : nil)),
                    at: gone + scenario.delay + scenario.delay)
            }
        default: break
        }
    }

    // MARK: Viewers

    private mutating func join(_ index: Int, at now: Instant) {
        precondition(index == viewers.count, "viewers join in order")
        let isRider = Double(index * 37 % 100) < scenario.freeRiders * 100
        let isPolluter = !isRider && Double(index * 37 % 100) >= 100 - scenario.polluters * 100
        var settings = Settings(
            broadcast: broadcast, me: PeerID(Word256(random.next(), 0, 0, UInt64(index + 1))),
            port: UInt16(truncatingIfNeeded: index + 1))
        settings.uploads = !isRider
        settings.uploadLimit = Int(scenario.uplink)
        viewers.append(
            Viewer(
                core: Swarm(settings: settings, seed: random.next(), at: now),
                line: ImaginedLine(up: scenario.uplink, down: scenario.downlink, delay: scenario.delay),
                joined: now, isPolluter: isPolluter))
        tell(index, .timePassed, at: now)
    }

    private mutating func vanish(_ index: Int, at now: Instant) {
        guard index < viewers.count else { return }
        viewers[index].isHere = false
        for (_, other) in viewers[index].links.sorted(by: { $0.key < $1.key }) {
            timeline.plan(.tell(viewer: other.viewer, .linkLost(other.link)), at: now + .milliseconds(500))
        }
    }

    /// Where viewer `index` takes links: an address of its own, so that no per-address limit bites.
    private func endpoint(_ index: Int) -> Endpoint? {
        let number = UInt32(truncatingIfNeeded: index + 1)
        return Endpoint(
            address: [10, UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)],
            port: UInt16(truncatingIfNeeded: index + 1))
    }

    private mutating func tell(_ index: Int, _ fact: Swarm.Fact, at now: Instant) {
        guard viewers[index].isHere else { return }
        if case .cancelled(let link, let segment, let indices) = fact {
            callBack(link, segment, indices, by: index, at: now)
        }
        var commands = self.commands
        commands.removeAll(keepingCapacity: true)
        viewers[index].core.handle(fact, at: now, into: &commands)
        for command in commands { perform(command, by: index, at: now) }
        self.commands = commands
        let wake = viewers[index].core.nextDeadline
        guard wake < viewers[index].wakeAt, wake != .distantFuture else { return }
        viewers[index].wakeAt = max(wake, now + .microseconds(1))
        timeline.plan(.wake(viewer: index), at: viewers[index].wakeAt)
    }

    private mutating func perform(_ command: Swarm.Command, by index: Int, at now: Instant) {
        switch command {
        case .dial(let peer, let endpoint):
            let target = Int(endpoint.port) - 1
            guard viewers.indices.contains(target), viewers[target].isHere, viewers[target].core.settings.me == peer
            else {
                timeline.plan(.tell(viewer: index, .dialFailed(peer)), at: now + .seconds(2))
                return
            }
            // TCP's handshake and Noise's: two and a half round trips.
            timeline.plan(.dialed(from: index, to: target), at: now + scenario.delay * 10)
        case .greet(let link):
            let (uploads, endpoint) = (viewers[index].core.settings.uploads, endpoint(index))
            send(link, from: index, bytes: 40, at: now) { .greeted($0, uploads: uploads, endpoint: endpoint) }
        case .close(let link, _):
            guard let other = viewers[index].links.removeValue(forKey: link) else { return }
            viewers[other.viewer].links[other.link] = nil
            timeline.plan(.tell(viewer: other.viewer, .linkLost(other.link)), at: now + scenario.delay * 2)
        case .introduce(let link, let introductions):
            send(link, from: index, bytes: 40 * introductions.count, at: now) { .introduced(by: $0, introductions) }
        case .ping(let link):
            send(link, from: index, bytes: 9, at: now) { .heard($0) }
            timeline.plan(.tell(viewer: index, .heard(link)), at: now + scenario.delay * 4)
        case .sendRecord(let link, let segment):
            let (record, digest, _) = records[Int(segment.sequence)]
            send(link, from: index, bytes: 400, at: now) {
                .recordVerified(record, digest: digest, from: .neighbor($0))
            }
        case .askLeaves(let link, let segment):
            send(link, from: index, bytes: 10, at: now) { .leavesWanted($0, segment) }
        case .sendLeaves(let link, let segment):
            send(link, from: index, bytes: 32 * records[Int(segment.sequence)].record.pieceCount, at: now) {
                .leavesVerified(segment, from: .neighbor($0))
            }
        case .sendHolds(let link, let segment, let pieces):
            send(link, from: index, bytes: 12 + pieces.count / 8, at: now) { .holds($0, segment, pieces) }
        case .offer(let link, let offers):
            send(link, from: index, bytes: 1 + 4 * offers.count, at: now) { .offered($0, offers) }
        case .subscribe(let link, let stripes):
            send(link, from: index, bytes: 2, at: now) { .subscribed($0, stripes) }
        case .refuse(let link, let stripes):
            send(link, from: index, bytes: 2, at: now) { .refused($0, stripes) }
        case .sendFetching(let link, let segment, let indices):
            send(link, from: index, bytes: 10 + 2 * indices.count, at: now) { .fetching($0, segment, indices) }
        case .want(let link, let segment, let indices):
            send(link, from: index, bytes: 10 + 2 * indices.count, at: now) { .wanted($0, segment, indices) }
        case .cancel(let link, let segment, let indices):
            send(link, from: index, bytes: 10 + 2 * indices.count, at: now) { .cancelled($0, segment, indices) }
        case .decline(let link, let segment, let indices):
            send(link, from: index, bytes: 10 + 2 * indices.count, at: now) { .declined($0, segment, indices) }
        case .choke(let link): send(link, from: index, bytes: 1, at: now) { .choked($0) }
        case .unchoke(let link): send(link, from: index, bytes: 1, at: now) { .unchoked($0) }
        case .sendPiece(let link, let piece): sendPiece(link, piece, from: index, at: now)
        case .fetchHead, .fetchRecords, .fetchPieces:
            measurements.controlBytes += 300
            timeline.plan(.ask(viewer: index, command), at: now + scenario.delay * 2)
        case .announce(let announcement):
            measurements.controlBytes += 150
            timeline.plan(.announced(viewer: index, announcement), at: now + scenario.delay * 2)
        case .accept, .forget, .drop, .abandonFetch, .stopSharing: break
        }
    }

    private mutating func dialed(_ from: Int, _ to: Int, at now: Instant) {
        guard viewers[from].isHere else { return }
        guard viewers[to].isHere else {
            tell(from, .dialFailed(viewers[to].core.settings.me), at: now)
            return
        }
        let near = LinkID(viewers[from].nextLink)
        let far = LinkID(viewers[to].nextLink)
        viewers[from].nextLink += 1
        viewers[to].nextLink += 1
        viewers[from].links[near] = (to, far)
        viewers[to].links[far] = (from, near)
        tell(to, .linked(far, viewers[from].core.settings.me, endpoint: nil), at: now)
        tell(from, .linked(near, viewers[to].core.settings.me, endpoint: endpoint(to)), at: now)
    }

    /// Sends a small message; `fact` is what the other end is told, by its own name for the link.
    private mutating func send(
        _ link: LinkID, from index: Int, bytes: Int, at now: Instant, _ fact: (LinkID) -> Swarm.Fact
    ) {
        guard let other = viewers[index].links[link] else { return }
        let size = bytes + Self.frameOverhead
        measurements.controlBytes += size
        // Small frames overtake queued pieces in the real shell, so here they do not wait; they only cost.
        _ = viewers[index].line.send(size, at: now)
        timeline.plan(
            .tell(viewer: other.viewer, fact(other.link)), at: now + scenario.delay + viewers[other.viewer].line.delay)
    }

    /// As in the real shell, a piece can be called back until it is on the uplink.
    private mutating func sendPiece(_ link: LinkID, _ piece: PieceID, from index: Int, at now: Instant) {
        viewers[index].outbox.append((link, piece))
        startSending(index, at: now)
    }

    private mutating func startSending(_ index: Int, at now: Instant) {
        guard !viewers[index].isSending, let next = viewers[index].outbox.first else { return }
        viewers[index].isSending = true
        let gone = viewers[index].line.send(length(of: next.piece) + Self.frameOverhead, at: now)
        timeline.plan(.sent(viewer: index), at: gone)
    }

    private mutating func sent(_ index: Int, at now: Instant) {
        let (link, piece) = viewers[index].outbox.removeFirst()
        viewers[index].isSending = false
        if let other = viewers[index].links[link] {
            measurements.peerBytes += length(of: piece)
            measurements.controlBytes += Self.frameOverhead
            timeline.plan(
                .transfer(
                    Transfer(
                        to: other.viewer, piece: piece, from: .neighbor(other.link),
                        isPolluted: viewers[index].isPolluter, completes: nil)),
                at: now + scenario.delay + scenario.delay)
        }
        startSending(index, at: now)
        tell(index, .pieceSent(link, piece), at: now)
    }

    private mutating func callBack(
        _ link: LinkID, _ segment: SegmentID, _ indices: [Int], by index: Int, at now: Instant
    ) {
        let onUplink = viewers[index].isSending ? 1 : 0
        let back = viewers[index].outbox.dropFirst(onUplink).filter {
            $0.link == link && $0.piece.segment == segment && indices.contains($0.piece.index)
        }
        guard !back.isEmpty else { return }
        let kept = viewers[index].outbox.dropFirst(onUplink).filter { waiting in
            !back.contains { $0.link == waiting.link && $0.piece == waiting.piece }
        }
        viewers[index].outbox = Array(viewers[index].outbox.prefix(onUplink)) + kept
        for (link, piece) in back { tell(index, .pieceSent(link, piece), at: now) }
    }

    private func length(of piece: PieceID) -> Int {
        records[Int(piece.segment.sequence)].record.range(ofPiece: piece.index).count
    }

    private mutating func arrive(_ transfer: Transfer, at now: Instant) {
        let record = records[Int(transfer.piece.segment.sequence)].record
        let bytes = record.range(ofPiece: transfer.piece.index).count
        guard viewers[transfer.to].isHere else {
            measurements.lostBytes += bytes
            return
        }
        if case .neighbor(let link) = transfer.from, viewers[transfer.to].links[link] == nil {
            measurements.lostBytes += bytes
            return
        }
        let through = viewers[transfer.to].line.receive(bytes, at: now)
        guard !transfer.isPolluted else {
            measurements.refusedBytes += bytes
            if case .neighbor(let link) = transfer.from { tell(transfer.to, .misbehaved(link, .badPiece), at: now) }
            return
        }
        measurements.deliveredBytes += bytes
        timeline.plan(.tell(viewer: transfer.to, .pieceVerified(transfer.piece, from: transfer.from)), at: through)
        note(transfer.piece, by: transfer.to, at: through)
        if let fetch = transfer.completes { timeline.plan(.tell(viewer: transfer.to, .fetchDone(fetch)), at: through) }
    }

    // MARK: The tracker

    private mutating func announced(_ index: Int, _ announcement: Announcement, at now: Instant) {
        let back = now + scenario.delay * 2
        guard scenario.trackerOutage?.contains(now) != true, let source = endpoint(index),
            let welcome = try? tracker.announce(announcement, from: source, at: now)
        else {
            timeline.plan(.tell(viewer: index, .announceFailed), at: now + .seconds(2))
            return
        }
        measurements.controlBytes += 60 + 40 * welcome.neighbors.count
        timeline.plan(.tell(viewer: index, .welcomed(welcome)), at: back)
    }

    // MARK: Measuring

    private mutating func note(_ piece: PieceID, by index: Int, at time: Instant) {
        let sequence = piece.segment.sequence
        viewers[index].held[sequence, default: 0] += 1
        let (record, _, published) = records[Int(sequence)]
        guard viewers[index].held[sequence] ?? 0 >= record.pieceCount,
            viewers[index].completed.insert(sequence).inserted
        else { return }
        if viewers[index].completed.count == 1 { measurements.startups.append(time - viewers[index].joined) }
        if published > viewers[index].joined { measurements.delays.append(time - published) }
    }

    private mutating func conclude(at end: Instant) -> Measurements {
        while let (_, event) = timeline.next() {
            guard case .transfer(let transfer) = event else { continue }
            measurements.lostBytes +=
                records[Int(transfer.piece.segment.sequence)].record.range(ofPiece: transfer.piece.index).count
        }
        measurements.viewers = viewers.count
        for viewer in viewers {
            let tally = viewer.core.tally
            measurements.stalls += viewer.core.stallCount
            measurements.stalled = measurements.stalled + viewer.core.stallTime
            measurements.bans += tally.peersBanned
            measurements.duplicateBytes += tally.duplicateBytes
            for (reason, pieces) in tally.fetched { measurements.fetched[reason.rawValue, default: 0] += pieces }
            guard viewer.isHere else { continue }
            // What was published less than three segments before the end may still be on its way.
            for (record, _, time) in records
            where time > viewer.joined && time < end - scenario.segmentDuration * 3
                && !viewer.completed.contains(record.segment.sequence)
            {
                measurements.missed += 1
            }
        }
        return measurements
    }
}
