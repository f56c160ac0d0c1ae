import Models

/// Files, and rumours.
extension Checks {
    static let dissemination: [Check] = makespans + torrents + gossips

    private static let makespans: [Check] = {
        let cases: [(users: Int, parts: Int, makespan: Double)] = [
            (7, 1, 3), (7, 10, 1.2), (100, 1, 7), (100, 10, 1.6), (100, 100, 1.06), (1_023, 100, 1.09),
        ]
        return cases.map { one in
            Check(
                "mundinger.\(one.users).\(one.parts)", "hypercube of corners with one or two users, audited",
                source: "Mundinger, Weber, Weiss 2008; Ganesan, Seshadri 2005",
                claims: [
                    .init("makespan", .lowerBound, one.makespan, within: 1e-9), .init("breaches", .property, 0),
                ]
            ) { _ in
                let figures = CubeExchange(users: one.users, parts: one.parts).run()
                return [Estimate(figures.makespan), Estimate(figures.breaches)]
            }
        }
    }()

    private static let torrents: [Check] = {
        let cases: [(name: String, leave: Double, abort: Double, arrivals: Double)] = [
            ("200", 0.005, 0, 0.4), ("1000", 0.001, 0, 0.4), ("aborts", 0.005, 0.001, 0.4), ("large", 0.005, 0, 4),
        ]
        return cases.map { one in
            var chain = TorrentChain(arrivals: one.arrivals, download: 0.002, upload: 0.00125, seedsLeave: one.leave)
            chain.leechersLeave = one.abort
            let fluid = chain.fluidLimit
            let swarm = chain
            return Check(
                "qiu_srikant.\(one.name)", "Markov chain of leechers and seeds", source: "Qiu, Srikant 2004",
                claims: [
                    .init("leechers", .statistical, fluid.leechers, within: 0.05 * fluid.leechers),
                    .init("seeds", .statistical, fluid.seeds, within: 0.05 * fluid.seeds),
                    .init("time", .statistical, fluid.time, within: 0.05 * fluid.time),
                ]
            ) { seed in
                let figures = swarm.run(seconds: 1e6, seed: seed)
                return [figures.leechers, figures.seeds, figures.time]
            }
        }
    }()

    private static let gossips: [Check] =
        [
            Check(
                "gossip.async_push", "1000 viewers, 4000 rumours", source: "2(n-1)/n H(n-1)",
                claims: [.init("time", .statistical, GraphBound.gossipTime(viewers: 1_000), within: 0.115)]
            ) { seed in [Gossip(viewers: 1_000).timeAsynchronous(runs: 4_000, seed: seed)] },
            Check(
                "gossip.async_push.10000", "10000 viewers, 1000 rumours", source: "2(n-1)/n H(n-1)", isFast: false,
                claims: [.init("time", .statistical, GraphBound.gossipTime(viewers: 10_000), within: 0.23)]
            ) { seed in [Gossip(viewers: 10_000).timeAsynchronous(runs: 1_000, seed: seed)] },
        ]
        + [(1_000, 18.05), (10_000, 23.61)].map { (viewers: Int, rounds: Double) in
            Check(
                "gossip.rounds.\(viewers)", "everybody who knows tells one in each round",
                source: "Pittel 1987; Monte Carlo",
                claims: [
                    .init("rounds", .statistical, rounds, within: 0.2),
                    .init("log2 n + ln n", .statistical, GraphBound.gossipRounds(viewers: viewers), within: 2),
                ]
            ) { seed in
                let rounds = Gossip(viewers: viewers).rounds(runs: 600, seed: seed)
                return [rounds, rounds]
            }
        }
}
