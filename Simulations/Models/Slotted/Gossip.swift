import Vocabulary

/// A rumour that one viewer knows at first and tells on.
package struct Gossip: Sendable {
    package var viewers: Int
    /// Times that whoever knows tells somebody, in a unit of time on average or in a round.
    package var pace = 1.0

    package init(viewers: Int) { self.viewers = viewers }

    /// The time until all know it, when everybody speaks at moments of his own.
    package func timeAsynchronous(runs: Int, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        var tally = Tally()
        var knows = [Int32](repeating: -1, count: viewers)
        for run in 0..<runs {
            let mark = Int32(truncatingIfNeeded: run)
            var count = 1
            knows[0] = mark
            // Of those who know, who speaks next does not matter: all choose alike, but nobody chooses himself.
            var knowing: [Int] = [0]
            var time = 0.0
            while count < viewers {
                time += random.exponential(mean: 1 / (pace * Double(count)))
                let other = random.below(viewers, except: knowing[random.below(count)])
                guard knows[other] != mark else { continue }
                knows[other] = mark
                knowing.append(other)
                count += 1
            }
            tally.add(time)
        }
        return tally.estimate
    }

    /// The rounds until all know it.
    package func rounds(runs: Int, seed: UInt64) -> Estimate {
        var random = Randomness(seed: seed)
        var tally = Tally()
        for _ in 0..<runs {
            var knows = [Bool](repeating: false, count: viewers)
            knows[0] = true
            var knowing = [0]
            var rounds = 0
            while knowing.count < viewers {
                rounds += 1
                for speaker in knowing[..<knowing.count] {
                    let other = random.below(viewers, except: speaker)
                    guard !knows[other] else { continue }
                    knows[other] = true
                    knowing.append(other)
                }
            }
            tally.add(Double(rounds))
        }
        return tally.estimate
    }
}
