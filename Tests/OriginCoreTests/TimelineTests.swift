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

    @Test func `is too slow when segments wait for long, and not while the encoder starts`() {
        var health = LadderHealth(segmentDuration: 2_000_000, at: .zero)
        func isTooSlow(_ second: Int64, hasOutput: Bool, since: Int64?) -> Bool {
            health.isTooSlow(
                hasOutput: hasOutput, waitingSince: since.map { .zero + .milliseconds($0 * 1_000) },
                at: .zero + .milliseconds(second * 1_000))
        }
        let starting = [14, 16].map { isTooSlow($0, hasOutput: false, since: 1) }
        let running =
            [isTooSlow(16, hasOutput: true, since: nil)] + [23, 25].map { isTooSlow($0, hasOutput: true, since: 20) }
        #expect(starting == [false, true])
        #expect(running == [false, false, true])
    }
}
