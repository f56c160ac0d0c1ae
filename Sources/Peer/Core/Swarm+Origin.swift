import Vocabulary

/// The origin: when to ask it for news, for our share of new pieces, and for what peers would bring too late.
extension Swarm {
    /// Fetches of our share that may be under way at once, and as many again for what is late.
    private static let fetchLimit = 3
    /// The longest run of pieces in one fetch: 512 KiB.
    private static let runLimit = 32
    /// Below this much slack beyond the time to fetch, the origin is asked.
    private static let margin = Interval.milliseconds(400)

    mutating func askOrigin(at now: Instant, into commands: inout [Command]) {
        guard origin.isAvailable(at: now) else { return }
        fillHoles(at: now, into: &commands)
        pollHead(at: now, into: &commands)
        for sequence in chronicle.sequences where wantsSegment(sequence) {
            guard let segment = progress[sequence] else { continue }
            if segment.hasLeaves {
                fetchLate(sequence, at: now, into: &commands)
                inject(sequence, at: now, into: &commands)
            }
        }
    }

    // MARK: News

    /// Injectors wait at the origin for each new record; the others hear of it from them, and ask only when they do not.
    private mutating func pollHead(at now: Instant, into commands: inout [Command]) {
        guard !isPollingHead, !isFetchingRecords else { return }
        let overdue = Interval.seconds(Double(chronicle.targetDuration) * 1.5)
        guard chronicle.newest == nil || lease != nil || greetedLinks.isEmpty || now - lastNews > overdue else {
            return
        }
        if isClosed, chronicle.isClosed, now - lastNews < .seconds(5) { return }
        isPollingHead = true
        commands.append(.fetchHead(after: chronicle.newest))
    }

    mutating func headArrived(
        _ oldest: UInt64, _ newest: UInt64, _ targetDuration: Int, _ isClosed: Bool, at now: Instant,
        into commands: inout [Command]
    ) {
        isPollingHead = false
        lastNews = now
        chronicle.targetDuration = max(chronicle.targetDuration, targetDuration)
        self.isClosed = isClosed
        guard oldest <= newest else { return }
        offered = oldest...newest
        if start == nil { start = newest - min(newest - oldest, UInt64(settings.startDepth)) }
        fetchNewRecords(at: now, into: &commands)
    }

    /// Asks for the oldest run of records that is missing between where playing starts and the newest that is known of.
    mutating func fetchNewRecords(at now: Instant, into commands: inout [Command]) {
        guard let start, let newest = [chronicle.newest, offered?.upperBound].compactMap({ $0 }).max() else { return }
        var first = max(start, offered?.lowerBound ?? 0, newest - min(newest, Chronicle.depth - 1))
        while first <= newest, chronicle[first] != nil { first += 1 }
        guard first <= newest else { return }
        var last = first
        while last < newest, chronicle[last + 1] == nil, last - first < Limits.recordsPerAnswer - 1 { last += 1 }
        fetchRecords(first...last, at: now, into: &commands)
    }

    /// A record that neighbors did not bring along with the ones around it is asked of the origin, a few times.
    private mutating func fillHoles(at now: Instant, into commands: inout [Command]) {
        guard let start, !isFetchingRecords else { return }
        for sequence in chronicle.sequences where sequence > max(start, offered?.lowerBound ?? 0) {
            guard chronicle[sequence - 1] == nil, let entry = chronicle[sequence],
                now - entry.arrival > .milliseconds(400), holesAsked[sequence, default: 0] < 3
            else { continue }
            holesAsked[sequence, default: 0] += 1
            return fetchNewRecords(at: now, into: &commands)
        }
    }

    mutating func fetchRecords(_ range: ClosedRange<UInt64>, at now: Instant, into commands: inout [Command]) {
        guard !isFetchingRecords, origin.isAvailable(at: now) else { return }
        isFetchingRecords = true
        learnedBefore = learned
        commands.append(.fetchRecords(rendition: settings.rendition, range))
    }

    /// An answer without anything new in it counts as a failure, so that it is not asked for again at once.
    mutating func recordsDone(at now: Instant, into commands: inout [Command]) {
        isFetchingRecords = false
        guard learned > learnedBefore else {
            origin.failed(at: now, using: &random)
            return
        }
        fetchNewRecords(at: now, into: &commands)
        askOrigin(at: now, into: &commands)
    }

    // MARK: Injection

    private mutating func inject(_ sequence: UInt64, at now: Instant, into commands: inout [Command]) {
        guard let segment = progress[sequence] else { return }
        let alone = isAlone(at: now)
        guard alone || shares && lease != nil else { return }
        let missing = segment.unasked
        guard !missing.isEmpty else { return }
        let age = now - segment.arrival
        var due = PieceSet(count: missing.count)
        var isBackup = false
        for block in 0...(segment.record.pieceCount - 1) / Injection.block {
            let pieces = block * Injection.block..<min((block + 1) * Injection.block, segment.record.pieceCount)
            let open = pieces.filter { missing.contains($0) && !isNear(PieceID(id(sequence), $0), at: now) }
            guard !open.isEmpty else { continue }
            if !alone, let lease {
                let delay = Injection.delay(root: segment.record.root, block: block, lease: lease)
                guard age >= delay else { continue }
                isBackup = isBackup || delay > .zero
            }
            for index in open { due.insert(index) }
        }
        fetch(due, of: sequence, because: alone ? .alone : isBackup ? .backup : .lease, at: now, into: &commands)
    }

    /// Nobody to share with: no neighbor, and the tracker has answered or had its chance.
    private func isAlone(at now: Instant) -> Bool {
        guard shares else { return true }
        return greetedLinks.isEmpty && (hasWelcome && viewers <= 1 || now - joined > settings.startPatience)
    }

