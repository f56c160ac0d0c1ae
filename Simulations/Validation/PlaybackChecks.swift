import Models

/// What a viewer sees.
extension Checks {
    static let playback: [Check] = stalls + startups

    private static let stalls: [Check] = [(1.1, 10.0), (1.2, 5.0), (1.5, 1.0)].map { (rate: Double, chunks: Double) in
        Check(
            "playback.poisson.\(Int((rate * 10).rounded()))",
            "chunks at \(rate) times the pace, \(Int(chunks)) prefetched",
            source: "ParandehGheibi et al. 2011",
            claims: [
                .init("stalls", .statistical, StallBound.probability(rate: rate, prefetched: chunks), within: 0.005)
            ]
        ) { seed in [Playback(rate: rate, prefetched: chunks).stallProbability(runs: 100_000, seed: seed)] }
    }

    private static let startups: [Check] = {
        let cases: [(handshakes: Int, roundTrip: Double, buffer: Double, speed: Double, seconds: Double)] = [
            (3, 0.05, 4, 2, 2.15), (2, 0.1, 2, 5, 0.6),
        ]
        return cases.map { one in
            Check(
                "startup.\(one.handshakes)", "\(one.handshakes) handshakes, then a buffer that fills",
                source: "elementary",
                claims: [.init("seconds", .exact, one.seconds)]
            ) { _ in
                [
                    Estimate(
                        Playback.startup(
                            handshakes: one.handshakes, roundTrip: one.roundTrip, buffer: one.buffer, speed: one.speed))
                ]
            }
        }
    }()
}
