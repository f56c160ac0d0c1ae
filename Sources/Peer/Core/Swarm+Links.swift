import Vocabulary

/// Links: who becomes a neighbor, who stays, and what the tracker hears of us.
extension Swarm {
    mutating func linked(
        _ link: LinkID, _ peer: PeerID, _ endpoint: Endpoint?, at now: Instant, into commands: inout [Command]
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
        if let twin = links.first(where: { neighbors[$0]?.peer == peer }), let other = neighbors[twin] {
            // Both ends dialled: both keep the link that the smaller name opened.
            let mineWins = settings.me < peer
            let keepsNew = other.isOutbound != (endpoint != nil) && (endpoint != nil) == mineWins
            guard keepsNew else {
                commands.append(.close(link, .duplicate))
                return
            }
            commands.append(.close(twin, .duplicate))
            lost(twin, at: now, into: &commands)
        }
        neighbors[link] = Neighbor(link: link, peer: peer, endpoint: endpoint, at: now)
        links.insert(link, at: links.firstIndex { $0 > link } ?? links.endIndex)
        commands.append(.greet(link))
        if !settings.uploads {
            neighbors[link]?.isChoked = true
            commands.append(.choke(link))
        }
    }

    mutating func greeted(
        _ link: LinkID, _ uploads: Bool, _ endpoint: Endpoint?, at now: Instant, into commands: inout [Command]
    ) {
        guard let neighbor = neighbors[link], !neighbor.isGreeted else { return }
        neighbors[link]?.isGreeted = true
        neighbors[link]?.uploads = uploads
        neighbors[link]?.lastHeard = now
        if neighbor.endpoint == nil { neighbors[link]?.endpoint = endpoint }
        for sequence in chronicle.sequences.suffix(settings.window) {
            tell(link, sequence, into: &commands)
            guard let segment = progress[sequence], !segment.held.isEmpty else { continue }
            commands.append(.sendHolds(link, id(sequence), segment.held))
        }
        let others = links.compactMap { other -> Introduction? in
            guard other != link, let known = neighbors[other], let endpoint = known.endpoint else { return nil }
            return Introduction(peer: known.peer, endpoint: endpoint)
        }
        if !others.isEmpty {
            commands.append(.introduce(link, Array(others.shuffled(using: &random).prefix(Limits.peersPerFrame / 2))))
        }
    }

    mutating func lost(_ link: LinkID, at now: Instant, into commands: inout [Command]) {
        guard let neighbor = neighbors.removeValue(forKey: link) else { return }
        links.removeAll { $0 == link }
        neighborhood.lost(neighbor.peer, at: now)
        for sequence in chronicle.sequences {
            progress[sequence]?.takeBackWants(from: link)
        }
        for other in links { want(from: other, at: now, into: &commands) }
    }

    /// A piece or a proof that no honest peer sends is enough: the link ends and its peer is not dialled again.
    mutating func misbehaved(_ link: LinkID, _ reason: Goodbye, at now: Instant, into commands: inout [Command]) {
        guard let neighbor = neighbors[link] else { return }
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
        let count = min(4, settings.wantedNeighbors - open)
        let linked = Set(links.compactMap { neighbors[$0]?.peer })
        for introduction in neighborhood.pick(count, except: linked, at: now, using: &random) {
            commands.append(.dial(introduction.peer, introduction.endpoint))
        }
    }

    mutating func reviewLinks(at now: Instant, into commands: inout [Command]) {
        for link in links {
            guard let neighbor = neighbors[link] else { continue }
            if now - neighbor.lastHeard > .seconds(20) {
                commands.append(.close(link, .silent))
                lost(link, at: now, into: &commands)
            } else if now - max(neighbor.lastHeard, neighbor.lastPinged) > .seconds(6) {
                neighbors[link]?.lastPinged = now
                commands.append(.ping(link))
            }
        }
    }

    var greetedLinks: [LinkID] { links.filter { neighbors[$0]?.isGreeted == true } }

    // MARK: The tracker

    mutating func announceIfDue(at now: Instant, into commands: inout [Command]) {
        guard now >= nextAnnounce else { return }
        nextAnnounce = now + .seconds(15)
        commands.append(.announce(announcement(hasWelcome ? .none : .joined)))
        freshRoots = []
    }

    func announcement(_ event: Announcement.Event) -> Announcement {
        var held: UInt64 = 0
        let newest = chronicle.sequences.last { progress[$0]?.isComplete == true } ?? 0
        for sequence in chronicle.sequences where sequence <= newest && newest - sequence < 64 {
            if progress[sequence]?.isComplete == true { held |= 1 << (newest - sequence) }
        }
        return Announcement(
            broadcast: settings.broadcast, peer: settings.me, event: event, port: settings.port,
            rendition: settings.rendition, newest: newest, held: held,
            freeUpload: settings.uploads ? UInt64(max(0, settings.uploadLimit ?? 4_000_000)) : 0,
            wanted: UInt8(clamping: max(0, settings.wantedNeighbors * 2 - links.count)),
            roots: Array(freshRoots.suffix(Announcement.rootLimit)))
    }

    mutating func welcomed(_ welcome: Welcome, at now: Instant, into commands: inout [Command]) {
        hasWelcome = true
        announceFailures = 0
        viewers = welcome.viewers
        if shares { lease = welcome.lease }
        neighborhood.learn(welcome.neighbors, me: settings.me, at: now)
        let range = Limits.announceInterval
        var wait = Double(min(max(welcome.interval, range.lowerBound), range.upperBound))
        // A peer that knows of others and has no link yet asks again soon.
        if links.count < min(2, viewers - 1) { wait = min(wait, 3) }
        nextAnnounce = now + .seconds(wait * Double.random(in: 0.9...1.1, using: &random))
        dial(at: now, into: &commands)
        askOrigin(at: now, into: &commands)
    }

    mutating func announceFailed(at now: Instant) {
        announceFailures = min(announceFailures + 1, 6)
        let ceiling = 0.5 * Double(1 << announceFailures)
        nextAnnounce = now + .seconds(Double.random(in: 0.5...min(ceiling, 15), using: &random))
    }
}
