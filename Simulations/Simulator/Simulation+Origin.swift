import OriginCore
import PeerCore
import Scenarios
import Vocabulary

/// The origin: it publishes, and shares its uplink in turn among the answers under way.
extension Simulation {
    /// The widest window that TCP reaches before a queue of a tenth of a second overflows; packets.
    private static let widestWindow = 400
    /// Linux forgets a connection's window after such a pause.
    private static let pause = Interval.milliseconds(250)
    /// Segments that the origin serves.
    private static let depth = 20

    func isOriginOut(_ now: Instant) -> Bool { scenario.originOutage?.range.contains(now) ?? false }

    mutating func publish(at now: Instant) {
        let next = now + segmentDuration
        // What comes at the very end nobody can get any more.
        if next < .zero + .seconds(scenario.length) { timeline.plan(Happening(kind: .publish), at: next) }
        guard !isOriginOut(now) else { return }
        let sequence = UInt64(records.count)
        let record = Record(
            broadcast: broadcast, epoch: 0, segment: SegmentID(rendition: 0, sequence: sequence),
            root: Root(Word256(random.next(), random.next(), random.next(), sequence)),
            length: scenario.segmentLength, duration: segmentDuration.nanoseconds / 1_000,
            programTime: now.nanoseconds / 1_000_000, previous: records.last?.statement.digest ?? .zero)
        records.append((Statement(record, digest: Word256(random.next(), 0, 0, sequence)), now))
        shown.append(Shelf(sequence: Int(sequence), pieces: record.pieceCount))
        measurements.segmentsPublished += 1
        measurements.streamBytes += record.length
        measurements.segments.append(
            Measurements.Segment(published: now, length: record.length, viewers: presentCount))
        let news = held
        held = []
        for answer in news { open(answer, at: now) }
    }

    // MARK: Requests

    mutating func ask(
        _ content: Answer.Content, _ urgency: Precedence.Urgency? = nil, sequence: Int = 0,
        pieces: Range<Int> = 0..<1, by index: Int, at now: Instant
    ) {
        if now - viewers[index].originUsed > Self.pause + toOrigin(index) + fromOrigin(index) {
            viewers[index].originWindow = Packets.initialWindow
        }
        let answer = answers.insert(
            Answer(
                viewer: index, content: content, urgency, sequence: sequence, pieces: pieces,
                window: viewers[index].originWindow))
        viewers[index].answers.append(answer)
        var gone = send(Packets.onWire(Packets.request), from: index, at: now)
        if viewers[index].answers.count > viewers[index].connections {
            // A connection more: TCP's handshake comes first.
            viewers[index].connections += 1
            gone = gone + toOrigin(index) + fromOrigin(index)
        }
        measurements.traffic[.http] += Packets.request
        measurements.traffic[.headers] += Packets.headers
        answers[answer].outstanding += 1
        timeline.plan(
            Happening(kind: .requested, viewer: Int32(index), detail: Int32(answer)), at: gone + toOrigin(index))
    }

    /// The request has reached the origin.
    mutating func requested(_ answer: Int, at now: Instant) {
        answers[answer].outstanding -= 1
        guard !answers[answer].isAbandoned else { return settle(answer) }
        guard !isOriginOut(now) else { return fail(answer, at: now) }
        if case .head(let after) = answers[answer].content, let after,
            (records.last?.statement.record.segment.sequence).map({ $0 <= after }) ?? true
        {
            held.append(answer)
            return
        }
        open(answer, at: now)
    }

    private mutating func open(_ answer: Int, at now: Instant) {
        guard !records.isEmpty else {
            held.append(answer)
            return
        }
        if case .head = answers[answer].content { answers[answer].sequence = records.count - 1 }
        guard mayBegin(answer, at: now) else {
            answers[answer].outstanding += 1
            return timeline.plan(
                Happening(kind: .overdue, detail: Int32(answer)), at: now + Precedence.longestWait)
        }
        begin(answer, at: now)
    }

    private mutating func mayBegin(_ answer: Int, at now: Instant) -> Bool {
        let state = answers[answer]
        guard let urgency = state.urgency else { return true }
        let bytes = (state.unit..<state.end).reduce(0) { $0 + length(state.sequence, $1) }
        return precedence.asked(answer, for: bytes, urgency, at: now)
    }

    mutating func overdue(_ answer: Int, at now: Instant) {
        answers[answer].outstanding -= 1
        if precedence.overdue(answer) { fail(answer, at: now) } else { settle(answer) }
    }

    private mutating func begin(_ answer: Int, at now: Instant) {
        answers[answer].isOpen = true
        answers[answer].rest = answers[answer].headers + unitLength(answers[answer])
        queue(answer)
        sendFromOrigin(at: now)
    }

