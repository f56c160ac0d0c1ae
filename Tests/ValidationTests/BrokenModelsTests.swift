import Models
import Simulator
import Testing
import Validation
import Vocabulary

/// A check is worth something only if a wrong model fails it.
@Suite struct `A check notices` {
    /// Whether the check of this name holds when `measure` takes the place of its own run.
    private func holds(_ name: String, _ measure: @escaping @Sendable (UInt64) -> [Estimate]) throws -> Bool {
        var check = try #require(Checks.all.first { $0.name == name })
        check.measure = measure
        return check.verdicts(seed: 1).allSatisfy(\.holds)
    }

    private static func figures(of swarm: PushSwarm) -> [Estimate] {
        let figures = swarm.run(chunks: 500, warmUp: 100, seed: 1)
        return [figures.missRatio, figures.meanDelay, Estimate(figures.delayP95)]
    }

    @Test func `a viewer who sends two chunks in a slot`() throws {
        let swarm = PushSwarm(viewers: 600, scheme: .latestBlind)
        var eager = swarm
        eager.sends = 2
        let broken = eager
        #expect(try holds("push.lb_rp.600.100") { _ in Self.figures(of: swarm) })
        #expect(try !holds("push.lb_rp.600.100") { _ in Self.figures(of: broken) })
    }

    @Test func `a slot that is not counted`() throws {
        var swarm = PushSwarm(viewers: 600, scheme: .latestBlind)
        swarm.firstSlot = 0
        let broken = swarm
        #expect(try !holds("push.lb_rp.600.100") { _ in Self.figures(of: broken) })
    }

    @Test func `an origin that gives each chunk to eight`() throws {
        var swarm = PushSwarm(viewers: 600, scheme: .latestBlind)
        swarm.copies = 8
        let broken = swarm
        #expect(try !holds("push.lb_rp.600.100") { _ in Self.figures(of: broken) })
    }

    @Test func `a window that is half as long`() throws {
        var swarm = PushSwarm(viewers: 600, scheme: .randomUseful)
        swarm.window = 30
        let broken = swarm
        #expect(try !holds("push.rp_ru.600.100") { _ in Self.figures(of: broken) })
    }

    @Test func `two chunks asked for in a slot, and the wrong ones first`() throws {
        var swarm = PullSwarm.rarestFirst(viewers: 100)
        swarm.asks = 2
        let broken = swarm
        let measure: @Sendable (PullSwarm) -> [Estimate] = { swarm in
            let figures = swarm.run(slots: 6_000, seed: 1)
            return [figures.continuity, figures.startup, figures.continuity]
        }
        #expect(try !holds("zhou.mc.rf.100") { _ in measure(broken) })
        #expect(try !holds("zhou.mc.rf.100") { _ in measure(.greedy(viewers: 100)) })
    }

    @Test func `first come, first served in place of fair shares`() throws {
        var link = SharedLink(load: 0.5, sizes: .constant(1))
        let fair = link.run(flows: 300_000, seed: 1)
        #expect(try holds("ps.mg1.constant.5") { _ in [fair.slowdown, fair.present] })
        link.discipline = .firstComeFirstServed
        let serial = link.run(flows: 300_000, seed: 1)
        #expect(try !holds("ps.mg1.constant.5") { _ in [serial.slowdown, serial.present] })
        #expect(
            try !holds("uplink.serial_vs_parallel") { _ in
                [true, false].map { Estimate(Line.ends(of: 10, isShared: $0).reduce(0, +) / 10) }
            })
    }

    @Test func `transfers that come regularly in place of at random`() throws {
        #expect(
            try !holds("fifo.md1.8") { _ in
                var line = Line()
                let waits = (0..<10_000).map { line.send(1, at: Double($0) / 0.8) - 1 - Double($0) / 0.8 }
                return [Tally.batches(50, of: waits).estimate]
            })
        #expect(
            try !holds("playback.poisson.11") { _ in
                var playback = Playback(rate: 1.1, prefetched: 10)
                playback.gaps = .constant(1)
                return [playback.stallProbability(runs: 100, seed: 1)]
            })
    }

    @Test func `an imagined line that is a twentieth slower than it says`() throws {
        #expect(
            try !holds("engine.uplink") { _ in
                var line = ImaginedLine(up: 1_638_400 / 1.05, down: 1_638_400, delay: .zero)
                let sent = (0..<10).map { _ in (line.send(16_384, at: .zero) - Instant.zero).seconds * 100 }
                return [Estimate(sent.reduce(0, +) / 10), Estimate(5.5)]
            })
    }

    @Test func `a viewer who forwards once too often, and a snowball without its source`() throws {
        #expect(
            try !holds("kfib.2") { _ in
                [10, 100, 1_000, 10_000, 1_000_000].map { Estimate(Snowball.one(viewers: $0, forwards: 3).worst) }
            })
        #expect(
            try !holds("snowball.1000") { _ in
                let figures = Snowball.one(viewers: 1_000, source: 2)
                return [Estimate(figures.worst), Estimate(figures.mean)]
            })
    }

    @Test func `viewers who give more than they have, and an origin that is not counted`() throws {
        let uplinks = Array(repeating: 0.8, count: 100)
        let generous = uplinks.map { $0 * 1.1 }
        let figures = SubStreams(rate: 1, uplinks: generous).figures(origin: 100, uplinks: uplinks)
        #expect(
            try !holds("offload.live.static.100.8") { _ in
                [
                    Estimate(figures.peers / (figures.peers + figures.origin)), Estimate(figures.least),
                    Estimate(figures.excess),
                ]
            })
        #expect(
            try !holds("klr.rmax.equal") { _ in
                [Estimate(SubStreams.highestRate(origin: 11, uplinks: Array(repeating: 1.2, count: 100))), Estimate(0)]
            })
    }

    @Test func `sessions that are a tenth longer`() throws {
        #expect(
            try !holds("churn.mginf") { seed in
                let swarm = ChurnedSwarm(
                    rate: 1, origin: 1, classes: [.init(present: 1_100, uplink: 1)], sessions: .exponential(mean: 1_100)
                )
                let figures = swarm.run(sessions: 100, seed: seed)
                return [figures.viewers, figures.variance]
            })
    }

    @Test func `a hypercube whose users give nothing to their twins`() throws {
        #expect(
            try !holds("mundinger.100.10") { _ in
                var exchange = CubeExchange(users: 100, parts: 10)
                exchange.twinsShare = false
                let figures = exchange.run()
                return [Estimate(figures.makespan), Estimate(figures.breaches)]
            })
    }

    @Test func `a rumour that is told twice as often, and a chain that loses its seeds`() throws {
        #expect(
            try !holds("gossip.async_push") { seed in
                var gossip = Gossip(viewers: 1_000)
                gossip.pace = 2
                return [gossip.timeAsynchronous(runs: 40, seed: seed)]
            })
        #expect(
            try !holds("qiu_srikant.200") { seed in
                let chain = TorrentChain(arrivals: 0.4, download: 0.002, upload: 0.00125, seedsLeave: 0.02)
                let figures = chain.run(seconds: 1e5, seed: seed)
                return [figures.leechers, figures.seeds, figures.time]
            })
    }
}
