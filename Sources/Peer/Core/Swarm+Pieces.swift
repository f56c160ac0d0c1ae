import Vocabulary

/// Pieces that come to us: who has them, whom to ask, and what to do when they do not come.
extension Swarm {
    mutating func holds(
        _ link: LinkID, _ segment: SegmentID, _ pieces: PieceSet, at now: Instant, into commands: inout [Command]
    ) {
        guard let count = pieceCount(segment), pieces.count == count else { return }
        neighbors[link]?.holds[segment.sequence] = pieces
        want(from: link, at: now, into: &commands)
    }

    mutating func promised(_ link: LinkID, _ segment: SegmentID, _ indices: [Int], at now: Instant) {
        guard let count = pieceCount(segment), neighbors[link] != nil else { return }
        var promise =
            neighbors[link]?.fetching[segment.sequence] ?? Neighbor.Promise(pieces: PieceSet(count: count), time: now)
        for index in indices { promise.pieces.insert(index) }
        promise.time = now
        neighbors[link]?.fetching[segment.sequence] = promise
    }

    /// A neighbor may speak of a segment only once we know its record: before that its size is nobody's word.
    private func pieceCount(_ segment: SegmentID) -> Int? {
        guard segment.rendition == settings.rendition else { return nil }
        return progress[segment.sequence]?.record.pieceCount
    }

    /// Fills one neighbor's window with pieces that it has and nobody has been asked for.
    mutating func want(from link: LinkID, at now: Instant, into commands: inout [Command]) {
        guard shares, let neighbor = neighbors[link], neighbor.isGreeted, neighbor.uploads, !neighbor.chokesUs else {
            return
        }
        var room = neighbor.health.window - neighbor.asked
        guard room > 0 else { return }
        for sequence in chronicle.sequences where room > 0 && wantsSegment(sequence) {
            guard let segment = progress[sequence], segment.hasLeaves, let theirs = neighbor.holds[sequence] else {
                continue
            }
            var candidates = segment.unasked.filter { theirs.contains($0) }
            if candidates.isEmpty, neighbor.asked == 0 {
                candidates = takeOver(sequence, from: theirs, by: link, at: now, into: &commands)
            }
            guard !candidates.isEmpty else { continue }
            if neighbor.health.isDemoted(at: now) {
                candidates.removeAll { index in isHeldElsewhere(PieceID(id(sequence), index), than: link, at: now) }
            }
            let chosen = choose(room, of: candidates, in: sequence, at: now)
            guard !chosen.isEmpty else { continue }
            room -= chosen.count
            for index in chosen {
                progress[sequence]?.wanted[index] = SegmentProgress.Want(
                    link: link, time: now, deadline: now + neighbor.health.patience)
            }
            neighbors[link]?.ask(chosen.count, at: now)
            commands.append(.want(link, id(sequence), chosen))
        }
    }

    /// An idle neighbor takes over a few pieces that a busy one has owed us for long.
    private mutating func takeOver(
        _ sequence: UInt64, from theirs: PieceSet, by link: LinkID, at now: Instant, into commands: inout [Command]
    ) -> [Int] {
        guard let segment = progress[sequence], let pace = neighbors[link]?.health.pieceTime else { return [] }
        let overdue = segment.wanted.filter { index, want in
            let owner = neighbors[want.link]?.health.pieceTime ?? .zero
            let late = max(.milliseconds(250), owner * 2)
            return want.link != link && theirs.contains(index) && pace < owner * 2 && now - want.time > late
        }
        let chosen = overdue.keys.sorted().prefix(4)
        for index in chosen {
            guard let want = progress[sequence]?.wanted.removeValue(forKey: index) else { continue }
            neighbors[want.link]?.takeBack(1)
            commands.append(.cancel(want.link, id(sequence), [index]))
        }
        return Array(chosen)
    }

    /// Near the deadline in playing order; before that the rarest first, so that neighbors have something to trade.
    private mutating func choose(_ count: Int, of candidates: [Int], in sequence: UInt64, at now: Instant) -> [Int] {
        guard slack(sequence, at: now) > duration(sequence) else { return Array(candidates.prefix(count)) }
        var holders: [Int: Int] = [:]
        for link in links {
            guard let theirs = neighbors[link]?.holds[sequence] else { continue }
            for index in candidates where theirs.contains(index) { holders[index, default: 0] += 1 }
        }
        let shuffled = candidates.shuffled(using: &random)
        return Array(shuffled.sorted { holders[$0, default: 0] < holders[$1, default: 0] }.prefix(count))
    }