    private func unitLength(_ answer: Answer) -> Int {
        guard case .pieces = answer.content else { return bytes(of: answer.content) }
        return length(answer.sequence, answer.unit)
    }

    private mutating func fail(_ answer: Int, at now: Instant) {
        let fact: Swarm.Fact =
            switch answers[answer].content {
            case .head: .headFailed
            case .records: .recordsFailed
            case .pieces(let fetch): .fetchFailed(fetch)
            }
        tellLater(answers[answer].viewer, fact, at: now + fromOrigin(answers[answer].viewer))
        abandon(answer, at: now)
    }

    mutating func loseOrigin(at now: Instant) {
        held = []
        for viewer in viewers.indices where isHere(viewer, at: now) {
            for answer in viewers[viewer].answers { fail(answer, at: now) }
        }
    }

    /// The viewer does not wait for it any more; the origin hears so one way later.
    mutating func abandon(_ answer: Int, at now: Instant) {
        guard !answers[answer].isAbandoned else { return }
        answers[answer].isAbandoned = true
        let viewer = answers[answer].viewer
        viewers[viewer].answers.removeAll { $0 == answer }
        viewers[viewer].connections -= 1
        losePartial(answer)
        answers[answer].outstanding += 1
        timeline.plan(
            Happening(kind: .abandoned, viewer: Int32(viewer), detail: Int32(answer)), at: now + toOrigin(viewer))
    }

    mutating func abandoned(_ answer: Int, at now: Instant) {
        answers[answer].outstanding -= 1
        answers[answer].isSent = true
        held.removeAll { $0 == answer }
        ended(answer, isWhole: false, at: now)
        settle(answer)
    }

    private mutating func losePartial(_ answer: Int) {
        guard case .pieces = answers[answer].content else { return }
        measurements.lostBytes += answers[answer].arrived
        answers[answer].arrived = 0
    }

    private mutating func ended(_ answer: Int, isWhole: Bool, at now: Instant) {
        guard answers[answer].urgency != nil else { return }
        for next in precedence.ended(answer, isWhole: isWhole, at: now) { begin(next, at: now) }
    }

    /// Gives the place of an answer free once nothing names it.
    private mutating func settle(_ answer: Int) {
        guard answers[answer].isSent, answers[answer].outstanding == 0, !answers[answer].isQueued else { return }
        answers[answer].outstanding = -1
        _ = answers.remove(answer)
    }

    // MARK: The uplink

    private mutating func queue(_ answer: Int) {
        guard !answers[answer].isQueued else { return }
        answers[answer].isQueued = true
        turns.append(Int32(answer))
    }

    private mutating func takeTurn() -> Int? {
        guard nextTurn < turns.count else {
            turns.removeAll(keepingCapacity: true)
            nextTurn = 0
            return nil
        }
        if nextTurn > 1_024, nextTurn * 2 > turns.count {
            turns.removeFirst(nextTurn)
            nextTurn = 0
        }
        nextTurn += 1
        let answer = Int(turns[nextTurn - 1])
        answers[answer].isQueued = false
        return answer
    }

    /// Sends one chunk, at most a piece, of the answer whose turn it is, unless one is on the uplink.
    mutating func sendFromOrigin(at now: Instant) {
        while !isOriginSending, let answer = takeTurn() {
            guard !answers[answer].isSent else {
                settle(answer)
                continue
            }
            let room = answers[answer].window - answers[answer].flying
            guard room > 0 else { continue }
            sendChunk(of: answer, packets: room, at: now)
        }
    }

    private mutating func sendChunk(of answer: Int, packets room: Int, at now: Instant) {
        var state = answers[answer]
        let bytes = min(state.rest, room * Packets.payload)
        let headers = min(state.headers, bytes)
        let packets = Packets.count(bytes)
        state.rest -= bytes
        state.headers -= headers
        state.flying += packets
        state.outstanding += 1
        var event = Happening(
            kind: .chunk, viewer: Int32(state.viewer), link: Int32(headers), sequence: Int32(bytes - headers),
            detail: Int32(answer))
        measurements.traffic[.http] += headers
        measurements.traffic[.headers] += packets * Packets.headers
        switch state.content {
        case .pieces:
            measurements.originBytes += bytes - headers
            measurements.segments[state.sequence].originBytes += bytes - headers
        case .head: measurements.traffic[.http] += bytes - headers
        case .records: measurements.traffic[.records] += bytes - headers
        }
        if state.rest == 0 {
            event.index = UInt16(state.unit)
            state.unit += 1
            state.isSent = state.unit == state.end
        }
        answers[answer] = state
        if state.rest == 0, !state.isSent { answers[answer].rest = unitLength(state) }
        if !state.isSent { queue(answer) }
        let gone = originLine.send(bytes + packets * Packets.headers, at: now)
        var arrival = gone + fromOrigin(state.viewer)
        if scenario.jitter > 0 || scenario.loss > 0 {
            let trip = toOrigin(state.viewer) + fromOrigin(state.viewer)
            let misfortune = misfortune(packets: packets, roundTrip: trip)
            if misfortune.lost > 0 {
                _ = originLine.send(misfortune.lost * (Packets.payload + Packets.headers), at: now)
                answers[answer].window = max(2, answers[answer].window / 2)
            }
            arrival = max(arrival + misfortune.late, viewers[state.viewer].originArrival)
            viewers[state.viewer].originArrival = arrival
        }
        timeline.plan(event, at: arrival)
        isOriginSending = true
        timeline.plan(Happening(kind: .originFree), at: gone)
    }

