import Vocabulary

/// The origin: when to ask it for news, for our share of new pieces, and for what peers would bring too late.
extension Swarm {
    /// Fetches that may be under way at once for what is late, for our share, and for all where nobody shares with us.
    private static let fetchLimit = 6
    private static let shareLimit = 16
    private static let playersLimit = 2
    /// Pieces that are fetched together when neighbors share the fetching.
    static let block = 4
    /// The time in which twice as many viewers may fetch what nobody near has.
    private static let step = Interval.milliseconds(300)
    /// How long a newcomer leaves everything but the front to peers, whether they bring it or not.
    static let startTime = Interval.milliseconds(2_500)
    /// How long a newcomer without a link asks the origin for no more at a time than what it answers readily.
    private static let linkPatience = Interval.seconds(5)
    /// So many viewers may ask the origin for something at the same time; where there are more, newcomers take turns, and
    /// hear from neighbors what is new.
    static let crowd = 200
    /// How much longer those who have not begun to play, and whom peers bring something, wait for their turn in a crowd.
    private static let newcomersPatience = 3.0
    /// The longest that a newcomer's first picture waits for its turn: it has yet to see whether peers are of use.
    private static let longestTurn = Interval.milliseconds(1_200)
    /// How long the tracker may take to say how many there are.
    private static let welcomePatience = Interval.milliseconds(250)
    /// The longest run of pieces in one fetch: 512 KiB.
    private static let runLimit = 32

    mutating func askOrigin(at now: Instant, into commands: inout [Command]) {
        guard origin.isAvailable(at: now) else { return }
        fillHoles(at: now, into: &commands)
        pollHead(at: now, into: &commands)
        for place in segments.indices where wantsSegment(place) {
            inject(place, at: now, into: &commands)
            if segments[place].hasLeaves { fetchLate(place, at: now, into: &commands) }
        }
        fetchShortfall(at: now, into: &commands)
    }

    // MARK: News

    /// Injectors wait at the origin for each new record; the others hear of it from them, and ask only when they do not.
    private mutating func pollHead(at now: Instant, into commands: inout [Command]) {
        let isFirstToKnow = lease != nil || hasLostConfidence(at: now)
        guard !isPollingHead, isFirstToKnow || !isFetchingRecords && !leavesNewsToNeighbors(at: now) else { return }
        if isClosed, chronicle.isClosed, now - lastNews < .seconds(5) { return }
        isPollingHead = true
        commands.append(.fetchHead(after: chronicle.newest))
    }

    /// A newcomer's question costs the origin little, but those of a crowd would keep the injectors from their answers, for
    /// which everybody waits.
    private func leavesNewsToNeighbors(at now: Instant) -> Bool {
        if chronicle.newest != nil, hasGreeted {
            return now - lastNews <= .seconds(Double(chronicle.targetDuration) * 1.5)
        }
        guard hasWelcome || announceFailures > 0 || !settings.hasTracker else {
            return now - joined < Self.welcomePatience
        }
        return viewers >= Self.crowd && now - joined < settings.startPatience
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
        let isFirst = offered == nil
        offered = oldest...newest
        if lease != nil, leaseFrom == nil { leaseFrom = newest }
        let wish = newest - min(newest - oldest, startDepth)
        if start == nil { start = wish } else if isFirst { startNoEarlier(than: wish) }
        fetchNewRecords(at: now, into: &commands)
    }

    /// Asks for the oldest run of records that is missing between where playing starts and the newest that is known of.
    mutating func fetchNewRecords(at now: Instant, into commands: inout [Command]) {
        guard let start, let newest = [chronicle.newest, offered?.upperBound].compactMap({ $0 }).max() else { return }
        var first = max(start, offered?.lowerBound ?? 0, newest - min(newest, Chronicle.depth - 1))
        while first <= newest, chronicle.knows(first) { first += 1 }
        guard first <= newest else { return }
        var last = first
        while last < newest, !chronicle.knows(last + 1), last - first < Limits.recordsPerAnswer - 1 { last += 1 }
        fetchRecords(first...last, at: now, into: &commands)
    }

