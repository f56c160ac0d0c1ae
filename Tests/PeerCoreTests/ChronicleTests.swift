import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `A chronicle` {
    static let broadcast = BroadcastID(Word256(1, 2, 3, 4))
    var chronicle = Chronicle(broadcast: broadcast, rendition: 0)

    static func record(_ sequence: UInt64, epoch: UInt32 = 0, previous: UInt64? = nil) -> (Record, Word256) {
        let record = Record(
            broadcast: broadcast, epoch: epoch, segment: SegmentID(rendition: 0, sequence: sequence),
            root: Root(Word256(0, 0, 0, sequence)), length: 50_000, duration: 2_000_000, programTime: 0,
            previous: sequence == 0 ? .zero : Word256(UInt64(epoch), 0, 0, previous ?? sequence - 1))
        return (record, Word256(UInt64(epoch), 0, 0, sequence))
    }

    mutating func judge(
        _ sequence: UInt64, epoch: UInt32 = 0, previous: UInt64? = nil, digest: Word256? = nil, from: Source = .origin
    ) -> Chronicle.Verdict {
        let (record, own) = Self.record(sequence, epoch: epoch, previous: previous)
        return chronicle.judge(Statement(record, digest: digest ?? own), from: from, at: .zero)
    }

    let neighbor = Source.neighbor(LinkID(1))
    var verdict = Chronicle.Verdict.known

    @Test mutating func `accepts a chain in any order and knows what it has`() {
        verdict = judge(7)
        #expect(verdict == .accepted)
        verdict = judge(5)
        #expect(verdict == .accepted)
        verdict = judge(6)
        #expect(verdict == .accepted)
        verdict = judge(6)
        #expect(verdict == .known)
        #expect(chronicle.newest == 7)
        #expect(chronicle.sequences == [5, 6, 7])
    }

    @Test mutating func `takes two records for one number, or a broken chain, as proof of equivocation`() {
        _ = judge(7)
        verdict = judge(7, digest: Word256(9, 9, 9, 9))
        #expect(verdict == .equivocation)
        verdict = judge(8, previous: 3)
        #expect(verdict == .equivocation)
        verdict = judge(6, digest: Word256(9, 9, 9, 9))
        #expect(verdict == .equivocation)
    }

    @Test mutating func `refuses the past, and a neighbor's jump into the far future`() {
        _ = judge(1_000)
        verdict = judge(900)
        #expect(verdict == .stale)
        verdict = judge(1_000 + Chronicle.leap + 1, from: neighbor)
        #expect(verdict == .tooFarAhead)
        verdict = judge(5_000, from: .origin)
        #expect(verdict == .accepted)
    }

    @Test mutating func `starts anew with a higher epoch that only the origin may bring`() {
        _ = judge(1_000, epoch: 1)
        verdict = judge(3, epoch: 2, from: neighbor)
        #expect(verdict == .tooFarAhead)
        verdict = judge(3, epoch: 2, from: .origin)
        #expect(verdict == .accepted)
        verdict = judge(1_001, epoch: 1, from: .origin)
        #expect(verdict == .stale)
        #expect(chronicle.sequences == [3])
    }

    @Test mutating func `forgets what has fallen out of the window`() {
        _ = judge(1)
        _ = judge(2)
        _ = judge(100)
        let expired = chronicle.expire()
        #expect(expired == [1, 2])
        #expect(chronicle.sequences == [100])
    }

    @Test mutating func `is not moved by another broadcast or rendition`() {
        var (record, digest) = Self.record(1)
        record.broadcast = BroadcastID(.zero)
        verdict = chronicle.judge(Statement(record, digest: digest), from: .origin, at: .zero)
        #expect(verdict == .foreign)
        (record, digest) = Self.record(1)
        record.segment = SegmentID(rendition: 1, sequence: 1)
        verdict = chronicle.judge(Statement(record, digest: digest), from: .origin, at: .zero)
        #expect(verdict == .foreign)
    }
}
