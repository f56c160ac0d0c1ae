import Vocabulary

/// An uplink of unit rate: first come, first served.
package struct Line: Sendable {
    private var free = 0.0

    package init() {}

    /// When the last of what arrives now will have left.
    package mutating func send(_ size: Double, at now: Double) -> Double {
        free = max(free, now) + size
        return free
    }

    /// When `count` transfers that begin together on one uplink end: one after the other, or all sharing it.
    package static func ends(of count: Int, isShared: Bool) -> [Double] {
        guard isShared else {
            var line = Line()
            return (0..<count).map { _ in line.send(1, at: 0) }
        }
        // Step by step: whoever has least left ends next, while all advance alike.
        var left = [Double](repeating: 1, count: count)
        var ends: [Double] = []
        var now = 0.0
        while !left.isEmpty {
            let step = left.min() ?? 0
            now += step * Double(left.count)
            left = left.map { $0 - step }
            ends += left.filter { $0 <= 1e-12 }.map { _ in now }
            left.removeAll { $0 <= 1e-12 }
        }
        return ends
    }

    /// The mean wait, in service times, before a transfer's first byte when equal transfers come at random (M/D/1).
    package static func meanWait(load: Double, transfers: Int, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        var line = Line()
        var now = 0.0
        var waits: [Double] = []
        waits.reserveCapacity(transfers)
        for number in 0..<transfers + transfers / 20 {
            now += random.exponential(mean: 1 / load)
            let wait = line.send(1, at: now) - 1 - now
            if number >= transfers / 20 { waits.append(wait) }
        }
        return Tally.batches(50, of: waits).estimate
    }
}
