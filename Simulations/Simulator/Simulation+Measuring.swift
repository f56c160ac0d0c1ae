import PeerCore
import Scenarios
import Vocabulary

/// What is seen from outside: by players, and by who counts bytes.
extension Simulation {
    // MARK: Players

    /// The player looks at the playlist, and asks for the next segment if it is listed.
    mutating func play(_ index: Int, at now: Instant) {
        guard isHere(index, at: now) else { return }
        if viewers[index].player.isWaiting {
            if let next = viewers[index].player.next { segmentIsWhole(next, at: index, now) }
            return
        }
        let listed = viewers[index].core.listed
        guard let first = listed.first, let last = listed.last else { return playLater(index, at: now) }
        let oldest = Int(first.segment.sequence)
        let newest = Int(last.segment.sequence)
        let next = max(oldest, viewers[index].player.next ?? newest + 1 - Player.startDepth)
        viewers[index].player.next = next
        guard next <= newest else { return playLater(index, at: now) }
        viewers[index].player.isWaiting = true
        let segment = SegmentID(rendition: 0, sequence: UInt64(next))
        tell(index, .playerAsked(segment), at: now)
        frontMayBeThere(next, at: index, now)
        segmentIsWhole(next, at: index, now)
    }

    /// A piece of the segment has come, or the player has asked for it.
    mutating func frontMayBeThere(_ sequence: Int, at index: Int, _ now: Instant) {
        guard viewers[index].firstPicture == nil, viewers[index].player.isWaiting,
            viewers[index].player.next == sequence,
            let shelf = viewers[index].shelves.place(of: sequence), viewers[index].shelves[shelf].hasFront
        else { return }
        viewers[index].firstPicture = now - viewers[index].joined
        measurements.firstPictures.add(now - viewers[index].joined)
    }

    private mutating func playLater(_ index: Int, at now: Instant) {
        let pause = min(0.25, scenario.segmentDuration / 8)
        timeline.plan(Happening(kind: .play, viewer: Int32(index)), at: now + .seconds(pause))
    }

    /// The last piece of a segment has come: a player that waits for the segment has it, too.
    mutating func segmentIsWhole(_ sequence: Int, at index: Int, _ now: Instant) {
        guard viewers[index].player.isWaiting, viewers[index].player.next == sequence,
            viewers[index].hasWhole(sequence)
        else { return }
        let segment = SegmentID(rendition: 0, sequence: UInt64(sequence))
        guard !viewers[index].core.isKeptBack(segment, at: now) else { return playLater(index, at: now) }
        playerReceives(sequence, at: index, now)
    }

    private mutating func playerReceives(_ sequence: Int, at index: Int, _ now: Instant) {
        viewers[index].player.isWaiting = false
        viewers[index].player.next = sequence + 1
        let stall = viewers[index].player.receive(segmentDuration, buffer: playerBuffer, at: now)
        if let stall { measurements.stallLengths.add(stall) }
        if viewers[index].startup == nil {
            viewers[index].startup = now - viewers[index].joined
            measurements.startups.add(now - viewers[index].joined)
        }
        let published = records[sequence].time
        if published > viewers[index].joined {
            measurements.delays.add(now - published)
            measurements.segments[sequence].delays.add(now - published)
            measurements.segments[sequence].completions += 1
            if published >= steadyFrom { measurements.steadyDelays.add(now - published) }
        }
        tell(index, .playerReceived(SegmentID(rendition: 0, sequence: UInt64(sequence))), at: now)
        timeline.plan(Happening(kind: .play, viewer: Int32(index)), at: now)
    }

    // MARK: Time

    mutating func sample(at now: Instant) {
        timeline.plan(Happening(kind: .sample), at: now + .seconds(1))
        var second = Measurements.Second(time: now.seconds)
        second.viewers = presentCount
        for index in viewers.indices where isHere(index, at: now) && viewers[index].player.isPlaying(at: now) {
            second.playing += 1
        }
        second.originBytes = measurements.originBytes
        second.peerBytes = measurements.peerBytes
        second.deliveredBytes = measurements.deliveredBytes
        second.streamBytes = measurements.streamBytes
        measurements.seconds.append(second)
    }

    mutating func trace(from: Int?, to: Int, sent: Instant, arrived: Instant) {
        measurements.hops.append(
            Measurements.Hop(from: from, to: to, sent: sent.seconds, arrived: arrived.seconds))
    }

    // MARK: The end

    mutating func conclude(at end: Instant) -> Measurements {
        while let (_, event) = timeline.next() {
            switch event.kind {
            case .piece, .pieceThrough:
                measurements.lostBytes += length(Int(event.sequence), Int(event.index))
            case .chunk, .chunkThrough:
                guard case .pieces = answers[Int(event.detail)].content else { continue }
                measurements.lostBytes += Int(event.sequence)
            default: continue
            }
        }
        measurements.viewers = viewers.count
        for index in viewers.indices {
            conclude(index, at: end)
            for shelf in viewers[index].shelves { lose(shelf.early, of: shelf.sequence) }
            for answer in viewers[index].answers {
                if case .pieces = answers[answer].content { measurements.lostBytes += answers[answer].arrived }
            }
        }
        measurements.originWireBytes = originLine.sent
        measurements.steadyFrom = steadyFrom
        measurements.steadySegments = measurements.segments.filter {
            $0.published >= steadyFrom && isDue($0.published, by: end)
        }
        return measurements
    }

    private mutating func conclude(_ index: Int, at end: Instant) {
        let isHere = isHere(index, at: end)
        if isHere, let stall = viewers[index].player.end(at: end) { measurements.stallLengths.add(stall) }
        let viewer = viewers[index]
        measurements.stalls += viewer.player.stalls
        measurements.stalled = measurements.stalled + viewer.player.stalled
        measurements.watched = measurements.watched + (min(end, left[index]) - viewer.joined)
        measurements.bans += viewer.core.tally.peersBanned
        for (reason, pieces) in viewer.core.tally.fetched {
            measurements.fetched[reason.rawValue, default: 0] += pieces
        }
        let seat = seats[index]
        measurements.visits.append(
            Measurements.Visit(
                join: viewer.joined.seconds, leave: isHere ? nil : left[index].seconds, up: seat.up * 8,
                down: seat.down * 8,
                region: scenario.originRegion == nil ? "" : scenario.regionDelays.names[seat.region],
                nat: Scenario.natKinds[Int(seat.nat)], role: seat.role.name, stalls: viewer.player.stalls,
                stalled: viewer.player.stalled.seconds, startup: viewer.startup?.seconds,
                bytesFromPeers: viewer.bytesFromPeers, bytesFromOrigin: viewer.bytesFromOrigin,
                bytesUploaded: viewer.bytesUploaded))
        guard isHere else { return }
        for (sequence, entry) in records.enumerated()
        where entry.time > viewer.joined && isDue(entry.time, by: end) && !viewer.hasWhole(sequence) {
            measurements.missed += 1
        }
    }

    /// What was published less than three segments before the end may still be on its way.
    private func isDue(_ published: Instant, by end: Instant) -> Bool { published < end - segmentDuration * 3 }
}
