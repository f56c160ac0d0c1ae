import OriginCore
import PeerCore
import Scenarios
import TrackerCore
import Vocabulary

/// What a viewer's shell does when its core commands.
extension Simulation {
    /// By kind of NAT: peers dial over TCP and punch no holes, so restricted and symmetric ones take no link.
    private static let takesLinks = [true, true, false, false]
    /// How long a dial to nobody takes until it is given up.
    static let dialTimeout = Interval.seconds(3)
    /// Bytes of a sealed record, and of a sealed head around its newest record, as the origin writes them.
    private static let recordLength = 306
    private static let headLength = 200
    /// Bytes of the two handshakes, TCP's and Noise's, each way.
    private static let handshake = 200

    mutating func perform(_ command: Swarm.Command, by index: Int, at now: Instant) {
        switch command {
        case .dial(let peer, let endpoint), .punch(let peer, let endpoint): dial(peer, endpoint, by: index, at: now)
        case .greet(let link):
            let (uploads, endpoint) = (seats[index].role != .freeRider, endpoint(index))
            send(link, from: index, .links, bytes: 38, at: now) { .greeted($0, uploads: uploads, endpoint: endpoint) }
        case .close(let link, _):
            send(link, from: index, .links, bytes: 2, at: now) { .linkLost($0) }
            ends[link.number].isOpen = false
        case .introduce(let link, let introductions):
            let contacts = introductions.map { contact($0) }
            send(link, from: index, .links, bytes: 1 + 39 * introductions.count, at: now) {
                .named(by: $0, contacts)
            }
        case .ping(let link): ping(link, by: index, at: now)
        case .sendRecord(let link, let segment):
            let statement = records[Int(segment.sequence)].statement
            send(link, from: index, .records, bytes: 1 + Self.recordLength, at: now) {
                .stated(statement, from: .neighbor($0))
            }
        case .askLeaves(let link, let segment):
            send(link, from: index, .leaves, bytes: 10, at: now) { .leavesWanted($0, segment) }
        case .sendLeaves(let link, let segment):
            let bytes = 10 + 32 * records[Int(segment.sequence)].statement.record.pieceCount
            send(link, from: index, .leaves, bytes: bytes, at: now) { .leavesVerified(segment, from: .neighbor($0)) }
        case .sendHolds(let link, let segment, let truth):
            let pieces = seats[index].role == .liar ? PieceSet.full(count: truth.count) : truth
            send(link, from: index, .haves, bytes: 12 + (pieces.count + 7) / 8, at: now) { .holds($0, segment, pieces) }
        case .sendFetching(let link, let segment, let indices):
            send(link, from: index, .haves, bytes: 10 + 2 * indices.count, at: now) { .fetching($0, segment, indices) }
        case .want(let link, let segment, let indices):
            send(link, from: index, .wants, bytes: 10 + 2 * indices.count, at: now) { .wanted($0, segment, indices) }
        case .cancel(let link, let segment, let indices):
            send(link, from: index, .wants, bytes: 10 + 2 * indices.count, at: now) { .cancelled($0, segment, indices) }
        case .decline where seats[index].role == .liar: break
        case .decline(let link, let segment, let indices):
            send(link, from: index, .wants, bytes: 10 + 2 * indices.count, at: now) { .declined($0, segment, indices) }
        case .choke(let link): send(link, from: index, .offers, bytes: 1, at: now) { .choked($0) }
        case .unchoke(let link): send(link, from: index, .offers, bytes: 1, at: now) { .unchoked($0) }
        case .offer(let link, let truth):
            let offers = seats[index].role == .liar ? Self.boast(truth) : truth
            send(link, from: index, .offers, bytes: 1 + 4 * offers.count, at: now) { .offered($0, offers) }
        case .subscribe(let link, let stripes):
            send(link, from: index, .offers, bytes: 2, at: now) { .subscribed($0, stripes) }
        case .refuse(let link, let stripes):
            send(link, from: index, .offers, bytes: 2, at: now) { .refused($0, stripes) }
        case .sendPiece(let link, let piece):
            sendPiece(
                index, link.number, sequence: Int(piece.segment.sequence), index: piece.index, sent: 0, at: now)
        case .fetchHead(let after): ask(.head(after: after), by: index, at: now)
        case .fetchRecords(_, let range): ask(.records(range), by: index, at: now)
        case .fetchPieces(let fetch, let segment, let pieces, let reason):
            ask(
                .pieces(fetch), Precedence.Urgency(level: reason.urgency), sequence: Int(segment.sequence),
                pieces: pieces, by: index, at: now)
        case .abandonFetch(let fetch):
            guard let answer = viewers[index].answers.first(where: { answers[$0].content == .pieces(fetch) }) else {
                return
            }
            abandon(answer, at: now)
        case .announce(let announcement): announce(announcement, by: index, at: now)
        case .accept(let segment): accept(segment, by: index)
        case .forget(let segment):
            guard let shelf = viewers[index].shelves.place(of: Int(segment.sequence)) else { return }
            lose(viewers[index].shelves[shelf].early, of: Int(segment.sequence))
            viewers[index].earlyPieces -= viewers[index].shelves[shelf].early.count
            viewers[index].shelves.remove(at: shelf)
        case .drop, .stopSharing, .askPort: break
        }
    }

