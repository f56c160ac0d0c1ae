import Vocabulary

/// Records: what the origin has said, how we hear of it, and how others hear of it from us.
extension Swarm {
    mutating func recordVerified(
        _ record: Record, _ digest: Word256, _ source: Source, at now: Instant, into commands: inout [Command]
    ) {
        let sequence = record.segment.sequence
        let epoch = chronicle.epoch
        let isFirst = chronicle.newest == nil
        switch chronicle.judge(record, digest: digest, from: source, at: now) {
        case .accepted: break
        case .known:
            if case .neighbor(let link) = source { neighbors[link]?.knows.insert(sequence) }
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
        if sequence == chronicle.newest { lastNews = now }
        if case .neighbor(let link) = source { neighbors[link]?.knows.insert(sequence) }
        learned += 1
        commands.append(.accept(record.segment))
        progress[sequence] = SegmentProgress(record, at: now)
        for old in chronicle.expire() { forget(old, into: &commands) }
    }

    mutating func leavesVerified(
        _ segment: SegmentID, _ source: Source, at now: Instant, into commands: inout [Command]
    ) {
        let sequence = segment.sequence
        guard segment.rendition == settings.rendition, progress[sequence]?.hasLeaves == false else { return }
        learned += 1
        progress[sequence]?.hasLeaves = true
        for link in links { tell(link, sequence, into: &commands) }
        guard wantsSegment(sequence) else { return }
        askOrigin(at: now, into: &commands)
        for link in links { want(from: link, at: now, into: &commands) }
    }

    /// Passes a record and its leaf hashes on to a neighbor that has not shown that it has them.
    mutating func tell(_ link: LinkID, _ sequence: UInt64, into commands: inout [Command]) {
        guard shares, neighbors[link]?.isGreeted == true, progress[sequence]?.hasLeaves == true,
            neighbors[link]?.knows.insert(sequence).inserted == true
        else { return }
        commands.append(.sendRecord(link, id(sequence)))
        commands.append(.sendLeaves(link, id(sequence)))
    }

    /// Leaf hashes travel with the record; those that got lost are asked for.
    mutating func askForLateLeaves(at now: Instant, into commands: inout [Command]) {
        for sequence in chronicle.sequences {
            guard let segment = progress[sequence], !segment.hasLeaves, wantsSegment(sequence) else { continue }
            let since = segment.leavesAsked ?? segment.arrival
            guard now - since > .milliseconds(400) else { continue }
            progress[sequence]?.leavesAsked = now
            if segment.leavesAsked == nil,
                let link = links.first(where: { neighbors[$0]?.knows.contains(sequence) == true })
            {
                commands.append(.askLeaves(link, id(sequence)))
            } else {
                fetchRecords(sequence...sequence, at: now, into: &commands)
            }
        }
    }

    /// Whether a segment is to be had at all: nothing from before the place where the player starts.
    func wantsSegment(_ sequence: UInt64) -> Bool {
        guard let segment = progress[sequence], !segment.isComplete, !segment.isDropped else { return false }
        return sequence >= start ?? .max
    }

    /// An origin that does not answer must not keep a viewer out: what neighbors have told of will do.
    mutating func startWithoutHead(at now: Instant) {
        guard start == nil, now - joined > .seconds(1), let newest = chronicle.newest,
            let first = chronicle.sequences.first
        else { return }
        start = max(first, newest - min(newest, UInt64(settings.startDepth)))
    }

    private mutating func stopSharing(into commands: inout [Command]) {
        guard shares else { return }
        shares = false
        lease = nil
        commands.append(.stopSharing)
        for link in links { commands.append(.close(link, .badRecord)) }
    }

    private mutating func forgetEverything(into commands: inout [Command]) {
        for sequence in progress.keys.sorted() { forget(sequence, into: &commands) }
        start = nil
        playhead = Playhead(joined: joined, patience: settings.startPatience)
    }

    mutating func forget(_ sequence: UInt64, into commands: inout [Command]) {
        progress[sequence] = nil
        holesAsked[sequence] = nil
        for link in links { neighbors[link]?.forget(sequence) }
        for (number, fetch) in fetches.sorted(by: { $0.key < $1.key }) where fetch.sequence == sequence {
            fetches[number] = nil
            commands.append(.abandonFetch(FetchID(number)))
        }
        commands.append(.forget(id(sequence)))
    }

    /// Keeps the bytes in memory within the limit: the oldest complete segments go first, listed ones last.
    mutating func trimStore(into commands: inout [Command]) {
        var total = progress.values.reduce(0) { $0 + ($1.isDropped ? 0 : $1.record.length) }
        for sequence in chronicle.sequences where total > settings.storeLimit {
            guard let segment = progress[sequence], !segment.isDropped, segment.isComplete else { continue }
            total -= segment.record.length
            progress[sequence]?.isDropped = true
            progress[sequence]?.held = PieceSet(count: segment.record.pieceCount)
            for link in links where neighbors[link]?.isGreeted == true {
                commands.append(.sendHolds(link, id(sequence), PieceSet(count: segment.record.pieceCount)))
            }
            commands.append(.drop(id(sequence)))
        }
    }
}
