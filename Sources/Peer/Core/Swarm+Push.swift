import Vocabulary

/// Pieces that we give: to the children of a stripe as soon as they are here, to others when they ask.
extension Swarm {
    /// Whether others get anything from us.
    var gives: Bool { settings.uploads && shares && !uplink.isResting }

    /// The uplink carries less than a stripe, and what we get ourselves suffers.
    private mutating func stopGiving(at now: Instant, into commands: inout [Command]) {
        for seat in neighbors.indices {
            let children = neighbors[seat].children
            neighbors[seat].children = StripeSet()
            if !children.isEmpty { commands.append(.refuse(links[seat], children)) }
            outboxes.takeOut(of: seat) { _ in true }
            guard !neighbors[seat].isChoked else { continue }
            neighbors[seat].isChoked = true
            commands.append(.choke(links[seat]))
        }
        nextAnnounce = min(nextAnnounce, now + .seconds(1))
        planFlush(within: settings.gather, at: now)
    }

    // MARK: Children

    mutating func subscribed(_ link: LinkID, _ stripes: StripeSet, at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link) else { return }
        let gone = neighbors[seat].children.subtracting(stripes)
        if !gone.isEmpty { drop(gone, of: seat) }
        var refused = StripeSet()
        for stripe in stripes.subtracting(neighbors[seat].children) {
            let isRelay = neighbors[seat].relays(stripe)
            guard gives, feeds[stripe.number].parent != link,
                isRoot(of: stripe) || depth(of: stripe) < Feed.deepest,
                childCount < slots || isNeedy(stripe) && makeRoomAtRoot(besides: link, into: &commands)
                    || makeRoom(for: isRelay, besides: link, into: &commands)
            else {
                refused.insert(stripe)
                continue
            }
            neighbors[seat].children.insert(stripe)
        }
        if !refused.isEmpty { commands.append(.refuse(link, refused)) }
        planFlush(within: settings.gather, at: now)
    }

    /// Lets a child go that nobody depends on, for one that pushes the stripe on: first those who are behind, of them
    /// those who give nothing, then those who gave us least. Who keeps up is not let go for a newcomer: of a crowd that
    /// comes at once everybody pushes something on, and those who were there before would lose all their parents.
    private mutating func makeRoom(
        for isRelay: Bool, besides link: LinkID, into commands: inout [Command]
    ) -> Bool {
        guard isRelay, slots > 0 else { return false }
        if letGo(of: { $0.isBehind && !$0.relays($1) }, besides: link, into: &commands) { return true }
        guard let seat = seat(link), !neighbors[seat].isBehind else { return false }
        return letGo(of: { !$0.relays($1) }, besides: link, into: &commands)
    }

    /// We are the stripe's root and push it to too few for it to spread.
    private func isNeedy(_ stripe: Stripe) -> Bool {
        isRoot(of: stripe) && neighbors.count { $0.children.contains(stripe) } < Self.fewest
    }

    /// Lets a child of another stripe go: that stripe has its own root.
    private mutating func makeRoomAtRoot(besides link: LinkID, into commands: inout [Command]) -> Bool {
        let own = StripeSet(Stripe.all.filter { isRoot(of: $0) })
        return letGoLeafFirst(besides: link, into: &commands) { !own.contains($0) }
    }

    /// Children at the root of a stripe, below which it makes room for more.
    private static let fewest = 2

    /// When the uplink turns out to carry much less than was promised, lets children go rather than serve all of them late.
    /// A little too many are left to leave by themselves: what is measured wavers, and each change costs pieces.
    mutating func shedChildren(into commands: inout [Command]) {
        while childCount > slots * 3 / 2 {
            guard letGoLeafFirst(besides: nil, into: &commands, of: { _ in true }) else { return }
        }
    }

    /// Lets a child of such a stripe go, if possible one that nobody depends on.
    private mutating func letGoLeafFirst(
        besides link: LinkID?, into commands: inout [Command], of isSpare: (Stripe) -> Bool
    ) -> Bool {
        letGo(of: { isSpare($1) && !$0.relays($1) }, besides: link, into: &commands)
            || letGo(of: { isSpare($1) }, besides: link, into: &commands)
    }

    private mutating func letGo(
        of isSpare: (Neighbor, Stripe) -> Bool, besides link: LinkID?, into commands: inout [Command]
    ) -> Bool {
        var victim: (seat: Int, stripe: Stripe)?
        for seat in neighbors.indices where links[seat] != link {
            let neighbor = neighbors[seat]
            guard let stripe = neighbor.children.first(where: { isSpare(neighbor, $0) }) else { continue }
            if let held = victim.map({ neighbors[$0.seat] }),
                (held.uploads ? 1 : 0, held.received) <= (neighbor.uploads ? 1 : 0, neighbor.received)
            {
                continue
            }
            victim = (seat, stripe)
        }
        guard let victim else { return false }
        let stripes = StripeSet(CollectionOfOne(victim.stripe))
        drop(stripes, of: victim.seat)
        commands.append(.refuse(links[victim.seat], stripes))
        return true
    }

    private mutating func drop(_ stripes: StripeSet, of seat: Int) {
        neighbors[seat].children = neighbors[seat].children.subtracting(stripes)
        let isGone = { (piece: PieceID) -> Bool in
            guard let place = place(piece.segment.sequence) else { return true }
            return stripes.contains(Stripe.of(piece: piece.index, among: segments[place].count))
        }
        var outbox = Outbox()
        swap(&outbox, &outboxes[seat])
        outbox.relays.removeAll(where: isGone)
        outbox.pushes.removeAll(where: isGone)
        outboxes[seat] = outbox
    }

    /// Lines a new piece up for all children of its stripe.
    mutating func push(_ piece: PieceID, of stripe: Stripe, at now: Instant) {
        guard gives, let place = place(piece.segment) else { return }
        for seat in neighbors.indices
        where neighbors[seat].children.contains(stripe) && !segments[place].holders.contains(piece.index, of: seat)
            && !segments[place].isPromised(piece.index, by: seat, at: now)
        {
            if neighbors[seat].relays(stripe) {
                outboxes[seat].relays.append(piece)
            } else {
                outboxes[seat].pushes.append(piece)
            }
        }
    }

    // MARK: Wants

    mutating func wanted(
        _ link: LinkID, _ segment: SegmentID, _ indices: [Int], at now: Instant, into commands: inout [Command]
    ) {
        guard let seat = seat(link) else { return }
        let place = place(segment)
        var refused: [Int] = []
        for index in indices {
            let piece = PieceID(segment, index)
            guard !neighbors[seat].isChoked, gives,
                let place, segments[place].pieces.contains(index, .held),
                outboxes.wantCount(of: seat) < Limits.wantsPerLink
            else {
                refused.append(index)
                continue
            }
            if !outboxes.isAsked(piece, of: seat) { outboxes[seat].wants.append(piece) }
        }
        if !refused.isEmpty { commands.append(.decline(link, segment, refused)) }
        serve(at: now, into: &commands)
    }

    /// What is in flight stays in flight. A piece that we do not have yet is not pushed either when it comes: the neighbor
    /// gets it from somebody else.
    mutating func cancelled(_ link: LinkID, _ segment: SegmentID, _ indices: [Int]) {
        let isGone = { (piece: PieceID) -> Bool in piece.segment == segment && indices.contains(piece.index) }
        guard let seat = seat(link) else { return }
        if let place = place(segment) {
            for index in indices { segments[place].holders.insert(index, of: seat) }
        }
        outboxes.takeOut(of: seat, where: isGone)
    }

    // MARK: Sending

    /// Hands pieces to the network while there is room in the uplink, to each neighbor in turn.
    mutating func serve(at now: Instant, into commands: inout [Command]) {
        guard !neighbors.isEmpty else { return }
        while uplink.hasRoom {
            // Before anything is taken out: what is put back would lose its place.
            guard budget.hasCredit(at: now), let (seat, piece) = nextErrand() else {
                uplink.saturated(false, at: now)
                return
            }
            guard let place = place(piece.segment.sequence), segments[place].pieces.contains(piece.index, .held) else {
                commands.append(.decline(links[seat], piece.segment, [piece.index]))
                continue
            }
            let bytes = segments[place].record.range(ofPiece: piece.index).count
            budget.spend(bytes)
            outboxes[seat].send(Outbox.Errand(piece, at: now, behind: uplink.inFlight))
            neighbors[seat].sent += bytes
            uplink.sent()
            tally.bytesUploaded += bytes
            commands.append(.sendPiece(links[seat], piece))
        }
        uplink.saturated(true, at: now)
    }

    private mutating func nextErrand() -> (seat: Int, piece: PieceID)? {
        let ready = readySeats
        guard ready != 0 else { return nil }
        let newest = chronicle.newest ?? 0
        for rank in passedOver < Rank.patience ? Rank.usual : Rank.missedFirst {
            for seat in ready.seats(from: turn) {
                guard rank.isBehind.map({ $0 == neighbors[seat].isBehind }) ?? true,
                    outboxes.isWaiting(rank.kind, at: seat, newest: newest), let piece = take(rank.kind, of: seat)
                else { continue }
                turn = (seat + 1) % neighbors.count
                passedOver = rank.kind == .missed ? 0 : min(passedOver + 1, Rank.patience)
                return (seat, piece)
            }
        }
        return nil
    }

    /// A bit for each seat for whom something waits, and who may be sent more.
    private var readySeats: UInt64 {
        let share = neighbors.count > 1 ? uplink.share : .max
        var ready: UInt64 = 0
        for seat in outboxes.waiting.seats
        where outboxes.canSend(to: seat, with: neighbors[seat].isSlow ? 2 : share) {
            ready |= 1 << UInt64(seat)
        }
        return ready
    }

    /// What the neighbor has got meanwhile is passed over.
    private mutating func take(_ kind: Rank.Kind, of seat: Int) -> PieceID? {
        while let piece = outboxes[seat].popFirst(kind) {
            if kind.isAsked { return piece }
            guard let place = place(piece.segment.sequence), segments[place].holders.contains(piece.index, of: seat)
            else { return piece }
        }
        return nil
    }

    mutating func sent(_ link: LinkID, _ piece: PieceID, at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link), let errand = outboxes[seat].arrived(piece) else { return }
        let wait = neighbors[seat].acknowledged(errand, at: now)
        let queueing = max(.zero, wait - ownWait(of: seat, at: now))
        uplink.arrived(sentAt: errand.time)
        if errand.ahead == 0, !errand.isOverdue { uplink.travelled(for: now - errand.time) }
        if let place = place(piece.segment.sequence) {
            let bytes = segments[place].record.range(ofPiece: piece.index).count
            uplink.shows(bytes, after: now - errand.time, ahead: errand.ahead)
            if !errand.isOverdue { uplink.acknowledged(bytes, queueing: queueing, at: now) }
            if let streamRate, uplink.rests(below: streamRate / Double(Stripe.count), at: now) {
                stopGiving(at: now, into: &commands)
            }
            segments[place].holders.insert(piece.index, of: seat)
        } else if !errand.isOverdue {
            uplink.gone()
        }
        serve(at: now, into: &commands)
    }

    /// How much longer, beyond what chance makes, pieces wait on their way to a neighbor than to the one where they wait the
    /// least: a queue in our own uplink holds up those of all.
    private func ownWait(of seat: Int, at now: Instant) -> Interval {
        neighbors.survey { seats in
            let usual = seats[seat].usualQueueing
            guard usual > Uplink.target else { return .zero }
            var least = usual
            for other in seats.indices where now - seats[other].lastAcknowledgement < .seconds(2) {
                least = min(least, seats[other].usualQueueing)
            }
            return max(.zero, usual - least - Uplink.target)
        }
    }

    /// Who acknowledges nothing for long does not read: what it was sent lies in its own machine, and must not take the
    /// place in our uplink of what others are waiting for.
    mutating func reviewInFlight(at now: Instant) {
        uplink.waits(for: outboxes.oldest.map { now - $0 } ?? .zero)
        for seat in outboxes.seats {
            uplink.passedOver(outboxes[seat].expire { uplink.isOverdue(since: $0, at: now) }, at: now)
        }
    }

    /// Finds out who keeps up with the broadcast.
    mutating func reviewWhoIsBehind() {
        guard let newest = chronicle.newest, newest > 0, let place = place(newest - 1) else { return }
        for seat in neighbors.indices {
            neighbors[seat].isBehind = segments[place].holders.members(of: seat) < segments[place].count / 2
        }
    }

    /// While more neighbors want something than there are slots, chooses whose wants are served; nobody else is choked.
    mutating func reviewServing(at now: Instant, into commands: inout [Command]) {
        guard gives, Int((now - joined).seconds) % 5 == 0 else { return }
        let hungry = neighbors.indices.filter { outboxes.wantCount(of: $0) > 0 || neighbors[$0].isChoked }
        var choked: [Int] = []
        if hungry.count > settings.uploadSlots {
            let chosen = settings.policies.serving.choose(
                settings.uploadSlots, received: hungry.map { neighbors[$0].received }, using: &random)
            let served = Set(chosen.map { hungry[$0] })
            choked = hungry.filter { !served.contains($0) }
        }
        for seat in hungry where neighbors[seat].isChoked != choked.contains(seat) {
            neighbors[seat].isChoked.toggle()
            commands.append(neighbors[seat].isChoked ? .choke(links[seat]) : .unchoke(links[seat]))
            if neighbors[seat].isChoked { outboxes[seat].wants.removeAll() }
        }
    }
}