    /// What a liar says instead: near the origin, and with room for many.
    private static func boast(_ offers: [Offer]) -> [Offer] {
        offers.map { Offer(stripe: $0.stripe, depth: min($0.depth, 1), children: 0, slots: 8, isRelay: true) }
    }

    private mutating func accept(_ segment: SegmentID, by index: Int) {
        let sequence = Int(segment.sequence)
        guard viewers[index].shelves.place(of: sequence) == nil else { return }
        viewers[index].shelves.append(Shelf(sequence: sequence, pieces: records[sequence].statement.record.pieceCount))
    }

    private mutating func ping(_ link: LinkID, by index: Int, at now: Instant) {
        guard let end = openEnd(link.number) else { return }
        send(link, from: index, .links, bytes: 9, at: now) { .heard($0) }
        measurements.traffic[.links] += 9 + Packets.frame
        tellLater(index, .ponged(link), at: now + roundTrip(index, end.peer))
    }

    // MARK: Links

    /// TCP's handshake and Noise's: the dialler knows after two round trips, the other half a one later.
    private mutating func dial(_ peer: PeerID, _ endpoint: Endpoint, by index: Int, at now: Instant) {
        let target = viewer(at: endpoint)
        guard viewers.indices.contains(target), viewers[target].name == peer else {
            return tellLater(index, .dialFailed(peer), at: now + Self.dialTimeout)
        }
        guard Self.takesLinks[Int(seats[target].nat)] else {
            _ = send(Packets.headers, from: index, at: now)
            return tellLater(index, .dialFailed(peer), at: now + Self.dialTimeout)
        }
        guard isHere(target, at: now) else {
            return tellLater(index, .dialFailed(peer), at: now + roundTrip(index, target))
        }
        measurements.traffic[.links] += 2 * Self.handshake
        _ = send(Self.handshake, from: index, at: now)
        _ = send(Self.handshake, from: target, at: now)
        timeline.plan(
            Happening(kind: .dialed, viewer: Int32(index), peer: Int32(target)),
            at: now + roundTrip(index, target) * 2)
    }

    mutating func dialed(_ from: Int, _ to: Int, at now: Instant) {
        guard isHere(from, at: now) else { return }
        guard isHere(to, at: now) else {
            tell(from, .dialFailed(viewers[to].name), at: now)
            return
        }
        let near = ends.count
        let far = LinkEnd.twin(of: near)
        ends.appendSparingly(LinkEnd(peer: to))
        ends.appendSparingly(LinkEnd(peer: from))
        viewers[from].links.append(Int32(near))
        viewers[to].links.append(Int32(far))
        tellLater(to, .linked(LinkID(far), viewers[from].name, endpoint: nil), at: now + oneWay(from, to))
        tell(from, .linked(LinkID(near), viewers[to].name, endpoint: endpoint(to)), at: now)
    }

    func openEnd(_ link: Int) -> LinkEnd? { ends[link].isOpen ? ends[link] : nil }

