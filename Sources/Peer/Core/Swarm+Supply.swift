import Vocabulary

/// Where peers together have less to give than all want: what the origin has to make up for.
extension Swarm {
    /// Of the time that peers have to bring something, what is kept in hand.
    private static let margin = Interval.milliseconds(1_500)
    /// Pieces that the origin must have given at once without a wait.
    private static let leastWindow = 4

    mutating func reviewSupply(at now: Instant) {
        guard playhead.hasStarted else { return }
        supply.observe(tally.bytesFromPeers, slots: meanSlots, at: now)
    }

    /// Whether neighbors, as far as they have said, can bring everything.
    var hasEnoughSlots: Bool { supply.isEnough(meanSlots) }

    /// How many stripes a neighbor says that it can push, on the average.
    private var meanSlots: Double {
        neighbors.survey { seats in
            var (sum, count) = (0, 0)
            for seat in seats.indices where seats[seat].isGreeted {
                sum += seats[seat].offers.mostSlots
                count += 1
            }
            return count > 0 ? Double(sum) / Double(count) : .infinity
        }
    }

    /// Takes early what peers will not have brought when it is needed, by what they bring: at the last moment all would ask
    /// for it at once, and could do nothing more about what does not come.
    mutating func fetchShortfall(at now: Instant, into commands: inout [Command]) {
        guard supply.isShort, shares, hasGreeted, !hasLostConfidence(at: now),
            origin.window(at: now) >= Self.leastWindow
        else { return }
        // What is needed sooner has the first claim on what peers bring.
        var claimed = 0
        for place in segments.indices where wantsSegment(place) && segments[place].hasLeaves {
            let time = slack(segments[place].sequence, at: now) - Self.margin
            guard let limit = supply.limit(within: time) else { return }
            let open = segments[place].open
            let shortfall = min(open, claimed + open - limit / PieceID.length)
            if shortfall >= Self.block {
                fetch(spare(shortfall, of: place), of: place, because: .shortfall, at: now, into: &commands)
            }
            claimed += segments[place].open
        }
    }

    /// Some of the missing pieces: first those of stripes that nobody pushes, beginning at a place of our own, so that
    /// neighbors take others and have something for each other.
    private func spare(_ count: Int, of place: Int) -> PieceSet {
        let (unasked, unpushed, size) = (segments[place].pieces.unasked, unpushed, segments[place].count)
        let first = Int(Randomness.mix(settings.me.key.words.3 ^ segments[place].sequence) % UInt64(Stripe.count))
        var spare = PieceSet(count: size)
        var left = count
        for isPushed in [false, true] {
            for step in 0..<Stripe.count where left > 0 {
                let stripe = Stripe.all[(first + step) % Stripe.count]
                guard !isRoot(of: stripe), unpushed.contains(stripe) != isPushed else { continue }
                for index in stripe.pieces(among: size) where left > 0 && unasked.contains(index) {
                    spare.insert(index)
                    left -= 1
                }
            }
        }
        return spare
    }
}