    /// A record that neighbors did not bring along with the ones around it is asked of the origin, a few times.
    private mutating func fillHoles(at now: Instant, into commands: inout [Command]) {
        guard let start, !isFetchingRecords else { return }
        for sequence in chronicle.sequences where sequence > max(start, offered?.lowerBound ?? 0) {
            guard !chronicle.knows(sequence - 1), let entry = chronicle[sequence],
                now - entry.arrival > .milliseconds(400), holesAsked[sequence, default: 0] < 3
            else { continue }
            holesAsked[sequence, default: 0] += 1
            return fetchNewRecords(at: now, into: &commands)
        }
    }

    mutating func fetchRecords(_ range: ClosedRange<UInt64>, at now: Instant, into commands: inout [Command]) {
        guard !isFetchingRecords, origin.isAvailable(at: now), now >= recordsNotBefore else { return }
        isFetchingRecords = true
        learnedBefore = learned
        commands.append(.fetchRecords(rendition: settings.rendition, range))
    }

    /// After an answer without anything new in it records are not asked for again at once; neighbors may have been faster,
    /// or the origin does not have what we miss.
    mutating func recordsDone(at now: Instant, into commands: inout [Command]) {
        isFetchingRecords = false
        guard learned > learnedBefore else {
            vainRequests = min(vainRequests + 1, 4)
            recordsNotBefore = now + .milliseconds(250 << Int64(vainRequests))
            return
        }
        vainRequests = 0
        fetchNewRecords(at: now, into: &commands)
        askOrigin(at: now, into: &commands)
    }

    // MARK: Fallback

    /// Asks the origin for what is still missing of a segment when only it can still bring it in time.
    private mutating func fetchLate(_ place: Int, at now: Instant, into commands: inout [Command]) {
        let (sequence, wait) = (segments[place].sequence, now - segments[place].arrival)
        let isQuick = origin.isQuick(at: now)
        // An origin with little to give is not made better by asking it sooner.
        let slack = slack(sequence, at: now) - (isQuick ? playhead.caution : .zero)
        if let reason = doubt(at: now) {
            tryPeers(with: place, at: now)
            return fetch(segments[place].missing, of: place, because: reason, at: now, into: &commands)
        }
        let fetchTime = origin.timeToFetch(segments[place].missingBytes)
        let threshold = settings.policies.fallback.threshold(
            fetch: fetchTime, slack: slack, wait: wait, usual: confidence.usualTime)
        guard now >= origin.restsUntil || !hasGreeted else { return }
        let isUsual = confidence.usualTime.map { wait < $0 * 1.1 } ?? false
        let spread = !hasGreeted || isUsual ? .zero : Self.step * Double(Self.doublings(to: viewers) + 1)
        guard slack < threshold + spread || slack < .zero else {
            segments[place].urgentSince = nil
            return
        }
        let segment = segments[place]
        let age = now - joined
        let isStarting =
            !playhead.hasStarted && !isQuick
            && (age < Self.startTime
                || !isBetterServedByOrigin(at: now)
                    && peersBring(segment.missingBytes, within: Self.startTime * 3 - age))
        let urgency = now - (segment.urgentSince ?? now)
        segments[place].urgentSince = now - urgency
        // Whoever is expected to bring a piece sooner is left to bring it.
        let expected = origin.timeToFetch(min(segment.missingBytes, Self.runLimit * PieceID.length))
        let promised = promised(segment.sequence, count: segment.count, at: now)
        let near = held(segment.sequence, count: segment.count) { $0.brings(at: now) }
        let anywhere = held(segment.sequence, count: segment.count) { _ in true }
        var late = segment.pieces.unasked
        let time = max(slack, expected)
        // The last moment in which an origin that has much to give can help: nothing is left to hope.
        let isLast = isQuick && slack < expected
        var room = isLast ? 0 : roomForPieces(within: time, at: now)
        for index in late {
            let piece = PieceID(id(segment.sequence), index)
            if isStarting, !isFront(piece), hasGreeted {
                // A newcomer takes no more than the front, which is what a viewer sees first: when many come at once, the
                // origin is what there is least of.
                late.remove(index)
            } else if near.contains(index) {
                guard slack >= threshold || room > 0 else { continue }
                room -= 1
                late.remove(index)
            } else if slack > .zero, !anywhere.contains(index),
                isRooted(Stripe.of(piece: index, among: segment.count))
            {
                // The root waits for it at the origin, and whoever asks, too, makes that wait longer.
                late.remove(index)
            } else if promised.contains(index) || spread > .zero && urgency < delay(of: index, in: segment) {
                late.remove(index)
            }
        }
        var hasHolder = false
        for want in segment.wants where !segment.pieces.contains(want.index, .fetching) {
            guard !isStarting || isFront(PieceID(id(segment.sequence), want.index)),
                isLast || isHopeless(want, within: time, at: now),
                isQuick || isStuck(want, at: now) || urgency >= delay(of: want.index, in: segment)
            else { continue }
            late.insert(want.index)
            hasHolder = true
        }
        let reason: FetchReason =
            isAlone(at: now) ? .alone : !playhead.hasStarted ? .startup : hasHolder ? .tooSlow : .noHolder
        fetch(late, of: place, because: reason, at: now, into: &commands)
    }

