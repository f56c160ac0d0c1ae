import OriginCore
import Testing
import Vocabulary

@Suite struct `A timeline` {
    /// What is said of the pictures' times, one after the other.
    private func judge(_ timeline: inout Timeline, _ times: [Int64], isKeyframe: Bool = false) -> [Timeline.Verdict] {
        times.map { timeline.judge($0, isLeading: true, isKeyframe: isKeyframe) }
    }

    @Test(arguments: [Int64(1) << 33, Int64(1 << 32) * 90])
    func `undoes the wrap of a counter, again and again, for sound too`(modulus: Int64) {
        var timeline = Timeline()
        let before = judge(&timeline, [modulus - 6_000, modulus - 3_000])
        // Sound may wrap before the pictures do.
        let early = timeline.judge(2_000, isLeading: false)
        let after = judge(&timeline, [0, 3_000])
        let late = timeline.judge(modulus - 500, isLeading: false)
        #expect(before == [.fits(0), .fits(0)] && after == [.fits(modulus), .fits(modulus)])
        #expect(early == .fits(modulus) && late == .fits(0))
        let round = judge(&timeline, Array(stride(from: 800_000, to: modulus, by: 800_000)))
        let again = judge(&timeline, [10])
        #expect(round.allSatisfy { $0 == .fits(modulus) })
        #expect(again == [.fits(2 * modulus)])
    }

    @Test func `leaves out a damaged stamp, and sees a jump in several or at a keyframe`() {
        var timeline = Timeline()
        let damaged = judge(&timeline, [0, 50_000_000, 3_000])
        let jump = judge(&timeline, [50_000_000, 50_003_000, 50_006_000])
        let keyframes = judge(&timeline, [50_000_000, -200_000], isKeyframe: true)
        let sound = timeline.judge(50_000_000, isLeading: false)
        timeline.reset()
        let anew = judge(&timeline, [50_000_000])
        #expect(damaged == [.fits(0), .stray, .fits(0)])
        #expect(jump == [.stray, .stray, .jumped])
        #expect(keyframes == [.jumped, .jumped] && sound == .stray && anew == [.fits(0)])
    }

    @Test func `goes on with the sound while the pictures that lead have stopped`() {
        var timeline = Timeline()
        let pictures = judge(&timeline, [0, 3_000])
        let sound = stride(from: Int64(0), to: 90_000 * 60, by: 90_000).map { timeline.judge($0, isLeading: false) }
        let again = judge(&timeline, [90_000 * 59, 90_000 * 59 + 3_000])
        #expect((pictures + sound + again).allSatisfy { $0 == .fits(0) })
        #expect(timeline.judge(90_000 * 71, isLeading: false) == .stray)
    }
}

@Suite struct `A ladder` {
    @Test func `holds what is smaller than the source, tallest first`() {
        func heights(_ wished: [Int], source: Int) -> [Int] {
            LadderPlan(heights: wished, sourceHeight: source, framesPerKilosecond: 30_000).rungs.map(\.height)
        }
        #expect(heights([480, 720], source: 1_080) == [720, 480])
        #expect(heights([720, 480], source: 720) == [480])
        #expect(heights([720, 480], source: 480).isEmpty)
        #expect(heights([361, 361, -1, 0], source: 480) == [360])
        #expect(heights(Array(100...200), source: 480).count <= Limits.renditions - 2)
    }

    /// A health that is told of ten pictures a second, but for some seconds.
    private struct Fed {
        var health = LadderHealth(segmentDuration: 2_000_000, at: .zero)
        var tenths: Int64 = 0

        mutating func isTooSlow(
            _ second: Int64, hasOutput: Bool = true, since: Int64?, pause: Range<Int64> = 0..<0
        ) -> Bool {
            while tenths < second * 10 {
                tenths += 1
                if !pause.contains(tenths / 10) { health.feed(at: .zero + .milliseconds(tenths * 100)) }
            }
            return health.isTooSlow(
                hasOutput: hasOutput, waitingSince: since.map { .zero + .milliseconds($0 * 1_000) },
                at: .zero + .milliseconds(second * 1_000))
        }
    }

    @Test func `is too slow when segments wait for long, and not while the encoder starts`() {
        var ladder = Fed()
        let starting = [14, 16].map { ladder.isTooSlow($0, hasOutput: false, since: 1) }
        let running = [ladder.isTooSlow(16, since: nil)] + [23, 25].map { ladder.isTooSlow($0, since: 20) }
        #expect(starting == [false, true])
        #expect(running == [false, false, true])
    }

    @Test func `is not too slow while it gets no pictures, and for a moment after`() {
        var ladder = Fed()
        let slow = [19, 23, 29, 33, 35].map { ladder.isTooSlow($0, since: 18, pause: 20..<30) }
        #expect(slow == [false, false, false, false, true])
    }
}