    /// Sends a small frame; `fact` is what the other end is told, by its own name for the link.
    mutating func send(
        _ link: LinkID, from index: Int, _ kind: Traffic.Kind, bytes: Int, at now: Instant,
        _ fact: (LinkID) -> Swarm.Fact
    ) {
        guard let end = openEnd(link.number) else { return }
        let twin = LinkEnd.twin(of: link.number)
        let size = bytes + Packets.frame
        let headers = ends[link.number].headers(of: size, at: now)
        measurements.traffic[kind] += size
        measurements.traffic[.headers] += headers.bytes
        var gone = send(size + headers.bytes, from: index, at: now)
        if headers.packets > 0, scenario.jitter > 0 || scenario.loss > 0 {
            let misfortune = misfortune(packets: headers.packets, roundTrip: roundTrip(index, end.peer))
            gone = gone + misfortune.late
        }
        let arrival = ends[link.number].arrival(at: gone + oneWay(index, end.peer))
        timeline.plan(
            Happening(
                kind: .frame, index: UInt16(clamping: headers.packets), viewer: Int32(end.peer), link: Int32(twin),
                sequence: Int32(size + headers.bytes), detail: Int32(post.send(fact(LinkID(twin)), isCommon: true))),
            at: arrival)
    }

    mutating func receiveFrame(_ event: Happening, at now: Instant) {
        let (index, link) = (Int(event.viewer), Int(event.link))
        guard isHere(index, at: now), ends[link].isOpen else {
            _ = post.take(Int(event.detail))
            return
        }
        if event.kind == .frame {
            let through = receive(Int(event.sequence), by: index, at: now)
            acknowledge(packets: Int(event.index), by: index, at: now)
            guard through <= now else {
                var later = event
                later.kind = .frameThrough
                timeline.plan(later, at: through)
                return
            }
        }
        let fact = post.take(Int(event.detail)).heard(over: LinkID(link))
        if case .leavesVerified(let segment, let source) = fact {
            leavesArrived(segment, from: source, at: index, now)
        } else {
            tell(index, fact, at: now)
        }
    }

    /// Puts acknowledgements on the uplink of `index`; returns when they have left.
    @discardableResult
    mutating func acknowledge(packets: Int, by index: Int, at now: Instant) -> Instant {
        let bytes = Packets.acknowledgements(packets)
        measurements.traffic[.acknowledgements] += bytes
        measurements.downlinkBytes += bytes
        return send(bytes, from: index, at: now)
    }

    // MARK: The tracker

    private mutating func announce(_ announcement: Announcement, by index: Int, at now: Instant) {
        let bytes = 16 + 100 + 32 * announcement.roots.count
        measurements.traffic[.tracker] += bytes
        measurements.traffic[.headers] += Packets.datagramHeaders
        let gone = send(bytes + Packets.datagramHeaders, from: index, at: now)
        timeline.plan(
            Happening(kind: .announced, viewer: Int32(index), detail: Int32(announcements.insert(announcement))),
            at: gone + toOrigin(index))
    }

    /// The tracker is as far away as the origin.
    mutating func announced(_ index: Int, _ announcement: Announcement, at now: Instant) {
        guard isHere(index, at: now) else { return }
        guard scenario.trackerOutage?.range.contains(now) != true,
            let welcome = try? tracker.announce(announcement, from: endpoint(index), at: now)
        else { return tellLater(index, .announceFailed, at: now + .seconds(2)) }
        let bytes = 8 + 23 + 39 * welcome.neighbors.count
        measurements.traffic[.tracker] += bytes
        measurements.traffic[.headers] += Packets.datagramHeaders
        measurements.downlinkBytes += bytes + Packets.datagramHeaders
        let contacts = welcome.neighbors.map { contact($0) }
        tellLater(index, .answered(welcome, naming: contacts), at: now + fromOrigin(index))
    }

    // MARK: What the origin says

    func bytes(of content: Answer.Content) -> Int {
        switch content {
        case .head: Self.headLength + Self.recordLength
        case .records(let range):
            range.reduce(0) { sum, sequence in
                guard sequence < records.count else { return sum }
                return sum + Self.recordLength + 10 + 32 * records[Int(sequence)].statement.record.pieceCount
            }
        case .pieces: 0
        }
    }
}
