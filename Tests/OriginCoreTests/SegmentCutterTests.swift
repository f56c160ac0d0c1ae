import OriginCore
import Testing

@Suite struct `A segment cutter` {
    /// The lengths of the segments, in seconds, that keyframes at these times give.
    private func lengths(_ cutter: inout SegmentCutter, _ keyframes: [Double], end: Double) -> [Double] {
        var starts: [Double] = []
        for time in keyframes where cutter.begins(at: Int64((time * 1e6).rounded())) { starts.append(time) }
        cutter.finish(at: Int64(end * 1e6))
        return zip(starts, starts.dropFirst() + [end]).map { ((($1 - $0) * 1_000).rounded()) / 1_000 }
    }

    private func times(every interval: Double, until end: Double) -> [Double] {
        Array(stride(from: 0, to: end, by: interval))
    }

    @Test func `cuts at the wished duration when keyframes allow`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let lengths = lengths(&cutter, times(every: 0.5, until: 9), end: 9)
        #expect(lengths == [2, 2, 2, 2, 1])
        #expect(cutter.targetDuration == 2)
    }

    @Test func `takes longer segments and a longer target when keyframes are wider`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let lengths = lengths(&cutter, times(every: 5, until: 20), end: 20)
        #expect(lengths == [5, 5, 5, 5])
        #expect(cutter.targetDuration == 5)
    }

    @Test func `forgives a keyframe that containers round down`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let lengths = lengths(&cutter, [0, 1.999, 4, 5.999, 8], end: 10)
        #expect(lengths == [1.999, 2.001, 1.999, 2.001, 2])
    }

    @Test func `averages the wished duration at 29.97 frames a second`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let gop = 30 * 1_001 / 30_000.0
        let lengths = lengths(&cutter, times(every: gop, until: 60), end: 60)
        #expect(lengths.allSatisfy { $0 < 2.5 })
        #expect(abs(lengths.reduce(0, +) / Double(lengths.count) - 2) < 0.1)
        #expect(cutter.targetDuration == 2)
    }

    @Test func `keeps a promise of an earlier run`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: 4)
        _ = lengths(&cutter, times(every: 1, until: 10), end: 10)
        #expect(cutter.targetDuration == 4)
    }

    @Test(arguments: [[0.0, 1.4, 2.8, 4.2, 5.6, 7.0], [0, 0.3, 1.7, 2.1, 3.6, 4.0, 5.9, 6.0, 7.9]])
    func `exceeds the target in no segment when it knows the spacing of keyframes`(keyframes: [Double]) {
        let spacing = zip(keyframes.dropFirst() + [8], keyframes).map { $0 - $1 }.max() ?? 0
        var cutter = SegmentCutter(
            wished: 2_000_000, targetDuration: nil, longestInterval: Int64(spacing * 1e6))
        let lengths = lengths(&cutter, keyframes, end: 8)
        let target = Double(cutter.targetDuration ?? 0)
        #expect(lengths.allSatisfy { $0.rounded() <= target }, "\(lengths) with a target of \(target)")
        #expect(abs(lengths.reduce(0, +) - 8) < 0.001)
    }

    @Test func `begins afresh with the first keyframe after a break`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        var begun = [0, 1_000_000].map { cutter.begins(at: $0) }
        cutter.finish(at: 1_500_000)
        begun += [1_500_000, 2_500_000, 3_500_000].map { cutter.begins(at: $0) }
        #expect(begun == [true, false, true, false, true])
    }

    @Test func `ends a segment where no picture comes in time`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        _ = [0, 2_000_000].map { cutter.begins(at: $0) }
        #expect(cutter.mustEnd(before: 4_400_000) == nil)
        #expect(cutter.mustBegin(between: 3_900_000, and: 4_400_000) == nil)
        #expect(cutter.mustEnd(before: 9_000_000) == 4_499_999)
        var (begun, shown): ([Int64], Int64) = ([], 4_300_000)
        while let next = cutter.mustBegin(between: shown, and: 9_000_000) {
            begun.append(next)
            shown = min(shown, next)
        }
        #expect(begun == [4_301_000, 6_301_000, 8_301_000])
        // The picture that ends the hole begins a segment, whatever it is, and the hole was no spacing of keyframes.
        #expect(cutter.mustBegin(at: 9_000_000, length: 40_000) && !cutter.mustBegin(at: 9_040_000, length: 40_000))
        #expect(!cutter.begins(at: 9_400_000) && cutter.begins(at: 10_000_000))
        #expect(cutter.targetDuration == 2)
    }

    @Test func `does not take a hole that a keyframe ends for the spacing of keyframes`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        _ = [0, 1_000_000, 2_000_000].map { cutter.begins(at: $0) }
        while cutter.mustBegin(between: 2_000_000, and: 9_990_000) != nil {}
        let begun = [9_990_000, 10_990_000, 11_990_000, 12_990_000, 13_990_000].map { cutter.begins(at: $0) }
        #expect(begun == [true, false, true, false, true])
    }

    @Test func `has long segments again some time after keyframes have come closer together`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let lengths = lengths(&cutter, [0] + times(every: 1, until: 40).dropFirst(8), end: 40)
        #expect(lengths.first == 8 && lengths.suffix(6) == [2, 2, 2, 2, 2, 2], "\(lengths)")
        #expect(cutter.targetDuration == 8)
    }

    @Test func `does not cut at a keyframe that comes just after a segment had to begin without one`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let keyframes: [Int64] = [0, 2_000, 4_000, 9_000, 11_000, 19_000, 21_000].map { $0 * 1_000 }
        var begun: [Int64] = []
        for time in stride(from: Int64(0), to: 24_000_000, by: 40_000) {
            let begins =
                keyframes.contains(time) ? cutter.begins(at: time) : cutter.mustBegin(at: time, length: 40_000)
            if begins { begun.append(time / 1_000) }
        }
        #expect(begun == [0, 2_000, 4_000, 6_480, 8_960, 11_000, 13_480, 15_960, 18_440, 19_000, 21_000, 23_480])
    }

    @Test func `promises no segment that is longer than a record may tell`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil, longestInterval: 60_000_000)
        var begun: [Int64] = []
        for time in stride(from: Int64(0), through: 120_000_000, by: 40_000) {
            let begins =
                time % 60_000_000 == 0 ? cutter.begins(at: time) : cutter.mustBegin(at: time, length: 40_000)
            if begins { begun.append(time) }
        }
        #expect(begun == [0, 59_480_000, 60_000_000, 119_480_000, 120_000_000])
        #expect(cutter.targetDuration == 59)
    }

    @Test func `promises a target even when the only segment is short`() {
        var cutter = SegmentCutter(wished: 2_000_000, targetDuration: nil)
        let lengths = lengths(&cutter, [0], end: 0.4)
        #expect(lengths == [0.4])
        #expect(cutter.targetDuration == 2)
    }
}