    /// Whether a neighbor has the piece or is getting it from the origin.
    private func isNear(_ piece: PieceID, at now: Instant) -> Bool {
        isPromised(piece, at: now)
            || links.contains { link in
                guard let neighbor = neighbors[link] else { return false }
                return neighbor.has(piece) && neighbor.uploads && !neighbor.chokesUs
            }
    }

    // MARK: Fallback

    /// Asks the origin for what is still missing of a segment when only it can still bring it in time.
    private mutating func fetchLate(_ sequence: UInt64, at now: Instant, into commands: inout [Command]) {
        guard let segment = progress[sequence] else { return }
        let slack = slack(sequence, at: now)
        // Half of the time is the peers', however slow the origin seems: when it is slow because everybody asks it,
        // asking it earlier makes it slower still.
        let available = slack + (now - segment.arrival)
        let needed = min(origin.timeToFetch(segment.missingBytes) + Self.margin, available * 0.5)
        guard slack < needed || slack < .zero else { return }
        // Whoever is expected to bring a piece sooner is left to bring it.
        let expected = origin.timeToFetch(min(segment.missingBytes, Self.runLimit * PieceID.length))
        var late = segment.unasked
        let time = max(slack, expected)
        var room = roomForPieces(within: time, at: now)
        for index in late {
            let piece = PieceID(id(sequence), index)
            if isPromised(piece, at: now) {
                late.remove(index)
            } else if room > 0, isHeldNear(piece, at: now) {
                room -= 1
                late.remove(index)
            }
        }
        var hasHolder = false
        for (index, want) in segment.wanted {
            let pace = neighbors[want.link]?.health.pieceTime ?? .zero
            guard
                neighbors[want.link]?.isStuck(at: now) != false
                    || max(want.time + pace * 2, now + pace * 0.5) > now + time
            else { continue }
            late.insert(index)
            hasHolder = true
        }
        let reason: FetchReason =
            isAlone(at: now) ? .alone : !playhead.hasStarted ? .startup : hasHolder ? .tooSlow : .noHolder
        fetch(late, of: sequence, because: reason, at: now, into: &commands)
    }

    private func isPromised(_ piece: PieceID, at now: Instant) -> Bool {
        links.contains { neighbors[$0]?.isFetching(piece, at: now) == true }
    }

    private func isHeldNear(_ piece: PieceID, at now: Instant) -> Bool {
        links.contains { neighbors[$0]?.has(piece) == true && neighbors[$0]?.brings(at: now) == true }
    }

    /// How many more pieces neighbors will bring within `time`, at the pace that they keep.
    private func roomForPieces(within time: Interval, at now: Instant) -> Int {
        links.reduce(0) { room, link in
            guard let neighbor = neighbors[link], neighbor.brings(at: now) else { return room }
            let turns = min(100, time.seconds / max(neighbor.health.pieceTime.seconds, 0.005))
            return room + max(0, Int(turns * Double(neighbor.health.window)) - neighbor.asked)
        }
    }

    /// Turns a set of pieces into requests for runs, as many as may be under way at once.
    private mutating func fetch(
        _ pieces: PieceSet, of sequence: UInt64, because reason: FetchReason, at now: Instant,
        into commands: inout [Command]
    ) {
        var rest = Array(pieces)[...]
        var asked: [Int] = []
        var underWay = fetches.values.count { $0.reason.isShare == reason.isShare }
        var room = origin.window
        if !reason.isShare {
            room -= fetches.values.reduce(0) { $0 + ($1.reason.isShare ? 0 : $1.pieces.count) }
        }
        while let first = rest.first, underWay < Self.fetchLimit, room > 0, let record = progress[sequence]?.record {
            var end = first
            while let next = rest.first, next == end, end - first < min(Self.runLimit, room) {
                rest.removeFirst()
                end += 1
            }
            let bytes = (first..<end).reduce(0) { $0 + record.range(ofPiece: $1).count }
            fetches[nextFetch] = Fetch(
                sequence: sequence, pieces: first..<end, began: now, bytes: bytes, reason: reason)
            underWay += 1
            room -= end - first
            for index in first..<end {
                progress[sequence]?.fetching.insert(index)
                asked.append(index)
            }
            tally.fetched[reason, default: 0] += end - first
            commands.append(.fetchPieces(FetchID(nextFetch), id(sequence), first..<end, reason))
            nextFetch += 1
        }
        guard !asked.isEmpty, shares else { return }
        for link in greetedLinks { commands.append(.sendFetching(link, id(sequence), asked)) }
    }

    mutating func fetchEnded(_ id: FetchID, failed: Bool, at now: Instant, into commands: inout [Command]) {
        guard let fetch = fetches.removeValue(forKey: id.number) else { return }
        for index in fetch.pieces { progress[fetch.sequence]?.fetching.remove(index) }
        if failed {
            origin.failed(at: now, using: &random)
        } else {
            origin.fetched(fetch.bytes, in: now - fetch.began)
        }
        askOrigin(at: now, into: &commands)
    }

    // MARK: The player

    /// The player reaches back before the place where we started: those segments are wanted, too.
    mutating func playerAsked(_ segment: SegmentID, at now: Instant, into commands: inout [Command]) {
        guard segment.rendition == settings.rendition, let known = progress[segment.sequence] else { return }
        if let first = start, segment.sequence < first { start = segment.sequence }
        playhead.ask(segment.sequence, at: now)
        if known.isDropped { progress[segment.sequence]?.isDropped = false }
        askOrigin(at: now, into: &commands)
    }
}
