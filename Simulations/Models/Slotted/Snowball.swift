import Vocabulary

/// Chunks that spread as fast as uplinks of one chunk a slot allow.
package enum Snowball {
    package struct Figures: Hashable, Sendable {
        /// Over all chunks, in slots: the last and the mean viewer.
        package var worst: Int
        package var mean: Double
        package var breaches: Int
    }

    /// One chunk among any number of viewers: everybody who has it sends it on, at most `forwards` times.
    package static func one(viewers: Int, forwards: Int = .max, source: Int = 1) -> Figures {
        // Those who have it, in the order in which they got it, and how often each has sent it.
        var sent: [Int] = []
        sent.reserveCapacity(viewers)
        var slot = 0
        var sum = 0
        while sent.count < viewers {
            slot += 1
            let before = sent.count
            var new = slot == 1 ? min(source, viewers) : 0
            for holder in 0..<before where sent[holder] < forwards && before + new < viewers {
                sent[holder] += 1
                new += 1
            }
            guard new > 0 else { break }
            sent.append(contentsOf: repeatElement(0, count: new))
            sum += slot * new
        }
        return Figures(worst: slot, mean: Double(sum) / Double(viewers), breaches: viewers - sent.count)
    }

    /// A stream among 2^`logarithm` viewers, one new chunk a slot, each chunk as fast as if it were alone.
    ///
    /// There are groups of 1, 2, 4, .. viewers whose newest chunk is the same, and one viewer beside. The largest group
    /// serves everybody outside it; meanwhile the source and the other groups send to its members, one to one.
    package static func stream(logarithm k: Int, chunks: Int) -> Figures {
        let n = 1 << k
        var audit = TransferAudit(nodes: n + 1, receptions: 1)
        // groups[a] holds 2^a viewers who got their chunk in the last a + 1 slots; node 0 is the source.
        var groups: [(chunk: Int, members: [Int])] = (0..<k).map { a in
            (chunk: -1 - a, members: Array((1 << a)..<(2 << a)))
        }
        let spare = n
        for chunk in 0..<chunks + k + 1 {
            let largest = groups[k - 1]
            let outside = groups[..<(k - 1)].flatMap(\.members) + [spare]
            if largest.chunk >= 0 {
                for (sender, receiver) in zip(largest.members, outside) {
                    audit.send(largest.chunk, from: sender, to: receiver)
                }
            }
            var free = largest.members[...]
            var next: [(chunk: Int, members: [Int])] = []
            if let first = free.popFirst() {
                audit.send(chunk, from: 0, to: first)
                next.append((chunk, [first]))
            }
            for group in groups[..<(k - 1)] {
                let receivers = Array(free.prefix(group.members.count))
                free = free.dropFirst(receivers.count)
                if group.chunk >= 0 {
                    for (sender, receiver) in zip(group.members, receivers) {
                        audit.send(group.chunk, from: sender, to: receiver)
                    }
                }
                next.append((group.chunk, group.members + receivers))
            }
            groups = next
            audit.endSlot()
        }
        var worst = 0
        var sum = 0
        var incomplete = 0
        for chunk in 0..<chunks {
            let delays = (audit.arrivals[chunk] ?? []).map { $0 - chunk }
            worst = max(worst, delays.max() ?? 0)
            sum += delays.reduce(0, +)
            incomplete += n - delays.count
        }
        return Figures(
            worst: worst, mean: Double(sum) / Double(n * chunks), breaches: audit.breaches.count + incomplete)
    }

    /// One chunk, everybody who has it sends to somebody who is drawn from those who lack it, or from all.
    package static func random(viewers: Int, isUseful: Bool, seed: UInt64) -> Figures {
        var random = Randomness(seed: seed)
        var has = [Bool](repeating: false, count: viewers)
        var holders: [Int] = []
        var slot = 0
        var sum = 0
        while holders.count < viewers {
            slot += 1
            var reached: [Int] = slot == 1 ? [random.below(viewers)] : []
            for _ in holders {
                var other = random.below(viewers)
                while isUseful, has[other] { other = random.below(viewers) }
                reached.append(other)
            }
            for viewer in reached where !has[viewer] {
                has[viewer] = true
                holders.append(viewer)
                sum += slot
            }
        }
        return Figures(worst: slot, mean: Double(sum) / Double(viewers), breaches: 0)
    }
}
