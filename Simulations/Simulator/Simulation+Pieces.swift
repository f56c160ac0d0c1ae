import PeerCore
import Scenarios
import Vocabulary

/// Pieces between viewers: on the uplink, on the downlink, verified, acknowledged.
extension Simulation {
    /// Pieces that a shell keeps until their leaf hashes come.
    private static let earlyLimit = 512

    /// Puts a piece on the uplink behind what is there, as far as TCP's window lets it; `sent` of its packets are.
    mutating func sendPiece(
        _ from: Int, _ link: Int, sequence: Int, index: Int, sent: Int, at now: Instant
    ) {
        guard isHere(from, at: now) else { return }
        guard let end = openEnd(link) else {
            return tellLater(from, .pieceSent(LinkID(link), piece(sequence, index)), at: now)
        }
        guard seats[from].role != .stalled else {
            // It believes, as its neighbors do, that it gives.
            return tellLater(
                from, .pieceSent(LinkID(link), piece(sequence, index)), at: now + roundTrip(from, end.peer))
        }
        var event = Happening(
            kind: .windowOpens, index: UInt16(index), viewer: Int32(from), link: Int32(link),
            sequence: Int32(sequence), detail: Int32(sent))
        guard end.blockedUntil <= now || sent > 0 else {
            timeline.plan(event, at: end.blockedUntil)
            return
        }
        let bytes = Packets.framed(length(sequence, index))
        let packets = Packets.count(bytes)
        let trip = roundTrip(from, end.peer)
        let admitted = ends[link].admit(packets - sent, at: now, roundTrip: trip)
        let share = sent + admitted == packets ? bytes - sent * Packets.payload : admitted * Packets.payload
        var gone = send(share + admitted * Packets.headers, from: from, at: now)
        if scenario.jitter > 0 || scenario.loss > 0 {
            let misfortune = misfortune(packets: admitted, roundTrip: trip)
            if misfortune.lost > 0 {
                _ = send(misfortune.lost * (Packets.payload + Packets.headers), from: from, at: now)
                ends[link].shrink()
            }
            gone = gone + misfortune.late
        }
        guard sent + admitted == packets else {
            let opens = max(gone, now + .milliseconds(1)) + trip
            ends[link].block(until: opens)
            event.detail = Int32(sent + admitted)
            timeline.plan(event, at: opens)
            return
        }
        measurements.peerBytes += length(sequence, index)
        measurements.transfers += 1
        viewers[from].bytesUploaded += length(sequence, index)
        measurements.traffic[.pieceFrames] += Packets.pieceHeader + Packets.frame
        measurements.traffic[.headers] += packets * Packets.headers
        event.kind = .piece
        event.isPolluted = seats[from].role == .polluter
        event.viewer = Int32(end.peer)
        event.link = Int32(LinkEnd.twin(of: link))
        event.peer = Int32(from)
        event.detail = Int32(link)
        let arrival = ends[link].arrival(at: gone + oneWay(from, end.peer))
        timeline.plan(event, at: arrival)
    }

    mutating func receivePiece(_ event: Happening, at now: Instant) {
        let (to, link, from) = (Int(event.viewer), Int(event.link), Int(event.peer))
        let length = length(Int(event.sequence), Int(event.index))
        let bytes = Packets.framed(length)
        let packets = Packets.count(bytes)
        // What a vanished sender had not yet put on the line never came.
        let sentAt = now - oneWay(from, to)
        guard isHere(to, at: now), ends[link].isOpen, isHere(from, at: sentAt) else {
            measurements.lostBytes += length
            var never = event
            never.kind = .acknowledged
            never.viewer = event.peer
            never.link = event.detail
            never.peer = -1
            timeline.plan(never, at: now)
            return
        }
        if event.kind == .piece {
            let through = receive(Packets.onWire(bytes), by: to, at: now)
            guard through <= now else {
                var later = event
                later.kind = .pieceThrough
                timeline.plan(later, at: through)
                return
            }
        }
        var reply = event
        reply.kind = .acknowledged
        reply.viewer = event.peer
        reply.link = event.detail
        reply.peer = event.viewer
        timeline.plan(reply, at: acknowledge(packets: packets, by: to, at: now) + oneWay(to, from))
        if let traced, traced == (Int(event.sequence), Int(event.index)) {
            let sent = sentAt - .seconds(Double(Packets.onWire(bytes)) / lines[seats[from].home].up)
            trace(from: from, to: to, sent: sent, arrived: now)
        }
        admit(
            Int(event.sequence), Int(event.index), from: .neighbor(LinkID(link)), isPolluted: event.isPolluted, by: to,
            at: now)
    }

