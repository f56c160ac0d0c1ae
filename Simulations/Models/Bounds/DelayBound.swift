/// How soon a chunk can be everywhere, in the time that one uplink needs for one chunk.
package enum DelayBound {
    /// The last of `viewers`: 1 + ceil(log2 n) (Liu, ACM MM 2007; Abeni, Kiraly, Lo Cigno 2009).
    package static func worst(viewers: Int) -> Int {
        viewers <= 1 ? viewers : 1 + (Int.bitWidth - (viewers - 1).leadingZeroBitCount)
    }

    /// The mean of all viewers: at most 2^(t-1) have the chunk after t slots.
    package static func mean(viewers: Int) -> Double {
        var sum = 0.0
        var have = 0
        var slot = 0
        while have < viewers {
            slot += 1
            let now = min(viewers, slot == 1 ? 1 : 2 * have)
            sum += Double(slot * (now - have))
            have = now
        }
        return sum / Double(max(1, viewers))
    }

    /// One after the other.
    package static func chainMean(viewers: Int) -> Double { Double(viewers + 1) / 2 }

    /// The last of `viewers` when each forwards a chunk at most `forwards` times: k-step Fibonacci numbers grow in place
    /// of powers of two (Bianchi, Melazzi, Bracciale, Lo Piccolo, Salsano, arXiv:0902.1394).
    package static func worst(viewers: Int, forwards: Int) -> Int {
        // fresh[i] got the chunk i slots ago.
        var fresh = [1]
        var have = 1
        var slot = 1
        while have < viewers {
            let new = fresh.prefix(forwards).reduce(0, +)
            guard new > 0 else { return .max }
            fresh.insert(new, at: 0)
            have += new
            slot += 1
        }
        return slot
    }

    /// The mean over the leaves of a tree of `arity`, each node with an uplink of `arity` streams, `depth` hops deep.
    package static func treeMean(arity: Int, depth: Int, isShared: Bool) -> Double {
        isShared ? Double(depth) : Double(depth) * Double(arity + 1) / Double(2 * arity)
    }

    /// File times until `users` have a file of `parts` parts, uplinks equal and one of them the server's
    /// (Mundinger, Weber, Weiss, J. Scheduling 11, 2008).
    package static func makespan(users: Int, parts: Int) -> Double {
        1 + Double(Int.bitWidth - 1 - users.leadingZeroBitCount) / Double(parts)
    }
}

extension DelayBound {
    /// Seconds until the last of `viewers` can have a chunk, when the fastest of them sends `uplink` bytes per second.
    ///
    /// In the time in which an uplink sends one chunk, those who have it at the start at most double, and the origin adds
    /// what its own uplink carries.
    package static func worst(viewers: Int, chunk: Double, origin: Double, uplink: Double) -> Double {
        guard viewers > 0, origin > 0 else { return 0 }
        guard uplink > 0 else { return Double(viewers) * chunk / origin }
        let slot = chunk / uplink
        let added = (origin / uplink).rounded(.down) + 1
        var have = 0.0
        var slots = 0.0
        while have < Double(viewers) {
            have += have + added
            slots += 1
        }
        return max(chunk / origin, (slots - 1) * slot)
    }
}
