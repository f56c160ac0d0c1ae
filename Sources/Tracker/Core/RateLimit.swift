package import Vocabulary

/// How often one address may ask, within a table of fixed size.
///
/// Each address has a bucket of permissions that fills at a steady rate. Buckets are found by a keyed hash and never
/// looked for: two addresses that fall on one share it, which nobody outside can bring about. So the answer takes the
/// same time and memory however many ask. Of IPv6 the first half counts, because a host has all of the rest.
package struct RateLimit: Sendable {
    private struct Bucket: Sendable {
        var permissions: Float
        /// Milliseconds, modulo 2^32: a bucket that nobody has touched for 49 days may be less full than it should be.
        var touched: UInt32
    }

    private static let count = 1 << 16

    private let perSecond: Float
    private let burst: Float
    private let seed: UInt64
    private var buckets: [Bucket]

    /// - Parameter perSecond: 0 for no limit.
    package init(perSecond: Int, seed: UInt64) {
        self.perSecond = Float(perSecond)
        // Who comes back after a while may ask for several things at once.
        burst = max(10, 4 * Float(perSecond))
        self.seed = seed
        buckets = perSecond > 0 ? Array(repeating: Bucket(permissions: burst, touched: 0), count: Self.count) : []
    }

    package mutating func admits(_ address: IPAddress, at now: Instant) -> Bool {
        guard !buckets.isEmpty else { return true }
        let host = address.host
        let hash = Randomness.mix(Randomness.mix(seed ^ host.high) ^ host.low)
        let place = Int(truncatingIfNeeded: hash % UInt64(Self.count))
        let time = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
        let elapsed = Float(time &- buckets[place].touched) / 1_000
        buckets[place].touched = time
        buckets[place].permissions = min(burst, buckets[place].permissions + elapsed * perSecond)
        guard buckets[place].permissions >= 1 else { return false }
        buckets[place].permissions -= 1
        return true
    }
}