    /// Whoever was asked would bring the piece later than within `time`, by the pace that it keeps.
    private func isHopeless(_ want: SegmentProgress.Want, within time: Interval, at now: Instant) -> Bool {
        guard let seat = seat(want.link), !neighbors[seat].isStuck(at: now) else { return true }
        let pace = neighbors[seat].health.pieceTime
        return max(want.time + pace * 2, now + pace * 0.5) > now + time
    }

    /// The neighbor that was asked brings nothing at all. In a large swarm it may itself wait for what all wait for.
    private func isStuck(_ want: SegmentProgress.Want, at now: Instant) -> Bool {
        viewers <= 2 * links.count && (seat(want.link).map { neighbors[$0].isStuck(at: now) } ?? true)
    }

    /// More of what was asked of neighbors has not come than has, and the origin has answered without a wait, as it does to
    /// the first of a crowd, too.
    private func isBetterServedByOrigin(at now: Instant) -> Bool {
        viewers < Self.crowd && tally.wantsTimedOut > tally.piecesPulled && origin.window(at: now) >= PieceID.front
    }

    private func isFront(_ piece: PieceID) -> Bool { piece.segment.sequence == start && piece.index < PieceID.front }

    /// Whether it is worth to wait for neighbors: they brought much of a stream's worth in the last second and, if they have
    /// little to give, enough that so many bytes come within `time`.
    private func peersBring(_ bytes: Int, within time: Interval) -> Bool {
        let pace = Double(tally.bytesFromPeers - bytesBefore.earlier)
        guard time > .zero, pace > 0.3 * (streamRate ?? .infinity) else { return false }
        return hasEnoughSlots || pace * time.seconds > Double(bytes)
    }

    /// What nobody near has is missing to many, and they notice at the same time. One of all begins, then two, then four,
    /// each with other blocks, and the others hear meanwhile what is being fetched: however many they are, a few fetch
    /// (exponentially distributed timers: Nonnenmacher and Biersack, IEEE/ACM Transactions on Networking 7(3), 1999).
    private func delay(of index: Int, in segment: SegmentProgress) -> Interval {
        let block = UInt64(index / Self.block)
        let chance = Randomness.mix(settings.me.key.words.3 ^ segment.record.root.hash.words.0 &+ block)
        let time = Self.step * Self.turn(by: chance, among: viewers)
        guard !playhead.hasStarted else { return time }
        if isFront(PieceID(id(segment.sequence), index)) {
            return viewers < Self.crowd ? .zero : min(time, Self.longestTurn)
        }
        return viewers < Self.crowd || tally.bytesFromPeers == 0 ? time : time * Self.newcomersPatience
    }

    /// After how many steps it is the turn of one of `count` that notice the same: twice as many have theirs in each.
    static func turn(by chance: UInt64, among count: Int) -> Double {
        Double(max(0, doublings(to: count) - chance.leadingZeroBitCount)) + Randomness.share(chance)
    }

    /// How often one is to be doubled until it is `count`.
    static func doublings(to count: Int) -> Int { Int.bitWidth - count.leadingZeroBitCount }

