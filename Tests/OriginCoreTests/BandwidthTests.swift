import OriginCore
import Testing

@Suite struct `A promised bandwidth` {
    private let segment = (bytes: 250_000, duration: Int64(2_000_000))

    @Test func `is made at once when the container knows its peak`() {
        let bandwidth = Bandwidth(after: [segment], declared: 900_000, known: 1_800_000, isClosed: false)
        #expect(bandwidth == Bandwidth(peak: 1_800_000, average: 1_000_000))
    }

    @Test func `waits for a few segments otherwise, and leaves a margin`() {
        for count in 0...2 {
            let some = Array(repeating: segment, count: count)
            #expect(Bandwidth(after: some, declared: 900_000, known: 0, isClosed: false) == nil)
        }
        let dense = [segment, (bytes: 500_000, duration: Int64(2_000_000)), segment]
        let bandwidth = Bandwidth(after: dense, declared: 900_000, known: 0, isClosed: false)
        #expect(bandwidth?.peak == 3_000_000)
        #expect(bandwidth?.average == 1_333_333)
        #expect(Bandwidth(after: dense, declared: 4_000_000, known: 0, isClosed: false)?.peak == 5_000_000)
    }

    @Test func `is that of music where sound begins with silence`() {
        let (silence, music) = ((bytes: 1_500, duration: Int64(2_000_000)), (bytes: 32_000, duration: Int64(2_000_000)))
        func promise(
            _ segments: [(bytes: Int, duration: Int64)], declared: Int = 0, isClosed: Bool = false, isAlone: Bool = true
        ) -> Int? {
            Bandwidth(
                after: segments, declared: declared, known: 0, isClosed: isClosed, isSoundAlone: isAlone)?.peak
        }
        #expect(promise([silence, silence, silence]) == 160_000)
        // Sound has come at the very end of what was seen.
        #expect(promise([silence, silence, (bytes: 9_000, duration: 2_000_000)]) == 160_000)
        #expect(promise([silence, silence, silence], declared: 256_000) == 320_000)
        #expect(promise([music, music, music]) == 192_000)
        #expect(promise([silence, silence, silence], isClosed: true) == 6_000)
        // Pictures that hardly move are none of it.
        #expect(promise([silence, silence, silence], isAlone: false) == 9_000)
    }

    @Test func `is that of moving pictures where they begin with still ones`() {
        func promise(_ bits: Int, declared: Int = 0, isClosed: Bool = false) -> Int? {
            let segments = Array(repeating: (bytes: bits / 4, duration: Int64(2_000_000)), count: 3)
            // 1280x720 at 25 a second.
            return Bandwidth(
                after: segments, declared: declared, known: 0, isClosed: isClosed, pixelRate: 23_040_000)?.peak
        }
        #expect(promise(100_000) == 2_880_000)
        // A container that knows of the sound alone.
        #expect(promise(100_000, declared: 128_000) == 2_880_000)
        #expect(promise(100_000, declared: 1_000_000) == 1_250_000)
        #expect(promise(600_000) == 900_000)
        #expect(promise(100_000, isClosed: true) == 100_000)
    }

    @Test func `is exact when nothing follows`() {
        let bandwidth = Bandwidth(after: [segment], declared: 0, known: 0, isClosed: true)
        #expect(bandwidth == Bandwidth(peak: 1_000_000, average: 1_000_000))
    }

    @Test func `is raised by what exceeds it, with a margin while more may come, and by no stretch without a peak`() {
        let promise = Bandwidth(peak: 1_000_000, average: 800_000)
        func raised(_ bytes: Int, _ duration: Int64, isClosed: Bool = false) -> Bandwidth? {
            promise.raised(by: (bytes, duration), targetDuration: 2, isClosed: isClosed)
        }
        #expect(raised(125_000, 1_000_000) == nil)
        #expect(raised(120_000, 900_000) == nil)
        #expect(raised(150_000, 1_000_000) == Bandwidth(peak: 1_800_000, average: 1_200_000))
        #expect(raised(300_000, 2_000_000, isClosed: true) == Bandwidth(peak: 1_200_000, average: 1_200_000))
    }
}
