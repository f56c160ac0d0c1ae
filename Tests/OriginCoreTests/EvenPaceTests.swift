import Testing
import Vocabulary

@testable import OriginCore

/// A line that carries so much, and what urgent answers have of it.
private struct Wire {
    var rate: Double
    var pace = EvenPace()
    private(set) var now = Instant.zero
    private var names = 0

    init(_ rate: Double) { self.rate = rate }

    /// All ask at once for `bytes` each. Who is not held back takes parts of the line as `weights` say, and no more than
    /// `own` carries. Returns what each was allowed in the beginning, and when the first and the last had all.
    mutating func inject(_ bytes: Int, to weights: [Double], own: Double = .infinity) -> (
        limit: Int?, first: Interval, last: Interval
    ) {
        now = now + .seconds(1)
        let began = now
        var left: [Int: (weight: Double, bytes: Double)] = [:]
        for weight in weights {
            names += 1
            pace.began(names, bytes, at: now)
            left[names] = (weight, Double(bytes))
        }
        let limit = pace.limit
        var ends: [Interval] = []
        let tick = 0.01
        while !left.isEmpty {
            now = now + .seconds(tick)
            let most = min(own, pace.limit.map(Double.init) ?? .infinity)
            var (rest, weights) = (rate, left.values.map(\.weight).reduce(0, +))
            // Who is held back leaves the others more.
            for (name, share) in left.sorted(by: { ($1.value.weight, $0.key) < ($0.value.weight, $1.key) }) {
                let given = min(rest * share.weight / weights, most)
                rest -= given
                weights -= share.weight
                left[name]?.bytes -= given * tick
                pace.carried(name, bytes - Int(max(0, left[name]?.bytes ?? 0)), at: now)
                guard let missing = left[name]?.bytes, missing <= 0 else { continue }
                left[name] = nil
                ends.append(now - began)
                pace.ended(name, isWhole: true, at: now)
            }
        }
        return (limit, ends[0], ends[ends.count - 1])
    }
}

@Suite struct `At which pace urgent answers go` {
    private static let uneven = [2.0, 1, 1, 1, 1, 1, 1, 0.5]

    @Test func `when it is known what the line carries, nobody has more than an equal part of it`() {
        var wire = Wire(1_000_000)
        for _ in 0..<2 {
            let free = wire.inject(256 << 10, to: Self.uneven)
            #expect(free.limit == nil)
            #expect(free.first < .seconds(1.2))
        }
        let paced = wire.inject(256 << 10, to: Self.uneven)
        let part = Double(paced.limit ?? 0) * 8
        #expect(part > 0.97e6 && part < 1.03e6)
        #expect(paced.last < .seconds(2.3))
    }

    @Test func `who is left when others have ended has their part, and the last is not held back`() {
        var wire = Wire(1_000_000)
        for _ in 0..<2 { _ = wire.inject(256 << 10, to: Self.uneven) }
        wire.pace.began(-1, 1 << 20, at: wire.now)
        #expect(wire.pace.limit == nil)
        wire.pace.began(-2, 1 << 20, at: wire.now)
        let two = wire.pace.limit ?? 0
        wire.pace.began(-3, 1 << 20, at: wire.now)
        #expect(abs((wire.pace.limit ?? 0) * 3 - two * 2) < 6)
        wire.pace.ended(-2, isWhole: false, at: wire.now)
        #expect(wire.pace.limit == two)
        wire.pace.ended(-1, isWhole: false, at: wire.now)
        #expect(wire.pace.limit == nil)
    }

    @Test func `where shares come quickly nobody is held back`() {
        var wire = Wire(20_000_000)
        for _ in 0..<100 { #expect(wire.inject(256 << 10, to: Self.uneven).limit == nil) }
    }

    @Test func `who asks for much at once does not hold back others by it`() {
        var wire = Wire(1_000_000)
        for _ in 0..<3 { _ = wire.inject(16 << 10, to: Array(repeating: 1, count: 200)) }
        let limit = wire.inject(16 << 10, to: Array(repeating: 1, count: 200)).limit ?? 0
        #expect(limit > 1_000_000 / 40)
    }

    @Test func `what a few slow ones got is no bound for more of them`() {
        var wire = Wire(100_000_000)
        for _ in 0..<4 { _ = wire.inject(256 << 10, to: [1, 1, 1, 1], own: 100_000) }
        for count in [8, 16] {
            let many = wire.inject(256 << 10, to: Array(repeating: 1, count: count), own: 100_000)
            #expect(many.last < .seconds(2.75), "as their own lines let them")
        }
    }

    @Test func `what slow ones got holds back nobody for long who is faster`() {
        var wire = Wire(100_000_000)
        for _ in 0..<4 { _ = wire.inject(256 << 10, to: [1], own: 20_000) }
        for _ in 0..<4 { _ = wire.inject(256 << 10, to: [1, 1, 1, 1], own: 100_000) }
        #expect(wire.inject(256 << 10, to: Array(repeating: 1, count: 8)).limit == nil, "there were never so many")
        for _ in 0..<4 { _ = wire.inject(256 << 10, to: Array(repeating: 1, count: 8), own: 100_000) }
        let rounds = (0..<40).map { _ in wire.inject(256 << 10, to: Array(repeating: 1, count: 8)) }
        #expect(rounds.suffix(8).allSatisfy { $0.limit == nil && $0.last < .milliseconds(50) })
    }

    @Test func `a line that has become faster is noticed within 32 rounds, and one that has become slower within 64`() {
        var wire = Wire(500_000)
        for _ in 0..<10 { _ = wire.inject(256 << 10, to: Self.uneven) }
        wire.rate = 1_000_000
        var rounds = (0..<32).map { _ in wire.inject(256 << 10, to: Self.uneven) }
        #expect((rounds[0].limit ?? 0) * 8 < 520_000)
        #expect((rounds[31].limit ?? 0) * 8 > 970_000)
        #expect(rounds.count { $0.limit == nil } == 1)
        wire.rate = 500_000
        rounds = (0..<66).map { _ in wire.inject(256 << 10, to: Self.uneven) }
        #expect((rounds[65].limit ?? 0) * 8 < 520_000)
    }
}
