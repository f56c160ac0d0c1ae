import OriginCore
import Testing
import Vocabulary

@Suite struct `A window of segments` {
    private func record(_ sequence: UInt64, isDiscontinuity: Bool = false, length: Int = 100) -> Record {
        Record(
            broadcast: BroadcastID(.zero), epoch: 1, segment: SegmentID(rendition: 0, sequence: sequence),
            root: Root(Word256(0, 0, 0, sequence)), length: length, duration: 2_000_000,
            programTime: Int64(sequence) * 2_000, isDiscontinuity: isDiscontinuity)
    }

    @Test func `lists the newest, in order, and removes only from the front`() {
        var window = Window(listedLimit: 6)
        for sequence: UInt64 in 0..<20 {
            _ = window.append(record(sequence), targetDuration: 2)
            let listed = window.listed.map(\.segment.sequence)
            #expect(listed == Array(max(5, sequence) - 5...sequence))
        }
    }

    @Test func `lists as many as play for three target durations, however short they are`() {
        var window = Window(listedLimit: 6)
        for sequence: UInt64 in 0..<60 { _ = window.append(record(sequence), targetDuration: 10) }
        #expect(window.listed.count == 15 && window.retired.count == 16)
    }

    @Test func `lists at least six, however few are wished for`() {
        var window = Window(listedLimit: 1)
        for sequence: UInt64 in 0..<20 { _ = window.append(record(sequence), targetDuration: 2) }
        #expect(window.listed.count == 6)
    }

    @Test func `serves what left the list for as long as the list is, and its own duration more`() {
        var window = Window(listedLimit: 6)
        var leftList: [UInt64: UInt64] = [:]
        for sequence: UInt64 in 0..<40 {
            let before = Set(window.listed.map(\.segment.sequence))
            let evicted = window.append(record(sequence), targetDuration: 2)
            for gone in before.subtracting(window.listed.map(\.segment.sequence)) { leftList[gone] = sequence }
            for old in evicted {
                let since = leftList[old.segment.sequence].map { sequence - $0 }
                #expect(since ?? 0 >= 7, "segment \(old.segment.sequence) went after \(since ?? 0) more")
            }
        }
        #expect(window.retired.count == 7)
    }

    @Test func `counts discontinuities as they leave the list, and only then`() {
        var window = Window(listedLimit: 6, discontinuitySequence: 4)
        for sequence: UInt64 in 0..<6 {
            _ = window.append(record(sequence, isDiscontinuity: sequence == 2), targetDuration: 2)
        }
        #expect(window.discontinuitySequence == 4)
        _ = window.append(record(6), targetDuration: 2)
        _ = window.append(record(7, isDiscontinuity: true), targetDuration: 2)
        #expect(window.discontinuitySequence == 4)
        _ = window.append(record(8), targetDuration: 2)
        #expect(window.discontinuitySequence == 5)
        _ = window.clear()
        #expect(window.discontinuitySequence == 6)
        #expect(window.listed.isEmpty)
    }

    @Test func `gives up what left the list when the bytes run out, and never what is listed`() {
        var window = Window(listedLimit: 6, byteLimit: 500)
        var evicted: [UInt64] = []
        for sequence: UInt64 in 0..<9 {
            evicted += window.append(record(sequence), targetDuration: 2).map(\.segment.sequence)
        }
        #expect(window.retired.isEmpty)
        #expect(evicted == [0, 1, 2])
        #expect(window.listed.count == 6)
    }
}
