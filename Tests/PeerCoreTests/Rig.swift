import PeerCore
import Vocabulary

/// A swarm on a bench: facts go in at chosen moments, commands come out.
struct Rig {
    static let broadcast = BroadcastID(Word256(1, 2, 3, 4))
    static let duration = Interval.seconds(2)
    /// Ten pieces, the last one short.
    static let length = 9 * PieceID.length + 100

    var swarm: Swarm
    var now = Instant.zero

    init(named name: UInt64 = 1, _ change: (inout Settings) -> Void = { _ in }) {
        var settings = Settings(broadcast: Self.broadcast, me: PeerID(Word256(0, 0, 0, name)), port: 4_000)
        change(&settings)
        swarm = Swarm(settings: settings, seed: 5, at: .zero)
    }

    static func id(_ sequence: UInt64) -> SegmentID { SegmentID(rendition: 0, sequence: sequence) }

    static func digest(_ sequence: UInt64) -> Word256 { Word256(8, 8, 8, sequence) }

    static func record(_ sequence: UInt64) -> Record {
        Record(
            broadcast: broadcast, epoch: 0, segment: id(sequence), root: Root(Word256(sequence, 1, 2, 3)),
            length: length, duration: duration.nanoseconds / 1_000, programTime: 0,
            previous: sequence == 0 ? .zero : digest(sequence - 1))
    }

    @discardableResult
    mutating func feed(_ facts: Swarm.Fact...) -> [Swarm.Command] {
        var commands: [Swarm.Command] = []
        for fact in facts { swarm.handle(fact, at: now, into: &commands) }
        return commands
    }

    /// Lets time pass as the shell would: waking the swarm whenever it asks to be.
    mutating func pass(_ time: Interval) -> [Swarm.Command] {
        let end = now + time
        var commands: [Swarm.Command] = []
        while swarm.nextDeadline <= end {
            now = max(now, swarm.nextDeadline)
            swarm.handle(.timePassed, at: now, into: &commands)
        }
        now = end
        return commands
    }

    /// The same, with an origin that answers requests for pieces in a moment.
    mutating func passWithOrigin(_ time: Interval) -> [Swarm.Command] {
        let end = now + time
        var commands: [Swarm.Command] = []
        while now < end {
            var step = pass(.milliseconds(50))
            commands += step
            while !step.fetches.isEmpty {
                step = step.flatMap { answer($0) }
                commands += step
            }
        }
        return commands
    }

    /// The origin's answer to a request for pieces.
    @discardableResult
    mutating func answer(_ command: Swarm.Command) -> [Swarm.Command] {
        guard case .fetchPieces(let id, let segment, let pieces, _) = command else { return [] }
        return pieces.flatMap { feed(.pieceVerified(PieceID(segment, $0), from: .origin)) } + feed(.fetchDone(id))
    }

    /// The origin has told of these segments, and their leaf hashes are here.
    @discardableResult
    mutating func publish(_ range: ClosedRange<UInt64>) -> [Swarm.Command] {
        var commands = feed(
            .headArrived(oldest: range.lowerBound, newest: range.upperBound, targetDuration: 2, isClosed: false))
        for sequence in range {
            commands += feed(
                .recordVerified(Self.record(sequence), digest: Self.digest(sequence), from: .origin),
                .leavesVerified(Self.id(sequence), from: .origin))
        }
        return commands + feed(.recordsDone)
    }

    @discardableResult
    mutating func link(_ number: Int, uploads: Bool = true) -> LinkID {
        let link = LinkID(number)
        let peer = PeerID(Word256(0, 0, 1, UInt64(number)))
        feed(.linked(link, peer, endpoint: nil), .greeted(link, uploads: uploads, endpoint: nil))
        return link
    }

    /// A neighbor that wants stripes pushed.
    @discardableResult
    mutating func child(_ number: Int, of stripes: StripeSet) -> LinkID {
        let link = link(number)
        feed(.subscribed(link, stripes))
        return link
    }

    /// A neighbor that wants stripes pushed and pushes them on.
    @discardableResult
    mutating func relay(_ number: Int, of stripes: [Stripe]) -> LinkID {
        let link = child(number, of: StripeSet(stripes))
        feed(.offered(link, stripes.map { Offer(stripe: $0, depth: 255, children: 0, slots: 9, isRelay: true) }))
        return link
    }

    /// All of one segment is here, and a neighbor pushes all stripes of those that follow.
    mutating func settle(on sequence: UInt64) -> LinkID {
        publish(sequence...sequence)
        hold(sequence)
        let parent = link(1)
        feed(.offered(parent, Stripe.all.map { Offer(stripe: $0, depth: 0, children: 0, slots: 64, isRelay: true) }))
        welcome(among: 9)
        return parent
    }

    @discardableResult
    mutating func welcome(among viewers: Int) -> [Swarm.Command] {
        feed(
            .welcomed(
                Welcome(interval: 30, viewers: viewers, newest: 0, lease: nil, duty: Stripe.all[0], neighbors: [])))
    }

    mutating func lease(_ index: Int, of count: Int) {
        let lease = Lease(index: index, count: count, epoch: 1)
        feed(
            .welcomed(Welcome(interval: 30, viewers: 9, newest: 0, lease: lease, duty: Stripe.all[0], neighbors: [])))
    }

    mutating func hold(_ sequence: UInt64, from source: Source = .origin) {
        for index in 0..<10 { feed(.pieceVerified(PieceID(Self.id(sequence), index), from: source)) }
    }
}

extension [Swarm.Command] {
    /// Pieces asked of a neighbor.
    func wants(from link: LinkID) -> [PieceID] {
        flatMap { command -> [PieceID] in
            guard case .want(link, let segment, let indices) = command else { return [] }
            return indices.map { PieceID(segment, $0) }
        }
    }

    /// Pieces asked of the origin, with the reason.
    var fetches: [(piece: PieceID, reason: FetchReason)] {
        flatMap { command -> [(piece: PieceID, reason: FetchReason)] in
            guard case .fetchPieces(_, let segment, let range, let reason) = command else { return [] }
            return range.map { (PieceID(segment, $0), reason) }
        }
    }
}
