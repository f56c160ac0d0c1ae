import Vocabulary

/// A swarm that exchanges one file, as a Markov chain: newcomers, leechers and seeds (Qiu and Srikant, SIGCOMM 2004).
package struct TorrentChain: Sendable {
    /// Newcomers per second.
    package var arrivals: Double
    /// Files per second that a peer can take and give.
    package var download: Double
    package var upload: Double
    /// How well leechers can use each other, 0...1.
    package var effectiveness = 1.0
    /// Per second, for a seed to leave and for a leecher to give up.
    package var seedsLeave: Double
    package var leechersLeave = 0.0

    package init(arrivals: Double, download: Double, upload: Double, seedsLeave: Double) {
        self.arrivals = arrivals
        self.download = download
        self.upload = upload
        self.seedsLeave = seedsLeave
    }

    package struct Figures: Hashable, Sendable {
        package var leechers: Estimate
        package var seeds: Estimate
        /// Seconds until a leecher has the file or has given up.
        package var time: Estimate
    }

    /// Where the fluid limit rests.
    package var fluidLimit: (leechers: Double, seeds: Double, time: Double) {
        let inverse = max(1 / download, (1 / effectiveness) * (1 / upload - 1 / seedsLeave))
        let beta = 1 / inverse
        let scale = 1 + leechersLeave / beta
        return (
            arrivals / (beta * scale), arrivals / (seedsLeave * scale), 1 / (leechersLeave + beta)
        )
    }

    package func run(seconds: Double, seed: UInt64) -> Figures {
        var random = Randomness(seed: seed)
        let start = fluidLimit
        var leechers = Int(start.leechers)
        var seeds = Int(start.seeds)
        var now = 0.0
        let warmUp = seconds / 10
        let batches = 30
        let length = seconds / Double(batches)
        var leechersTally = Tally()
        var seedsTally = Tally()
        var timeTally = Tally()
        var areas = (leechers: 0.0, seeds: 0.0)
        var arrived = 0
        var batchEnd = warmUp + length
        var counts = false
        while leechersTally.count < batches {
            let finish = min(
                download * Double(leechers), upload * (effectiveness * Double(leechers) + Double(seeds)))
            let finishing = leechers > 0 ? finish : 0
            let leaving = seedsLeave * Double(seeds)
            let abandoning = leechersLeave * Double(leechers)
            let total = arrivals + finishing + leaving + abandoning
            let next = now + random.exponential(mean: 1 / total)
            if !counts, next > warmUp {
                counts = true
                now = warmUp
            }
            while counts, next > batchEnd, leechersTally.count < batches {
                areas.leechers += Double(leechers) * (batchEnd - now)
                areas.seeds += Double(seeds) * (batchEnd - now)
                leechersTally.add(areas.leechers / length)
                seedsTally.add(areas.seeds / length)
                // Little's law, with the arrivals that were counted.
                timeTally.add(areas.leechers / Double(max(1, arrived)))
                areas = (0, 0)
                arrived = 0
                now = batchEnd
                batchEnd += length
            }
            if counts {
                areas.leechers += Double(leechers) * (next - now)
                areas.seeds += Double(seeds) * (next - now)
            }
            now = next
            var choice = random.unit() * total
            choice -= arrivals
            if choice <= 0 {
                leechers += 1
                if counts { arrived += 1 }
            } else if choice <= finishing {
                leechers -= 1
                seeds += 1
            } else if choice <= finishing + leaving {
                seeds -= 1
            } else {
                leechers -= 1
            }
        }
        return Figures(leechers: leechersTally.estimate, seeds: seedsTally.estimate, time: timeTally.estimate)
    }
}
