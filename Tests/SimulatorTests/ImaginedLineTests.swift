import Testing
import Vocabulary

@testable import Simulator

@Suite struct `An imagined line` {
    var line = ImaginedLine(up: 1_000, down: 2_000, delay: .milliseconds(10))

    @Test mutating func `sends one after the other at its rate`() {
        let first = line.send(500, at: .zero)
        let second = line.send(500, at: .zero)
        let third = line.send(500, at: .zero + .seconds(10))
        #expect(first == .zero + .seconds(0.5))
        #expect(second == .zero + .seconds(1))
        #expect(third == .zero + .seconds(10.5))
    }

    @Test mutating func `lets what arrives slowly through at once, and makes what arrives together wait`() {
        let first = line.receive(1_000, at: .zero + .seconds(1))
        let second = line.receive(1_000, at: .zero + .seconds(1))
        #expect(first == .zero + .seconds(1))
        #expect(second == .zero + .seconds(1.5))
    }
}

@Suite struct `A timeline` {
    @Test func `gives events by time, and those of one instant in the order of planning`() {
        var timeline = Timeline<Int>()
        var random = Randomness(seed: 4)
        var planned: [(Int64, Int)] = []
        for event in 0..<1_000 {
            let time = Int64.random(in: 0..<50, using: &random)
            timeline.plan(event, at: Instant(nanoseconds: time))
            planned.append((time, event))
        }
        var seen: [Int] = []
        while let (_, event) = timeline.next() { seen.append(event) }
        #expect(seen == planned.sorted { $0 < $1 }.map(\.1))
    }
}