    mutating func acknowledged(_ event: Happening, at now: Instant) {
        let (index, link) = (Int(event.viewer), Int(event.link))
        let bytes = Packets.framed(length(Int(event.sequence), Int(event.index)))
        ends[link].acknowledge(Packets.count(bytes))
        tell(index, .pieceSent(LinkID(link), piece(Int(event.sequence), Int(event.index))), at: now)
    }

    func piece(_ sequence: Int, _ index: Int) -> PieceID {
        PieceID(SegmentID(rendition: 0, sequence: UInt64(sequence)), index)
    }

    // MARK: Verification

    /// A piece has arrived whole: it is checked, or kept until it can be.
    mutating func admit(
        _ sequence: Int, _ index: Int, from source: Source, isPolluted: Bool, by viewer: Int, at now: Instant
    ) {
        guard let shelf = viewers[viewer].shelves.place(of: sequence) else {
            measurements.lostBytes += length(sequence, index)
            return
        }
        guard viewers[viewer].shelves[shelf].hasLeaves else {
            guard viewers[viewer].earlyPieces < Self.earlyLimit else {
                measurements.lostBytes += length(sequence, index)
                return
            }
            let isFirst = !viewers[viewer].shelves[shelf].early.contains { $0.from == source }
            viewers[viewer].shelves[shelf].early.append(
                Shelf.Early(index: index, from: source, isPolluted: isPolluted))
            viewers[viewer].earlyPieces += 1
            let segment = SegmentID(rendition: 0, sequence: UInt64(sequence))
            if isFirst { tell(viewer, .pieceEarly(segment, from: source), at: now) }
            return
        }
        guard !isPolluted else {
            measurements.refusedBytes += length(sequence, index)
            if case .neighbor(let link) = source { tell(viewer, .misbehaved(link, .badPiece), at: now) }
            return
        }
        let bytes = length(sequence, index)
        measurements.deliveredBytes += bytes
        let isNew = viewers[viewer].shelves[shelf].store(index)
        if source == .origin {
            viewers[viewer].bytesFromOrigin += bytes
        } else {
            viewers[viewer].bytesFromPeers += bytes
        }
        if isNew { measurements.segments[sequence].usefulBytes += bytes } else { measurements.duplicateBytes += bytes }
        if shown[sequence].store(index) { measurements.segments[sequence].shownBytes += bytes }
        let isWhole = isNew && viewers[viewer].shelves[shelf].isWhole
        if isWhole { viewers[viewer].noteWhole(sequence) }
        tell(viewer, .pieceVerified(piece(sequence, index), from: source), at: now)
        if isNew { frontMayBeThere(sequence, at: viewer, now) }
        if isWhole { segmentIsWhole(sequence, at: viewer, now) }
    }

    mutating func leavesArrived(_ segment: SegmentID, from source: Source, at viewer: Int, _ now: Instant) {
        let sequence = Int(segment.sequence)
        guard let shelf = viewers[viewer].shelves.place(of: sequence) else { return }
        let (early, unchecked) = (viewers[viewer].shelves[shelf].early, viewers[viewer].shelves[shelf].unchecked)
        viewers[viewer].shelves[shelf].early = []
        viewers[viewer].shelves[shelf].unchecked = []
        viewers[viewer].shelves[shelf].hasLeaves = true
        viewers[viewer].earlyPieces -= early.count
        tell(viewer, .leavesVerified(segment, from: source), at: now)
        for piece in early {
            admit(sequence, piece.index, from: piece.from, isPolluted: piece.isPolluted, by: viewer, at: now)
        }
        for fetch in unchecked { tell(viewer, .fetchDone(fetch), at: now) }
    }
}
