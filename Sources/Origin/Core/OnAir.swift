package import Vocabulary

/// Which encoder is on air in one broadcast, and whether another may replace it.
package struct OnAir: Sendable {
    package enum Policy: String, Sendable, CaseIterable {
        /// The newest encoder is the one that counts.
        case takeOver = "take-over"
        /// Whoever is on air stays, unless it has fallen silent.
        case refuse
    }

    package enum Verdict: Hashable, Sendable {
        case welcome(replacing: UInt64?)
        case busy
    }

    /// An encoder that has been silent for so long has lost its network, and cannot keep another out.
    private static let silence = Interval.seconds(5)

    package private(set) var current: UInt64?

    package init() {}

    /// - Parameter heard: when the encoder that is on air was last heard of.
    package mutating func arrive(
        _ encoder: UInt64, _ policy: Policy, heard: Instant, at now: Instant
    ) -> Verdict {
        let last = current
        if last != nil, policy == .refuse, now - heard < Self.silence { return .busy }
        current = encoder
        return .welcome(replacing: last)
    }

    package mutating func left(_ encoder: UInt64) {
        if current == encoder { current = nil }
    }
}
