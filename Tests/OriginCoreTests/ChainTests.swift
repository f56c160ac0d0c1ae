import OriginCore
import Testing
import Vocabulary

@Suite struct `A chain of records` {
    private static let broadcast = BroadcastID(Word256(1, 2, 3, 4))
    private var chain = Chain(broadcast: broadcast, epoch: 7)

    private func segment(at time: Int64, isLast: Bool = false) -> Chain.Segment {
        Chain.Segment(
            contents: [Chain.Segment.Content(root: Root(Word256(0, 0, 0, UInt64(time))), length: 10)],
            duration: 2_000_000, programTime: time, isDiscontinuity: false, isLast: isLast)
    }

    private mutating func append(_ segment: Chain.Segment) -> Record {
        let records = chain.records(of: segment)
        chain.append(records, hashes: [Word256(records[0].segment.sequence, 0, 0, 1)])
        return records[0]
    }

    @Test mutating func `counts up, and each record names the one before it`() {
        let records = [0, 2_000, 4_000].map { append(segment(at: $0)) }
        #expect(records.map(\.segment.sequence) == [0, 1, 2])
        #expect(records.map(\.previous) == [.zero, Word256(0, 0, 0, 1), Word256(1, 0, 0, 1)])
        #expect(records.allSatisfy { $0.epoch == 7 && $0.broadcast == Self.broadcast && !$0.isDiscontinuity })
    }

    @Test mutating func `gives a number only once its record is kept`() {
        let lost = chain.records(of: segment(at: 0))[0]
        let kept = append(segment(at: 5))
        #expect(kept.segment == lost.segment)
        #expect(chain.nextSequence == 1)
    }

    @Test mutating func `never lets program time go back, so that it agrees with the durations`() {
        _ = append(segment(at: 10_000))
        let times = [9_000, 20_000].map { append(segment(at: $0)).programTime }
        #expect(times == [12_000, 20_000])
    }

    @Test mutating func `goes on after a restart with a discontinuity and no repeated number`() {
        _ = append(segment(at: 0))
        let newest = append(segment(at: 2_000))
        chain = Chain(after: newest, hashes: [Word256(9, 9, 9, 9)])
        let next = append(segment(at: 1_000))
        #expect(next.segment.sequence == 2)
        #expect(next.epoch == 7)
        #expect(next.previous == Word256(9, 9, 9, 9))
        #expect(next.isDiscontinuity)
        #expect(next.programTime == 4_000)
        let later = append(segment(at: 6_000))
        #expect(!later.isDiscontinuity)
    }

    @Test(arguments: [UInt32(3), 7, 1_000])
    mutating func `begins a new epoch when a closed broadcast is published again`(now: UInt32) {
        let last = append(segment(at: 0, isLast: true))
        #expect(chain.isClosed)
        chain = Chain(after: last, hashes: [Word256(9, 9, 9, 9)])
        #expect(chain.isClosed)
        chain.reopen(epoch: now)
        let first = append(segment(at: 9_000))
        #expect(!chain.isClosed)
        #expect(first.epoch == max(8, now))
        #expect(first.segment.sequence == 1)
        #expect(first.previous == .zero)
        #expect(first.isDiscontinuity)
        chain.close()
        chain.reopen(epoch: now)
        #expect(append(segment(at: 11_000)).isDiscontinuity)
    }

    @Test mutating func `keeps durations within what a record may say`() {
        var odd = segment(at: 0)
        odd.duration = -5
        #expect(chain.records(of: odd)[0].duration == Limits.duration.lowerBound)
        odd.duration = .max
        #expect(chain.records(of: odd)[0].duration == Limits.duration.upperBound)
    }

    @Test mutating func `keeps the renditions side by side`() {
        var row = segment(at: 0)
        row.contents.append(
            Chain.Segment.Content(root: Root(Word256(0, 0, 1, 0)), length: 5, initialization: Root(Word256(1, 1, 1, 1)))
        )
        let first = chain.records(of: row)
        #expect(first.map(\.segment.rendition) == [0, 1] && first.map(\.length) == [10, 5])
        chain.append(first, hashes: [Word256(0, 0, 0, 1), Word256(0, 0, 0, 2)])
        let second = chain.records(of: row)
        #expect(second.map(\.segment.sequence) == [1, 1])
        #expect(second.map(\.previous) == [Word256(0, 0, 0, 1), Word256(0, 0, 0, 2)])
        #expect(second.map(\.programTime) == [2_000, 2_000])
        // A rendition that is new begins a chain of its own.
        row.contents.append(row.contents[1])
        #expect(chain.records(of: row)[2].previous == .zero)
    }
}
