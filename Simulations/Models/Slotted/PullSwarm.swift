import Vocabulary

/// Everybody asks one other for one chunk in each slot (Zhou, Chiu, Lui, ICNP 2007).
///
/// A buffer has `places`: the newest chunk, which the server gives to one viewer a slot, moves one place a slot and is
/// played in the last. All ask at once, on the state after the server has spoken.
package struct PullSwarm: Sendable {
    package var viewers: Int
    /// At most 64.
    package var places = 40
    /// How many of the newest places are asked for first, the rarest first; of the others, the one that is due first.
    package var rarest: Int
    /// Viewers that the server gives each chunk to.
    package var copies = 1
    /// Chunks that a viewer asks for in a slot.
    package var asks = 1

    package init(viewers: Int, places: Int = 40, rarest: Int) {
        self.viewers = viewers
        self.places = places
        self.rarest = rarest
    }

    package static func rarestFirst(viewers: Int) -> PullSwarm { PullSwarm(viewers: viewers, rarest: 64) }
    package static func greedy(viewers: Int) -> PullSwarm { PullSwarm(viewers: viewers, rarest: 0) }

    package struct Figures: Hashable, Sendable {
        /// The share of chunks that are there when they are played.
        package var continuity: Estimate
        /// Chunks in a buffer, hence slots that a newcomer who copies one waits for a whole one.
        package var startup: Estimate
        package var occupancy: [Double]
    }

    package func run(slots: Int, seed: UInt64) -> Figures {
        var random = Randomness(seed: seed)
        let n = viewers
        let mask: UInt64 = places == 64 ? .max : (1 << UInt64(places)) - 1
        let rare: UInt64 = rarest >= 64 ? .max : (1 << UInt64(rarest)) - 1
        let askable = mask >> 1
        let lastBit = UInt64(places - 1)
        var have = [UInt64](repeating: 0, count: n)
        var next = have
        var played: [Double] = []
        var buffered: [Double] = []
        var sums = [Int](repeating: 0, count: places)
        let warmUp = 4 * places
        for slot in 0..<slots + warmUp {
            for viewer in 0..<n { have[viewer] = (have[viewer] << 1) & mask }
            // Those the server speaks to do not ask.
            for _ in 0..<copies {
                let chosen = random.below(n)
                have[chosen] |= 1
            }
            if slot >= warmUp {
                var last = 0
                var all = 0
                for viewer in 0..<n {
                    last += Int(have[viewer] >> lastBit)
                    all += have[viewer].nonzeroBitCount
                }
                played.append(Double(last) / Double(n))
                buffered.append(Double(all) / Double(n))
                if slot % 16 == 0 {
                    for place in 0..<places {
                        for viewer in 0..<n { sums[place] += Int(have[viewer] >> UInt64(place)) & 1 }
                    }
                }
            }
            for viewer in 0..<n {
                next[viewer] = have[viewer]
                guard have[viewer] & 1 == 0 else { continue }
                for _ in 0..<asks {
                    let asked = random.below(n, except: viewer)
                    let useful = have[asked] & ~have[viewer] & askable
                    guard useful != 0 else { continue }
                    let first = useful & rare
                    next[viewer] |= first != 0 ? first & (0 &- first) : 1 << UInt64(63 - useful.leadingZeroBitCount)
                }
            }
            swap(&have, &next)
        }
        let profiles = Double((warmUp..<slots + warmUp).count { $0 % 16 == 0 } * n)
        return Figures(
            continuity: Tally.batches(30, of: played).estimate, startup: Tally.batches(30, of: buffered).estimate,
            occupancy: sums.map { Double($0) / max(1, profiles) })
    }
}
