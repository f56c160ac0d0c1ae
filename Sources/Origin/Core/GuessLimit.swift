package import Vocabulary

/// Lets an address guess a few stream keys at once, and a few a minute in the long run.
package struct GuessLimit: Sendable {
    private static let burst = 10.0
    /// Seconds until one more guess is forgiven.
    private static let pause = 5.0

    private struct Record {
        var guesses: Double
        var at: Instant
    }

    private var records: [String: Record] = [:]

    package init() {}

    /// How long the address must wait before it may try a key; `nil` when it may now.
    package func wait(of address: String, at now: Instant) -> Interval? {
        guard let record = records[address] else { return nil }
        let guesses = Self.guesses(record, at: now)
        return guesses + 1 > Self.burst + 0.001 ? .seconds((guesses + 1 - Self.burst) * Self.pause) : nil
    }

    /// The address has tried a wrong key.
    package mutating func missed(_ address: String, at now: Instant) {
        let known = records[address].map { Self.guesses($0, at: now) } ?? 0
        if records[address] == nil, records.count >= Limits.guessers { makeRoom(at: now) }
        records[address] = Record(guesses: min(Self.burst, known + 1), at: now)
    }

    private static func guesses(_ record: Record, at now: Instant) -> Double {
        max(0, record.guesses - (now - record.at).seconds / pause)
    }

    /// Forgets who has been quiet for long enough, or else whoever guessed longest ago.
    private mutating func makeRoom(at now: Instant) {
        records = records.filter { Self.guesses($0.value, at: now) > 0 }
        guard records.count >= Limits.guessers else { return }
        let oldest = records.min { ($0.value.at, $0.key) < ($1.value.at, $1.key) }
        if let oldest { records[oldest.key] = nil }
    }
}