    // MARK: Arrival

    mutating func receiveChunk(_ event: Happening, at now: Instant) {
        let (answer, viewer) = (Int(event.detail), Int(event.viewer))
        let (payload, headers) = (Int(event.sequence), Int(event.link))
        let packets = Packets.count(payload + headers)
        guard isHere(viewer, at: now), !answers[answer].isAbandoned else {
            if case .pieces = answers[answer].content { measurements.lostBytes += payload }
            answers[answer].outstanding -= 1
            return settle(answer)
        }
        if event.kind == .chunk {
            let wire = Packets.onWire(payload + headers)
            let through = receive(wire, by: viewer, at: now)
            guard through <= now else {
                var later = event
                later.kind = .chunkThrough
                timeline.plan(later, at: through)
                return
            }
        }
        var reply = event
        reply.kind = .chunkAcknowledged
        timeline.plan(reply, at: acknowledge(packets: packets, by: viewer, at: now) + toOrigin(viewer))
        answers[answer].arrived += payload
        viewers[viewer].originUsed = now
        guard event.index != Happening.none else { return }
        answers[answer].arrived = 0
        completeUnit(Int(event.index), of: answer, at: now)
    }

    private mutating func completeUnit(_ unit: Int, of answer: Int, at now: Instant) {
        let state = answers[answer]
        let isLast = unit == state.end - 1
        if isLast {
            viewers[state.viewer].answers.removeAll { $0 == answer }
            viewers[state.viewer].originWindow = state.window
        }
        switch state.content {
        case .pieces(let fetch):
            if let traced, traced == (state.sequence, unit) {
                let sent =
                    now - fromOrigin(state.viewer) - .seconds(Double(length(state.sequence, unit)) / originLine.up)
                trace(from: nil, to: state.viewer, sent: sent, arrived: now)
            }
            admit(state.sequence, unit, from: .origin, isPolluted: false, by: state.viewer, at: now)
            if isLast { done(fetch, of: state.sequence, by: state.viewer, at: now) }
        case .head:
            let statement = records[state.sequence].statement
            let oldest = state.sequence - min(state.sequence, Self.depth)
            tell(state.viewer, .stated(statement, from: .origin), at: now)
            tell(
                state.viewer,
                .headArrived(
                    oldest: UInt64(oldest), newest: UInt64(state.sequence),
                    targetDuration: Int(scenario.segmentDuration.rounded(.up)), isClosed: false), at: now)
        case .records(let range):
            for sequence in range where sequence < records.count {
                let statement = records[Int(sequence)].statement
                tell(state.viewer, .stated(statement, from: .origin), at: now)
                leavesArrived(statement.record.segment, from: .origin, at: state.viewer, now)
            }
            tell(state.viewer, .recordsDone, at: now)
        }
    }

    /// A request is done when what it brought has been checked, as in the real shell: before, the core would ask again.
    private mutating func done(_ fetch: FetchID, of sequence: Int, by viewer: Int, at now: Instant) {
        if let shelf = viewers[viewer].shelves.place(of: sequence), !viewers[viewer].shelves[shelf].hasLeaves {
            viewers[viewer].shelves[shelf].unchecked.append(fetch)
        } else {
            tell(viewer, .fetchDone(fetch), at: now)
        }
    }

    mutating func chunkAcknowledged(_ event: Happening, at now: Instant) {
        let answer = Int(event.detail)
        let packets = Packets.count(Int(event.sequence) + Int(event.link))
        answers[answer].outstanding -= 1
        answers[answer].flying -= packets
        answers[answer].window = min(Self.widestWindow, answers[answer].window + packets)
        guard answers[answer].isSent else {
            queue(answer)
            return sendFromOrigin(at: now)
        }
        if answers[answer].flying == 0 { ended(answer, isWhole: true, at: now) }
        settle(answer)
    }
}