/// What goes first: the front of older segments, which is little and what a newcomer sees first; then whatever neighbors
/// need who keep up with the broadcast, because they play it in a few seconds; then what those need who are behind, who
/// have older segments to play. Of either, pieces that a child pushes on come first, because they reach the most viewers,
/// then pieces for other children, which they need later, then what was asked for of the newest segment, which is on its
/// way to everybody. What was asked for of older segments somebody misses now, behind or not.
private struct Rank {
    enum Kind {
        case front, relay, missed, push, want

        var isAsked: Bool { self == .front || self == .missed || self == .want }
    }

    let kind: Kind
    /// Whether it is for neighbors who are behind or for the others; `nil` for all.
    var isBehind: Bool?

    /// After so many other errands what is missed comes first: while newcomers subscribe, relaying alone fills every
    /// uplink, and nobody would get the segment that a player begins with.
    static let patience = 3
    static let usual = [front] + punctual + [lateRelay, missed] + late
    static let missedFirst = [front, missed] + punctual + [lateRelay] + late

    private static let front = Rank(kind: .front)
    private static let missed = Rank(kind: .missed)
    private static let punctual = [Kind.relay, .push, .want].map { Rank(kind: $0, isBehind: false) }
    private static let lateRelay = Rank(kind: .relay, isBehind: true)
    private static let late = [Kind.push, .want].map { Rank(kind: $0, isBehind: true) }
}

