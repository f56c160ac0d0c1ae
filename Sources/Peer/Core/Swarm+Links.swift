import Vocabulary

/// Links: who becomes a neighbor, who stays, and what the tracker hears of us.
extension Swarm {
    mutating func linked(
        _ link: LinkID, _ peer: PeerID, _ endpoint: Endpoint?, _ isOurs: Bool, at now: Instant,
        into commands: inout [Command]
    ) {
        if endpoint != nil { neighborhood.linked(peer) }
        guard shares, !neighborhood.isBanned(peer, endpoint, at: now) else {
            commands.append(.close(link, .badPiece))
            return
        }
        guard peer != settings.me, links.count < Limits.links else {
            commands.append(.close(link, peer == settings.me ? .duplicate : .full))
            return
        }
        if let seat = neighbors.firstIndex(where: { $0.peer == peer }) {
            let (twin, other) = (links[seat], neighbors[seat])
            // Both ends dialled: both keep the link that the smaller name opened.
            let mineWins = settings.me < peer
            let keepsNew = other.isOurs != isOurs && isOurs == mineWins
            guard keepsNew else {
                commands.append(.close(link, .duplicate))
                return
            }
            commands.append(.close(twin, .duplicate))
            lost(twin, at: now, into: &commands)
        }
        let seat = links.firstIndex { $0 > link } ?? links.endIndex
        links.insert(link, at: seat)
        neighbors.makeRoom(by: 8)
        neighbors.insert(Neighbor(link: link, peer: peer, endpoint: endpoint, isOurs: isOurs, at: now), at: seat)
        outboxes.insertSeat(seat)
        for place in segments.indices { segments[place].insertSeat(seat) }
        commands.append(.greet(link))
        if !gives {
            neighbors[seat].isChoked = true
            commands.append(.choke(link))
        }
    }

    mutating func greeted(
        _ link: LinkID, _ uploads: Bool, _ endpoint: Endpoint?, at now: Instant, into commands: inout [Command]
    ) {
        guard let seat = seat(link), !neighbors[seat].isGreeted else { return }
        neighbors[seat].isGreeted = true
        neighbors[seat].uploads = uploads
        neighbors[seat].lastHeard = now
        if neighbors[seat].endpoint == nil { neighbors[seat].endpoint = endpoint }
        ping(seat, at: now, into: &commands)
        if uploads { abandonWhatWasAskedAlone(into: &commands) }
        // The share of a lease of one is everything: who comes next has a part of that, and only the tracker says so. What
        // changes while a crowd comes to who has been there for long moves pieces that are on their way.
        if let lease, lease.count < min(Stripe.count, links.count + 1), now - (welcomedFirst ?? joined) < Self.youth {
            announce(within: Self.leasePatience, at: now)
        }
        for segment in segments.suffix(settings.window) {
            tell(link, segment.sequence, into: &commands)
            guard segment.heldCount > 0 else { continue }
            commands.append(.sendHolds(link, id(segment.sequence), segment.shown(segment.held)))
        }
        for (_, fetch) in fetches.sorted(by: { $0.key < $1.key }) where isConcerned(seat) {
            commands.append(.sendFetching(link, id(fetch.sequence), Array(fetch.pieces)))
        }
        tellOffers(into: &commands)
        let others = neighbors.compactMap { other -> Introduction? in
            guard other.link != link, let endpoint = other.endpoint else { return nil }
            return Introduction(peer: other.peer, endpoint: endpoint)
        }
        if !others.isEmpty {
            commands.append(.introduce(link, Array(others.shuffled(using: &random).prefix(Limits.peersPerFrame / 2))))
        }
    }

    private mutating func ping(_ seat: Int, at now: Instant, into commands: inout [Command]) {
        neighbors[seat].pinged(at: now)
        commands.append(.ping(links[seat]))
    }

    /// How far away neighbors are: a long way must not be taken for a slow line.
    mutating func ponged(_ link: LinkID, at now: Instant) {
        guard let seat = seat(link), let way = neighbors[seat].ponged(at: now) else { return }
        uplink.reaches(after: way)
    }