    /// Nobody to share with: no neighbor, and the tracker has answered or had its chance. Where there are others, one of a
    /// crowd that comes at once may need long for its first link, and a crowd that took its fill of the origin meanwhile
    /// would leave nothing for the others.
    func isAlone(at now: Instant) -> Bool {
        guard shares else { return true }
        guard !hasGreeted else { return false }
        return hasWelcome && viewers <= 1
            || now - joined > (viewers > 1 ? Self.linkPatience : settings.startPatience)
    }

    /// Whoever has found others leaves to them what it asked for when it knew nobody: a crowd that did not find each other
    /// for some seconds has asked for far more than the origin can give, and what is new would have to wait for all of it.
    mutating func abandonWhatWasAskedAlone(into commands: inout [Command]) {
        guard viewers > 1 else { return }
        abandon(into: &commands) { $0.reason == .alone }
    }

    /// The first whom the tracker has told of nobody takes everything, for itself and for those who come. What of that the
    /// origin has not given in the time that it takes when it is not overrun is left to those who share it now.
    mutating func abandonWhatWasAskedForAll(at now: Instant, into commands: inout [Command]) {
        abandon(into: &commands) { ($0.reason == .alone || $0.reason == .lease) && now - $0.began > Self.startTime }
    }

    mutating func abandon(into commands: inout [Command], where isGone: (Fetch) -> Bool) {
        for (number, fetch) in fetches.sorted(by: { $0.key < $1.key }) where isGone(fetch) {
            remove(number)
            commands.append(.abandonFetch(FetchID(number)))
        }
    }

    /// Takes a fetch out, and what it did not bring is no longer under way.
    @discardableResult
    private mutating func remove(_ number: Int) -> Fetch? {
        guard let fetch = fetches.removeValue(forKey: number) else { return nil }
        if let place = place(fetch.sequence) {
            for index in fetch.pieces { segments[place].pieces.remove(index, .fetching) }
        }
        return fetch
    }

    /// What neighbors are getting from the origin of a segment.
    func promised(_ sequence: UInt64, count: Int, at now: Instant) -> PieceSet {
        guard let place = place(sequence) else { return PieceSet(count: count) }
        return neighbors.survey { seats in
            segments[place].promised(at: now) { seats[$0].uploads }
        }
    }

    /// What those neighbors have of a segment of whom `counts` is true.
    func held(_ sequence: UInt64, count: Int, by counts: (borrowing Neighbor) -> Bool) -> PieceSet {
        guard let place = place(sequence) else { return PieceSet(count: count) }
        return neighbors.survey { seats in segments[place].holders.union { counts(seats[$0]) } }
    }

    /// How many more pieces neighbors will bring within `time`, at the pace that they keep.
    private func roomForPieces(within time: Interval, at now: Instant) -> Int {
        neighbors.survey { seats in
            var room = 0
            for seat in seats.indices where seats[seat].brings(at: now) {
                let turns = min(100, time.seconds / max(seats[seat].health.pieceTime.seconds, 0.005))
                room += max(0, Int(turns * Double(seats[seat].health.window)) - seats[seat].asked)
            }
            return room
        }
    }

    /// Turns a set of pieces into requests for runs, as many as may be under way at once.
    mutating func fetch(
        _ pieces: PieceSet, of place: Int, because reason: FetchReason, at now: Instant, into commands: inout [Command]
    ) {
        guard !pieces.isEmpty else { return }
        let record = segments[place].record
        var rest = Array(pieces)[...]
        var asked: [Int] = []
        var underWay = fetches.values.count { $0.reason.isShare == reason.isShare }
        let limit = limit(of: reason, at: now)
        let window = origin.window(at: now)
        var room = window
        if reason.isShare || reason == .alone || reason == .lostConfidence {
            room = .max
        } else {
            room -= fetches.values.reduce(0) { $0 + ($1.reason.isShare ? 0 : $1.pieces.count) }
        }
        while let first = rest.first, underWay < limit, room > 0 {
            var end = first
            while let next = rest.first, next == end, end - first < min(Self.runLimit, room) {
                rest.removeFirst()
                end += 1
            }
            let bytes = (first..<end).reduce(0) { $0 + record.range(ofPiece: $1).count }
            fetches[nextFetch] = Fetch(
                sequence: record.segment.sequence, pieces: first..<end, began: now, bytes: bytes,
                before: tally.bytesFromOrigin, reason: reason,
                isFull: room < .max && (room - (end - first)) * 2 <= window)
            underWay += 1
            if room < .max { room -= end - first }
            for index in first..<end {
                segments[place].pieces.insert(index, .fetching)
                asked.append(index)
            }
            callBack(first..<end, of: place, into: &commands)
            if !reason.waitsForPeers { segments[place].taken += end - first }
            tally.fetched[reason, default: 0] += end - first
            commands.append(.fetchPieces(FetchID(nextFetch), record.segment, first..<end, reason))
            nextFetch += 1
        }
        guard !asked.isEmpty, shares else { return }
        segments[place].owesPromise = true
        planFlush(within: reason.waitsForPeers ? settings.gather : .zero, at: now)
    }