extension Neighbor {
    /// What is sent to it waits for it, not for our uplink.
    fileprivate var isSlow: Bool { queueing > Uplink.target * 5 }
}

extension Outboxes {
    fileprivate func isWaiting(_ kind: Rank.Kind, at seat: Int, newest: UInt64) -> Bool {
        guard let place = place(of: seat) else { return false }
        return switch kind {
        case .front:
            boxes[place].wants.next.map { $0.segment.sequence < newest && $0.index < PieceID.front } ?? false
        case .relay: !boxes[place].relays.isEmpty
        case .missed: boxes[place].wants.next.map { $0.segment.sequence < newest } ?? false
        case .push: !boxes[place].pushes.isEmpty
        case .want: !boxes[place].wants.isEmpty
        }
    }

    fileprivate func wantCount(of seat: Int) -> Int { place(of: seat).map { boxes[$0].wants.count } ?? 0 }

    fileprivate func isAsked(_ piece: PieceID, of seat: Int) -> Bool {
        place(of: seat).map { boxes[$0].isAsked(piece) } ?? false
    }
}

extension Outbox {
    fileprivate mutating func popFirst(_ kind: Rank.Kind) -> PieceID? {
        switch kind {
        case .relay: relays.popFirst()
        case .push: pushes.popFirst()
        case .front, .missed, .want: wants.popFirst()
        }
    }
}
