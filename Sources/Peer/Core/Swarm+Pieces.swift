import Vocabulary

/// Pieces that come to us, and how others hear of them.
extension Swarm {
    /// Bytes that one neighbor is told of one segment, with its packet's headers.
    private static let newsLength = 100
    /// Of our uplink, for news of what we hold.
    private static let newsShare = 0.04
    private static let longestGather = Interval.seconds(1)

    mutating func verified(_ piece: PieceID, _ source: Source, at now: Instant, into commands: inout [Command]) {
        guard let place = place(piece.segment) else { return }
        let bytes = segments[place].record.range(ofPiece: piece.index).count
        let count = segments[place].count
        let stripe = Stripe.of(piece: piece.index, among: count)
        let want = segments[place].settle(piece.index)
        let isNew = segments[place].pieces.insert(piece.index, .held)
        segments[place].pieces.remove(piece.index, .fetching)
        self.count(bytes, from: source, isNew: isNew)
        switch source {
        case .origin:
            if isNew { segments[place].pieces.insert(piece.index, .fromOrigin) }
        case .neighbor(let link):
            segments[place].noteTrial(piece.index)
            if let seat = seat(link) { segments[place].holders.insert(piece.index, of: seat) }
            if feeds[stripe.number].parent == link { feeds[stripe.number].lastPiece = now }
            if want?.link == link {
                tally.piecesPulled += 1
                if feeds[stripe.number].parent != link { segments[place].pulled[stripe.number] &+= 1 }
            } else {
                tally.piecesPushed += 1
            }
        }
        if let want {
            if source == .neighbor(want.link) {
                with(want.link) { $0.deliver(after: now - want.time, at: now) }
            } else {
                with(want.link) { $0.takeBack(1) }
                commands.append(.cancel(want.link, piece.segment, [piece.index]))
            }
        }
        guard isNew else { return }
        segments[place].heldCount += 1
        if segments[place].heldCount == (count + 1) / 2 { segments[place].halfway = now }
        segments[place].isUntold = true
        push(piece, of: stripe, at: now)
        if flushAt == nil { planFlush(within: gatherTime, at: now) }
        if piece.segment.sequence >= start ?? .max,
            stripe.pieces(among: count).allSatisfy({ segments[place].pieces.contains($0, .held) })
        {
            judgeParent(of: stripe, at: place, now: now, into: &commands)
        }
        if segments[place].isComplete { completed(place, at: now, into: &commands) }
        serve(at: now, into: &commands)
        // Whoever has just brought something is asked for more.
        if want != nil { pull(at: now, into: &commands) }
    }

    private mutating func completed(_ place: Int, at now: Instant, into commands: inout [Command]) {
        let segment = segments[place]
        freshRoots.append(segment.record.root)
        playhead.complete(
            segment.sequence, byPlayer: false, at: now, opening: opening(segment.sequence), duration: duration)
        guard segment.sequence >= start ?? .max, hasGreeted else { return }
        let fromPeers = segment.count - segment.pieces[.fromOrigin].members
        if fromPeers * 5 > segment.count * 4 { confidence.brought(after: now - segment.arrival) }
        let left = segment.count - segment.taken
        if left * Stripe.count >= segment.count {
            confidence.completed(shareFromPeers: Double(fromPeers) / Double(left), at: now)
        }
        // Of few pieces some stripes have none, which come with the others.
        for stripe in Stripe.all where stripe.pieces(among: segment.count).isEmpty {
            judgeParent(of: stripe, at: place, now: now, into: &commands)
        }
    }

    private mutating func count(_ bytes: Int, from source: Source, isNew: Bool) {
        switch source {
        case .origin: tally.bytesFromOrigin += bytes
        case .neighbor(let link):
            tally.bytesFromPeers += bytes
            with(link) {
                $0.received += bytes
                $0.health.brought()
            }
        }
        if !isNew { tally.duplicateBytes += bytes }
    }

    /// How long news of what we hold is gathered: so long that telling it takes no more than its share of our uplink. Who
    /// gives nothing may have hardly any, which acknowledgements fill, and nobody waits for what it holds.
    private var gatherTime: Interval {
        guard gives else { return Self.longestGather }
        let cost = Double(links.count * Self.newsLength)
        let share = uplink.rate(of: .infinity) * Self.newsShare
        return min(max(settings.gather, .seconds(cost / share)), Self.longestGather)
    }

    /// Whether it matters to a neighbor what we hold and fetch: from who gives nothing it will come to nobody, and only
    /// those who push to us need to know. A line that is too slow to give anything is filled by telling thirty others.
    func isConcerned(_ seat: Int) -> Bool {
        neighbors[seat].isGreeted && (gives || !neighbors[seat].follows.isEmpty)
    }

    /// Tells neighbors what we hold, except those that hold all of it themselves.
    mutating func tellHoldings(into commands: inout [Command]) {
        guard shares else { return }
        for place in segments.indices where segments[place].isUntold {
            segments[place].isUntold = false
            let segment = id(segments[place].sequence)
            let held = segments[place].shown(segments[place].held)
            for seat in neighbors.indices
            where isConcerned(seat) || neighbors[seat].isGreeted && segments[place].isComplete {
                guard !segments[place].holders.hasAll(of: held, seat) else { continue }
                commands.append(.sendHolds(links[seat], segment, held))
            }
        }
    }

    mutating func holds(
        _ link: LinkID, _ segment: SegmentID, _ pieces: PieceSet, at now: Instant, into commands: inout [Command]
    ) {
        // A neighbor may speak of a segment only once we know its record: before that its size is nobody's word.
        guard let place = place(segment), pieces.count == segments[place].count, let seat = seat(link) else { return }
        segments[place].holders.set(seat, pieces)
        guard !segments[place].isComplete, segments[place].hasLeaves else { return }
        pull(from: place, at: now, into: &commands)
    }
}