    /// How many fetches for one reason may be under way at once. Who is cut off from others asks as a player does, one
    /// segment after the other, and not with so many answers at a time that those who share have to share the rest of the
    /// uplink.
    private func limit(of reason: FetchReason, at now: Instant) -> Int {
        let mayHaveCompany = viewers > 1 || settings.hasTracker && !hasWelcome
        if reason == .alone, !mayHaveCompany { return Self.shareLimit }
        if reason == .alone || reason == .lostConfidence { return Self.playersLimit }
        return reason.isShare ? Self.shareLimit : Self.fetchLimit
    }

    /// Whoever was asked for what now comes from the origin need not send it.
    private mutating func callBack(_ pieces: Range<Int>, of place: Int, into commands: inout [Command]) {
        let segment = id(segments[place].sequence)
        for want in segments[place].settle(where: { pieces.contains($0.index) }) {
            with(want.link) { $0.takeBack(1) }
            commands.append(.cancel(want.link, segment, [want.index]))
        }
    }

    mutating func tellPromises(into commands: inout [Command]) {
        for place in segments.indices where segments[place].owesPromise {
            segments[place].owesPromise = false
            let segment = id(segments[place].sequence)
            let fetching = Array(segments[place].shown(segments[place].pieces[.fetching]))
            guard shares, !fetching.isEmpty else { continue }
            for seat in neighbors.indices where isConcerned(seat) {
                commands.append(.sendFetching(links[seat], segment, fetching))
            }
        }
    }

    /// Says again what is still under way, because neighbors do not believe an old word.
    mutating func renewPromises(at now: Instant, into commands: inout [Command]) {
        guard gives else { return }
        for (_, fetch) in fetches.sorted(by: { $0.key < $1.key }) where now - fetch.began > .seconds(1) {
            guard let place = place(fetch.sequence) else { continue }
            let segment = segments[place]
            let fetching = segment.shown(segment.pieces[.fetching])
            let rest = fetch.pieces.filter { fetching.contains($0) }
            guard !rest.isEmpty else { continue }
            for link in greetedLinks { commands.append(.sendFetching(link, id(fetch.sequence), rest)) }
        }
    }

    mutating func fetchEnded(_ id: FetchID, failed: Bool, at now: Instant, into commands: inout [Command]) {
        guard let fetch = remove(id.number) else { return }
        if failed {
            origin.failed(at: now, using: &random)
        } else {
            origin.fetched(
                fetch.bytes, in: now - fetch.began, arrived: tally.bytesFromOrigin - fetch.before,
                queueing: uplink.queueing, isShare: fetch.reason.isShare, isFull: fetch.isFull, at: now, using: &random)
        }
        askOrigin(at: now, into: &commands)
    }

    // MARK: The player

    /// The player reaches back before the place where we started: those segments are wanted, too.
    mutating func playerAsked(_ segment: SegmentID, at now: Instant, into commands: inout [Command]) {
        guard let place = place(segment) else { return }
        if let first = start, segment.sequence < first { start = segment.sequence }
        playhead.ask(segment.sequence, at: now)
        segments[place].isDropped = false
        askOrigin(at: now, into: &commands)
    }
}
