package import Vocabulary

/// Records: what the origin has said, how we hear of it, and how others hear of it from us.
extension Swarm {
    mutating func stated(
        _ statement: Statement, _ source: Source, at now: Instant, into commands: inout [Command]
    ) {
        let record = statement.record
        let sequence = record.segment.sequence
        let epoch = chronicle.epoch
        let isFirst = chronicle.newest == nil
        switch chronicle.judge(statement, from: source, at: now) {
        case .accepted: break
        case .known:
            noteKnown(sequence, to: source)
            return
        case .stale, .foreign: return
        case .tooFarAhead:
            tally.recordsRefused += 1
            return
        case .equivocation:
            tally.recordsRefused += 1
            stopSharing(into: &commands)
            return
        }
        if !isFirst, record.epoch > epoch { forgetEverything(into: &commands) }
        if sequence == chronicle.newest {
            lastNews = now
            reviewWhoIsBehind()
            if now - joined < Self.startTime { startNoEarlier(than: sequence - min(sequence, startDepth)) }
        }
        learned += 1
        commands.append(.accept(record.segment))
        let progress = SegmentProgress(statement, at: now)
        let later = segments.indices.first { segments[$0].sequence > sequence }
        segments.makeRoom(by: 4)
        segments.insert(progress, at: later ?? segments.endIndex)
        noteKnown(sequence, to: source)
        for old in chronicle.expire() { forget(old, into: &commands) }
        for link in links { tell(link, sequence, into: &commands) }
        guard let place = place(sequence), wantsSegment(place), origin.isAvailable(at: now) else { return }
        fetchOwnLeaves(sequence, source, at: now, into: &commands)
        inject(place, at: now, into: &commands)
    }

    private mutating func noteKnown(_ sequence: UInt64, to source: Source) {
        guard case .neighbor(let link) = source, let seat = seat(link), let place = place(sequence) else { return }
        _ = segments[place].isKnown(to: seat)
    }

    /// The stripe down whose tree a segment's leaf hashes travel: one after the other, so that all share the work.
    private func carrier(of sequence: UInt64) -> Stripe { Stripe.all[Int(sequence % UInt64(Stripe.count))] }

    /// Of the injectors, the root of the tree that leaf hashes travel down gets them from the origin.
    private mutating func fetchOwnLeaves(
        _ sequence: UInt64, _ source: Source, at now: Instant, into commands: inout [Command]
    ) {
        let isOurs = source == .origin && (isRoot(of: carrier(of: sequence)) || isAlone(at: now))
        guard isOurs || hasLostConfidence(at: now) else { return }
        fetchRecords(sequence...sequence, at: now, into: &commands)
    }

    mutating func leavesVerified(
        _ segment: SegmentID, _ source: Source, at now: Instant, into commands: inout [Command]
    ) {
        guard let place = place(segment), !segments[place].hasLeaves else { return }
        learned += 1
        segments[place].hasLeaves = true
        let carrier = carrier(of: segment.sequence)
        for seat in neighbors.indices
        where neighbors[seat].children.contains(carrier) && source != .neighbor(links[seat])
            && !segments[place].holders.has(seat)
        {
            commands.append(.sendLeaves(links[seat], segment))
        }
        guard wantsSegment(place) else { return }
        askOrigin(at: now, into: &commands)
        pull(from: place, at: now, into: &commands)
    }

    /// Passes a record on to a neighbor that has not shown that it has it.
    mutating func tell(_ link: LinkID, _ sequence: UInt64, into commands: inout [Command]) {
        guard shares, let seat = seat(link), neighbors[seat].isGreeted, let place = place(sequence),
            segments[place].isKnown(to: seat)
        else { return }
        commands.append(.sendRecord(link, id(sequence)))
    }

    /// How long who has been asked for leaf hashes may take.
    private static let leafTime = Interval.milliseconds(700)
    /// The time in which twice as many of a crowd may ask the origin for the same leaf hashes.
    private static let leafStep = Interval.milliseconds(700)

    /// Leaf hashes come down a tree; those that did not are asked for: of who has pieces, hence has them, then of the
    /// origin, by those who take pieces from it first.
    mutating func askForLateLeaves(at now: Instant, into commands: inout [Command]) {
        for place in segments.indices where !segments[place].hasLeaves && wantsSegment(place) {
            let segment = segments[place]
            let knowers = neighbors.indices.filter { neighbors[$0].isGreeted && !segment.holders.isEmpty($0) }
            let isLive = isLive(segment.sequence)
            let patience: Interval =
                isLive && hasGreeted
                ? !knowers.isEmpty || lease != nil ? .milliseconds(300) : .seconds(1)
                : isLive || knowers.isEmpty ? .milliseconds(20) : .zero
            let since = segment.leavesAsked ?? segment.arrival
            guard now - since >= (segment.leavesAsked == nil ? patience : Self.leafTime) else { continue }
            let mayAskOrigin = lease != nil || now - max(segment.arrival, joined) >= leafPatience(segment)
            guard !knowers.isEmpty || mayAskOrigin else { continue }
            segments[place].leavesAsked = now
            segments[place].leafQuestions += 1
            if !knowers.isEmpty, segment.leafQuestions < 2 || !mayAskOrigin {
                let knower = knowers[segment.leafQuestions % knowers.count]
                commands.append(.askLeaves(links[knower], id(segment.sequence)))
            } else {
                // Records that are missing just before it are asked for along with it.
                var first = segment.sequence
                while first > max(start ?? 0, offered?.lowerBound ?? 0), !chronicle.knows(first - 1),
                    segment.sequence - first < UInt64(Limits.recordsPerAnswer - 1)
                {
                    first -= 1
                }
                fetchRecords(first...segment.sequence, at: now, into: &commands)
            }
        }
    }

