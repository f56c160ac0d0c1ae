import PeerCore
import Vocabulary

/// What is seen from outside.
extension Simulation {
    mutating func noteCompletion(of sequence: Int, by index: Int, at time: Instant) {
        let published = records[sequence].time
        guard viewers[index].completed.insert(UInt64(sequence)).inserted else { return }
        if viewers[index].completed.count == 1 { measurements.startups.append(time - viewers[index].joined) }
        if published > viewers[index].joined { measurements.delays.append(time - published) }
    }

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
            conclude(viewers[index], at: end)
            for shelf in viewers[index].shelves { lose(shelf.early, of: shelf.sequence) }
            for answer in viewers[index].answers {
                if case .pieces = answers[answer].content { measurements.lostBytes += answers[answer].arrived }
            }
        }
        measurements.originWireBytes = originLine.sent
        return measurements
    }

    private mutating func conclude(_ viewer: Viewer, at end: Instant) {
        let tally = viewer.core.tally
        measurements.stalls += viewer.core.stallCount
        measurements.stalled = measurements.stalled + viewer.core.stallTime
        measurements.bans += tally.peersBanned
        measurements.duplicateBytes += tally.duplicateBytes
        for (reason, pieces) in tally.fetched { measurements.fetched[reason.rawValue, default: 0] += pieces }
        guard viewer.isHere(at: end) else { return }
        // What was published less than three segments before the end may still be on its way.
        for (record, _, time) in records
        where time > viewer.joined && time < end - scenario.segmentDuration * 3
            && !viewer.completed.contains(record.segment.sequence)
        {
            measurements.missed += 1
        }
    }
}
