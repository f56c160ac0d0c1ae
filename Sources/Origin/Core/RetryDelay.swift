package import Vocabulary

/// How long to wait before the next attempt: doubles from half a second to ten, with a quarter of jitter.
package struct RetryDelay: Sendable {
    private static let first = 0.5
    private static let longest = 10.0

    private var next = Self.first
    private var random: Randomness

    package init(seed: UInt64) { random = Randomness(seed: seed) }

    package mutating func draw() -> Interval {
        let delay = next * Double.random(in: 0.75...1.25, using: &random)
        next = min(Self.longest, next * 2)
        return .seconds(delay)
    }

    /// An attempt went well.
    package mutating func reset() { next = Self.first }
}