    /// How long a crowd leaves it to some to ask the origin for leaf hashes that have come down to nobody near.
    private func leafPatience(_ segment: SegmentProgress) -> Interval {
        guard hasGreeted, viewers >= Self.crowd else { return .zero }
        let chance = Randomness.mix(settings.me.key.words.3 ^ segment.record.root.hash.words.0)
        return Self.leafStep * Self.turn(by: chance, among: viewers / Self.crowd)
    }

    /// Whether the segment came while we watched, so that its pieces are on their way through the swarm.
    private func isLive(_ sequence: UInt64) -> Bool { sequence == chronicle.newest }

    /// Whether a segment is to be had at all: nothing from before the place where the player starts.
    func wantsSegment(_ place: Int) -> Bool {
        !segments[place].isComplete && !segments[place].isDropped && segments[place].sequence >= start ?? .max
    }

    /// How many segments before the newest a player starts.
    var startDepth: UInt64 {
        UInt64(max(1, (settings.startBuffer.seconds / Double(max(1, chronicle.targetDuration))).rounded(.up)))
    }

    /// The least time that a swarm is given to bring what the origin has just cut.
    private static let leastLead = Interval.seconds(3)

    /// When a player may begin with `sequence`: what is known then plays until what comes next can have come from others.
    ///
    /// Who comes while the broadcast has one segment, and plays it at once, needs each later one sooner than any swarm
    /// brings it, and so most of it from the origin, for as long as it watches. (RFC 8216, section 6.3.3, has players begin
    /// three target durations before the end.)
    func opening(_ sequence: UInt64) -> Instant {
        guard shares, !chronicle.isClosed, let newest = chronicle.newest, let entry = chronicle[newest] else {
            return .zero
        }
        let lead = max(duration(newest), Self.leastLead)
        let follows = chronicle.sequences.reversed().prefix { $0 > sequence }
        return follows.reduce(entry.arrival + lead) { $0 - duration($1) }
    }

    /// Whether the last piece of a segment is not for the player yet, which would begin before its `opening`.
    package func isKeptBack(_ segment: SegmentID, at now: Instant) -> Bool {
        playhead.begins(with: segment.sequence) && now < opening(segment.sequence)
    }

    /// An origin that does not answer, or not yet, must not keep a viewer out: what neighbors have told of will do.
    /// - Parameter hasHeardAll: a neighbor has told all that it knows.
    mutating func startWithoutHead(hasHeardAll: Bool, at now: Instant) {
        guard start == nil, let newest = chronicle.newest, let first = chronicle.sequences.first else { return }
        let wish = newest - min(newest, startDepth)
        guard now - joined > .seconds(1) || hasHeardAll && chronicle.knows(wish) else { return }
        start = max(first, wish)
    }

    /// Who told us first may have known of less than there is.
    mutating func startNoEarlier(than wish: UInt64) {
        if let first = start, !playhead.hasStarted, first + 1 < wish { start = wish }
    }

    private mutating func stopSharing(into commands: inout [Command]) {
        guard shares else { return }
        shares = false
        lease = nil
        commands.append(.stopSharing)
        for link in links { commands.append(.close(link, .badRecord)) }
    }

    private mutating func forgetEverything(into commands: inout [Command]) {
        for sequence in segments.map(\.sequence) { forget(sequence, into: &commands) }
        start = nil
        playhead = Playhead(joined: joined, patience: settings.startPatience)
    }

    mutating func forget(_ sequence: UInt64, into commands: inout [Command]) {
        segments.removeAll { $0.sequence == sequence }
        holesAsked[sequence] = nil
        for seat in outboxes.seats { outboxes.takeOut(of: seat) { $0.segment.sequence == sequence } }
        abandon(into: &commands) { $0.sequence == sequence }
        commands.append(.forget(id(sequence)))
    }

    /// Keeps the bytes in memory within the limit: the oldest complete segments go first, listed ones last.
    mutating func trimStore(into commands: inout [Command]) {
        var total = segments.indices.reduce(0) { $0 + (segments[$1].isDropped ? 0 : segments[$1].record.length) }
        for place in segments.indices where total > settings.storeLimit {
            guard !segments[place].isDropped, segments[place].isComplete else { continue }
            total -= segments[place].record.length
            segments[place].isDropped = true
            segments[place].pieces[.held] = PieceSet(count: segments[place].count)
            segments[place].heldCount = 0
            let sequence = segments[place].sequence
            for link in greetedLinks {
                commands.append(.sendHolds(link, id(sequence), PieceSet(count: segments[place].count)))
            }
            commands.append(.drop(id(sequence)))
        }
    }
}
