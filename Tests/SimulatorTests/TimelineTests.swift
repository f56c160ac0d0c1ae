import Testing
import Vocabulary

@testable import Simulator

@Suite struct `A calendar of events` {
    /// Far apart and close together, at one instant, and planned while others are taken.
    @Test(arguments: [1, 1_000, 100_000, 10_000_000])
    func `gives events in the order of their time, and at one instant in that of their planning`(crowd: Int) {
        var timeline = Timeline<Int>(crowd: crowd)
        var random = Randomness(seed: 7)
        var planned: [(time: Int64, number: Int)] = []
        func plan(after now: Int64) {
            let spread: Int64 = [1, 10, 100_000, 1_000_000_000, 600_000_000_000][Int(random.next() % 5)]
            let time = now + Int64.random(in: 0..<spread, using: &random)
            timeline.plan(planned.count, at: Instant(nanoseconds: time))
            planned.append((time, planned.count))
        }
        for _ in 0..<500 { plan(after: 0) }
        var taken: [Int] = []
        while let (time, number) = timeline.next() {
            #expect(planned[number].time == time.nanoseconds)
            taken.append(number)
            if planned.count < 3_000 { plan(after: time.nanoseconds) }
        }
        #expect(taken == planned.sorted { $0 < $1 }.map(\.number))
        #expect(timeline.count == 0)
    }

    @Test(arguments: [1 << 34, 1 << 33, 1 << 63])
    func `keeps the order of one instant when planning has been counted to the end`(most: UInt64) {
        var timeline = Timeline<Int>(planned: most - 500)
        for event in 0..<1_000 {
            timeline.plan(event, at: .zero + .seconds(event % 2 == 0 ? 1 : 1_000))
        }
        var taken: [Int] = []
        while let (_, event) = timeline.next() { taken.append(event) }
        #expect(taken == Array(stride(from: 0, to: 1_000, by: 2)) + Array(stride(from: 1, to: 1_000, by: 2)))
    }

    @Test func `keeps what comes after the end`() {
        var timeline = Timeline<Int>()
        timeline.plan(1, at: .zero + .seconds(5))
        timeline.plan(0, at: .zero + .seconds(3))
        #expect(timeline.next(until: .zero + .seconds(4))?.event == 0)
        #expect(timeline.next(until: .zero + .seconds(4)) == nil)
        timeline.plan(2, at: .zero + .seconds(4))
        #expect(timeline.next(until: .zero + .seconds(4))?.event == 2)
        #expect(timeline.next()?.event == 1)
        #expect(timeline.next() == nil)
    }
}
