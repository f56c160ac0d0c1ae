import Scenarios
import Testing
import Vocabulary

@testable import Simulator

@Suite struct `An audience` {
    static func seats(_ lines: String..., seed: Int = 1, files: [String: String] = [:]) throws -> [Seat] {
        let text = (["# Who is there?", "seed = \(seed)"] + lines).joined(separator: "\n")
        return Attendance(try Scenario(parsing: text, reading: { files[$0] })).seats
    }

    private static func population(_ seats: [Seat], at seconds: Double) -> Int {
        let now = Instant.zero + .seconds(seconds)
        return seats.count { $0.join <= now && $0.leave > now }
    }

    @Test func `has no seat for guests of a trace who come after the end`() throws {
        let seats = try Self.seats(
            "arrivals = trace(in.csv)", "length = 10 s",
            files: ["in.csv": "join_s,leave_s\n200,300\n1,5\n10,11\n2,\n"])
        #expect(seats.map(\.join.seconds) == [1, 2])
        #expect(seats.map(\.leave) == [.zero + .seconds(5), .distantFuture])
    }

    @Test(arguments: [(3, 15.0), (300, 10), (40, 0)])
    func `has those who are there first before the crowd, and all of it when it has come`(
        base: Int, time: Double
    ) throws {
        let seats = try Self.seats("viewers = 320", "arrivals = flash-crowd(\(base), \(time) s, 5 s)")
        // Viewers come from 0.1 s on.
        let first = Self.population(seats, at: time + 0.1)
        #expect(first == base + 1)
        // Half of the crowd comes in half of the time.
        let half = Self.population(seats, at: time + 2.6) - base
        #expect((2 * half - (320 - base)).magnitude <= 2)
        #expect(Self.population(seats, at: time + 5.1) == 320)
    }

    /// Little's law: the mean number is the rate times the mean stay, whatever the law of stays, and a Poisson number.
    @Test(arguments: [("exponential(20 s)", 20.0), ("lognormal(12 s, 1)", 19.785), ("weibull(15 s, 0.7)", 18.987)])
    func `is what arrivals and stays make it`(sessions: String, mean: Double) throws {
        let numbers = try (1...40).map { seed in
            Double(
                Self.population(
                    try Self.seats(
                        "viewers = 20000", "arrivals = poisson(3 /s)", "sessions = \(sessions)", "length = 400 s",
                        seed: seed), at: 390))
        }
        let average = numbers.reduce(0, +) / 40
        let variance = numbers.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 39
        // Four standard errors of each, about.
        let expected = 3 * mean
        #expect((average - expected).magnitude < 4 * (expected / 40).squareRoot())
        #expect((0.3...2).contains(variance / expected))
    }

    @Test(arguments: ["at-once", "over(60 s)", "poisson(5 /s)", "flash-crowd(50, 20 s, 40 s)"])
    func `keeps its number while viewers come and go, from the first minute on`(arrivals: String) throws {
        // A mean stay of 60 s: without newcomers while the first ones come, a third would be missing after a minute.
        for moment in [65.0, 120, 290] {
            let numbers = try (1...30).map { seed in
                Double(
                    Self.population(
                        try Self.seats(
                            "viewers = 200", "arrivals = \(arrivals)", "churn = 100 %/min", "length = 300 s", seed: seed
                        ),
                        at: moment))
            }
            let average = numbers.reduce(0, +) / 30
            #expect((average - 200).magnitude < 4 * (200.0 / 30).squareRoot() + 1, "\(moment) s")
        }
    }

    @Test func `draws newcomers and first arrivals from different numbers`() throws {
        let seats = try Self.seats(
            "viewers = 60", "arrivals = poisson(1 /s)", "churn = 100 %/min", "length = 240 s")
        let gaps = zip(seats.dropFirst(), seats).map { ($0.join - $1.join).nanoseconds }
        #expect(Set(gaps).count == gaps.count)
    }

    @Test func `has lines with the mean and the quantiles of their law`() throws {
        let seats = try Self.seats("viewers = 2000", "uplink = lognormal(1.7 Mbit/s, 0.8)", "arrivals = at-once")
        let rates = seats.map { $0.up * 8 }.sorted()
        let mean = rates.reduce(0, +) / 2_000
        #expect((mean / 1.7e6 - 1.377128).magnitude < 0.003)
        for (share, normal) in [(0.05, -1.644854), (0.5, 0), (0.9, 1.281552), (0.99, 2.326348)] {
            let expected = 1.7e6 * Sampling.exp(0.8 * normal)
            #expect((rates[Int(share * 2_000)] / expected - 1).magnitude < 0.02)
        }
        // Not sorted by their place.
        #expect(seats.prefix(1_000).count { $0.up * 8 > 1.7e6 } < 560)
    }

    @Test func `has as many in homes as was asked for`() throws {
        let seats = try Self.seats("viewers = 100", "shared-lines = 29 % in groups of 29", "arrivals = at-once")
        #expect(Dictionary(grouping: seats, by: \.home).values.map(\.count).max() == 29)
    }
}