    private func isHeldElsewhere(_ piece: PieceID, than link: LinkID, at now: Instant) -> Bool {
        links.contains { other in
            guard other != link, let neighbor = neighbors[other] else { return false }
            return neighbor.has(piece) && neighbor.uploads && !neighbor.chokesUs && !neighbor.health.isDemoted(at: now)
        }
    }

    mutating func verified(_ piece: PieceID, _ source: Source, at now: Instant, into commands: inout [Command]) {
        let sequence = piece.segment.sequence
        guard piece.segment.rendition == settings.rendition, var segment = progress[sequence] else { return }
        let bytes = segment.record.range(ofPiece: piece.index).count
        let want = segment.wanted.removeValue(forKey: piece.index)
        progress[sequence] = nil  // so that `segment` is changed in place
        let isNew = segment.held.insert(piece.index)
        segment.fetching.remove(piece.index)
        if source == .origin, isNew { segment.fromOrigin.insert(piece.index) }
        let isComplete = segment.isComplete
        progress[sequence] = segment
        count(bytes, from: source, isNew: isNew)
        if let want {
            if source == .neighbor(want.link) {
                neighbors[want.link]?.deliver(after: now - want.time, at: now)
            } else {
                neighbors[want.link]?.takeBack(1)
                commands.append(.cancel(want.link, piece.segment, [piece.index]))
            }
        }
        guard isNew else { return }
        for link in links where neighbors[link]?.isGreeted == true && neighbors[link]?.has(piece) == false {
            neighbors[link]?.untold[sequence, default: []].append(piece.index)
        }
        if flushAt == nil { flushAt = now + settings.gather }
        if isComplete {
            freshRoots.append(segment.record.root)
            playhead.complete(sequence, byPlayer: false, at: now, duration: duration)
        }
        if case .neighbor(let link) = source { self.want(from: link, at: now, into: &commands) }
    }

    private mutating func count(_ bytes: Int, from source: Source, isNew: Bool) {
        switch source {
        case .origin: tally.bytesFromOrigin += bytes
        case .neighbor(let link):
            tally.bytesFromPeers += bytes
            neighbors[link]?.received += bytes
        }
        if !isNew { tally.duplicateBytes += bytes }
    }

    mutating func tellGains(into commands: inout [Command]) {
        flushAt = nil
        for link in links {
            guard let untold = neighbors[link]?.untold, !untold.isEmpty else { continue }
            neighbors[link]?.untold = [:]
            for sequence in untold.keys.sorted() {
                guard let segment = progress[sequence] else { continue }
                commands.append(.sendHolds(link, id(sequence), segment.held))
            }
        }
    }

    mutating func declined(
        _ link: LinkID, _ segment: SegmentID, _ indices: [Int], at now: Instant, into commands: inout [Command]
    ) {
        guard segment.rendition == settings.rendition else { return }
        for index in indices where progress[segment.sequence]?.wanted[index]?.link == link {
            progress[segment.sequence]?.wanted[index] = nil
            neighbors[link]?.takeBack(1)
            neighbors[link]?.holds[segment.sequence]?.remove(index)
        }
        for other in links where other != link { want(from: other, at: now, into: &commands) }
    }

    mutating func choked(_ link: LinkID, at now: Instant, into commands: inout [Command]) {
        neighbors[link]?.chokesUs = true
        neighbors[link]?.takeBack(.max)
        for sequence in chronicle.sequences {
            progress[sequence]?.takeBackWants(from: link)
        }
        for other in links where other != link { want(from: other, at: now, into: &commands) }
    }

    /// Wants that took too long are taken back, once for a neighbor, however many they are.
    mutating func expireWants(at now: Instant, into commands: inout [Command]) {
        var slow: Set<LinkID> = []
        for sequence in chronicle.sequences {
            guard let segment = progress[sequence], !segment.wanted.isEmpty else { continue }
            let late = segment.wanted.filter { now >= $0.value.deadline }
            guard !late.isEmpty else { continue }
            for (index, want) in late.sorted(by: { $0.key < $1.key }) {
                progress[sequence]?.wanted[index] = nil
                neighbors[want.link]?.takeBack(1)
                neighbors[want.link]?.holds[sequence]?.remove(index)
                tally.wantsTimedOut += 1
                slow.insert(want.link)
                commands.append(.cancel(want.link, id(sequence), [index]))
            }
        }
        for link in slow.sorted() { neighbors[link]?.health.timedOut(at: now) }
    }
}