    mutating func lost(_ link: LinkID, at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link) else { return }
        neighborhood.lost(neighbors[seat].peer, at: now)
        let isBanned = neighborhood.isBanned(neighbors[seat].peer, nil, at: now)
        uplink.gone(outboxes[seat].inFlightCount - outboxes[seat].overdueCount)
        links.remove(at: seat)
        neighbors.remove(at: seat)
        outboxes.removeSeat(seat)
        turn = 0
        for place in segments.indices {
            segments[place].removeSeat(seat)
            _ = segments[place].settle { $0.link == link }
        }
        for stripe in Stripe.all {
            let hadParent = feeds[stripe.number].parent == link
            // Whom we have banned is here still, and nobody comes in its place before all say that its stripe is missing.
            if hadParent, stripe == duty, feeds[stripe.number].depth == 1, !isBanned {
                feeds[stripe.number].standIn(at: now)
                announce(within: .milliseconds(200), at: now)
            }
            feeds[stripe.number].forget(link, at: now)
            if hadParent, relays(stripe) { planFlush(within: .zero, at: now) }
        }
        seekParents(at: now, into: &commands)
        pull(at: now, into: &commands)
        serve(at: now, into: &commands)
    }

    /// A piece or a proof that no honest peer sends is enough: the link ends and its peer is not dialled again.
    mutating func misbehaved(_ link: LinkID, _ reason: Goodbye, at now: Instant, into commands: inout [Command]) {
        guard let seat = seat(link) else { return }
        let neighbor = neighbors[seat]
        switch reason {
        case .badPiece: tally.piecesRefused += 1
        case .badRecord: tally.recordsRefused += 1
        default: break
        }
        tally.peersBanned += 1
        neighborhood.ban(neighbor.peer, neighbor.isOutbound ? neighbor.endpoint : nil, at: now)
        commands.append(.close(link, reason))
        lost(link, at: now, into: &commands)
    }

    mutating func dial(at now: Instant, into commands: inout [Command]) {
        guard shares else { return }
        let open = links.count + neighborhood.dialing.count
        let isShort = open < settings.mostNeighbors && !scarce.isEmpty
        let count = min(4, max(settings.wantedNeighbors - open, isShort ? 2 : 0))
        guard count > 0 else { return }
        dial(neighborhood.pick(count, except: neighbors.map(\.peer), at: now, using: &random), into: &commands)
    }

    private func dial(_ introductions: [Introduction], into commands: inout [Command]) {
        for introduction in introductions {
            commands.append(
                isUnreachable
                    ? .punch(introduction.peer, introduction.endpoint)
                    : .dial(introduction.peer, introduction.endpoint))
        }
    }

    /// However many links we have: the other injectors, so that we know what they take, or the new root of the stripe that
    /// we push on. The tracker names them first.
    private mutating func dialInjectors(
        among introductions: [Introduction], at now: Instant, into commands: inout [Command]
    ) {
        let count = lease.map { $0.count - 1 } ?? (isCutOff ? 1 : 0)
        guard shares, count > 0 else { return }
        let wished = introductions.prefix(count).map(\.peer)
        let missing = neighborhood.pick(among: wished, except: neighbors.map(\.peer), at: now)
        let room = Limits.links - links.count
        for _ in 0..<max(0, missing.count - room) { dropIdlest(at: now, into: &commands) }
        dial(missing, into: &commands)
    }

    /// Ends the link over which the least has come to us, of those that no stripe takes.
    private mutating func dropIdlest(at now: Instant, into commands: inout [Command]) {
        let idle = neighbors.filter { neighbor in
            neighbor.isGreeted && neighbor.children.isEmpty && neighbor.follows.isEmpty
                && !Stripe.all.contains { neighbor.offer(of: $0)?.depth == 0 }
        }
        guard let idlest = idle.min(by: { $0.received < $1.received }) else { return }
        commands.append(.close(idlest.link, .full))
        lost(idlest.link, at: now, into: &commands)
    }

    /// Whoever calls has to be dialled at once: its own dial opens its NAT for a moment only.
    mutating func called(_ caller: Introduction, at now: Instant, into commands: inout [Command]) {
        guard shares, caller.peer != settings.me, !neighbors.contains(where: { $0.peer == caller.peer }),
            links.count + neighborhood.dialing.count < settings.mostNeighbors, neighborhood.call(caller, at: now)
        else { return }
        commands.append(.punch(caller.peer, caller.endpoint))
    }

    mutating func reviewLinks(at now: Instant, into commands: inout [Command]) {
        for link in links {
            guard let seat = seat(link) else { continue }
            let heard = neighbors[seat].lastHeard
            if now - heard > .seconds(20) {
                commands.append(.close(link, .silent))
                lost(link, at: now, into: &commands)
            } else if now - max(heard, neighbors[seat].lastPinged) > .seconds(6) {
                ping(seat, at: now, into: &commands)
            }
        }
    }

    var hasGreeted: Bool { neighbors.anySeat { $0.pointee.isGreeted } }

    var greetedLinks: [LinkID] { neighbors.compactMap { $0.isGreeted ? $0.link : nil } }

    // MARK: The tracker

    mutating func announceIfDue(at now: Instant, into commands: inout [Command]) {
        guard now >= nextAnnounce else { return }
        lastAnnounce = now
        nextAnnounce = now + .seconds(15)
        commands.append(.announce(announcement(hasWelcome ? .none : .joined)))
    }

    var hasWelcome: Bool { welcomedFirst != nil }

    /// The stripe that we push on does not reach us.
    private var isCutOff: Bool {
        guard let duty, gives else { return false }
        return !isRoot(of: duty) && !isRooted(duty)
    }

    /// When a stripe's root has gone the tracker knows the next one, or makes it of the first who asks. Those who were
    /// next to the root ask at once, and all others when they have been cut off for long.
    mutating func announceIfCutOff(at now: Instant) {
        guard viewers > 1 else { return }
        if isCutOff {
            if now - max(lastRooted, lastAnnounce) > Self.cutOffPatience { announce(within: .seconds(1), at: now) }
            return
        }
        lastRooted = now
        // Those who push a stripe on may all be unfit to be its root, and who is may be too weak.
        guard gives, now - lastAnnounce > Self.cutOffPatience, hasLostStripe(at: now) || seesWeakRoot else { return }
        announce(within: .seconds(max(1, Double(viewers) / Self.askers)), at: now)
    }

    private func hasLostStripe(at now: Instant) -> Bool {
        Stripe.all.contains {
            guard !isRoot(of: $0), let missed = feeds[$0.number].missed else { return false }
            let patience = isRooted($0) ? Self.hopePatience : Self.cutOffPatience
            return now - max(missed, joined) > patience
        }
    }

    /// A root has so little to give that its stripe spreads slowly, and we have much more.
    private var seesWeakRoot: Bool {
        guard lease == nil else { return false }
        let most = slots / 4
        return neighbors.survey { seats in
            seats.contains { seat in
                seat.offers.mostSlots <= most && seat.offers.stripes.contains { seat.offers[$0]?.depth == 0 }
            }
        }
    }

    private static let cutOffPatience = Interval.seconds(3)
    /// Longer than a parent needs for its first whole segment, mostly.
    private static let hopePatience = Interval.seconds(8)
    /// How long others come with us, rather than to us.
    private static let youth = Interval.seconds(10)
    /// By then whoever comes at the same time has a lease, too.
    private static let leasePatience = Interval.milliseconds(500)
    /// So many ask the tracker in a second when a stripe has no root.
    private static let askers = 20.0

    /// Not all at the same time.
    private mutating func announce(within time: Interval, at now: Instant) {
        guard hasWelcome, nextAnnounce > now + time else { return }
        nextAnnounce = now + time * Randomness.share(random.next())
    }

    mutating func announcement(_ event: Announcement.Event) -> Announcement {
        var held: UInt64 = 0
        let newest = segments.last { $0.isComplete }?.sequence ?? 0
        for segment in segments where segment.isComplete && newest - segment.sequence < 64 {
            held |= 1 << (newest - segment.sequence)
        }
        // Injectors are named first.
        let injectors = lease != nil || isCutOff ? Stripe.count : 0
        announcedRoots = Array(freshRoots.suffix(Announcement.rootLimit))
        return Announcement(
            broadcast: settings.broadcast, peer: settings.me, event: event, port: port,
            rendition: settings.rendition, newest: newest, held: held,
            freeUpload: freeUpload,
            wanted: UInt8(clamping: max(injectors, settings.wantedNeighbors * 2 - links.count)),
            lacking: lacking, roots: announcedRoots)
    }

    /// Where others find us: the port that takes links, or what a NAT has made of it.
    package var port: UInt16 { settings.port == 0 ? 0 : outsidePort ?? settings.port }

    /// A NAT keeps an unused port for minutes (RFC 5382, REQ-5): it is used again before.
    private static let portPause = Interval.seconds(100)

    private mutating func note(isUnreachable now: Bool, at time: Instant, into commands: inout [Command]) {
        // Who was dialled in vain can be reached by punching.
        if now, !isUnreachable { neighborhood.forgive() }
        isUnreachable = now
        guard now, settings.port != 0, portAskedAt.map({ time - $0 > Self.portPause }) ?? true else { return }
        portAskedAt = time
        commands.append(.askPort)
    }

    mutating func portSeen(_ port: UInt16, at now: Instant) {
        guard port != 0, port != self.port else { return }
        outsidePort = port
        nextAnnounce = min(nextAnnounce, now)
    }

    /// What the uplink carries, or may carry.
    private var freeUpload: UInt64 {
        guard gives else { return 0 }
        let rate = uplink.rate ?? streamRate.map { uplink.rate(of: $0) } ?? 1
        return UInt64(max(1, min(rate, Double(settings.uploadLimit ?? .max))))
    }

    mutating func welcomed(
        _ welcome: Welcome, _ contacts: [Contact], at now: Instant, into commands: inout [Command]
    ) {
        welcomedFirst = welcomedFirst ?? now
        announceFailures = 0
        if viewers <= 1, welcome.viewers > 1, hasGreeted { abandonWhatWasAskedForAll(at: now, into: &commands) }
        viewers = welcome.viewers
        freshRoots.removeAll(where: announcedRoots.contains)
        if freshRoots.count > 4 * Announcement.rootLimit { freshRoots.removeFirst(freshRoots.count / 2) }
        if shares { take(welcome.lease) }
        if duty != welcome.duty {
            duty = welcome.duty
            planFlush(within: .zero, at: now)
        }
        neighborhood.learn(contacts, fromTracker: true, me: settings.me, at: now)
        note(isUnreachable: welcome.isUnreachable, at: now, into: &commands)
        let range = Limits.announceInterval
        var wait = Double(min(max(welcome.interval, range.lowerBound), range.upperBound))
        // A peer that knows of others and has no link yet asks again soon.
        if links.count < min(2, viewers - 1) { wait = min(wait, 3) }
        if viewers > 1, Stripe.all.contains(where: { !isRoot(of: $0) && feeds[$0.number].parent == nil }) {
            wait = min(wait, 5)
        }
        nextAnnounce = now + .seconds(wait * Double.random(in: 0.9...1.1, using: &random))
        dialInjectors(among: welcome.neighbors, at: now, into: &commands)
        dial(at: now, into: &commands)
        seekParents(at: now, into: &commands)
        askOrigin(at: now, into: &commands)
    }

    mutating func announceFailed(at now: Instant, into commands: inout [Command]) {
        if announceFailures == 0 { tally.announcesMissed += 1 }
        announceFailures = min(announceFailures + 1, 6)
        let ceiling = 0.5 * Double(1 << announceFailures)
        // Who has nobody asks the origin for everything meanwhile.
        let longest = links.isEmpty ? 4.0 : 15
        nextAnnounce = now + .seconds(Double.random(in: 0.5...min(ceiling, longest), using: &random))
        askOrigin(at: now, into: &commands)
    }
}
