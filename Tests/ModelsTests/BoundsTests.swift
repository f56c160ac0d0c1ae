import Models
import Testing

/// Tables that were computed by others, with as many digits as they have.
@Suite struct `Closed forms` {
    @Test(
        arguments: [
            (50.0, [0.6822, 0.8122, 0.8990, 0.9501, 0.9772], [0.6695, 0.8010, 0.8897, 0.9431, 0.9724]),
            (200, [0.1414, 0.4221, 0.7353, 0.9208, 0.9844], [0.1365, 0.4163, 0.7299, 0.9167, 0.9825]),
            (1_000, [0.0002, 0.0556, 0.6103, 0.9799, 0.9999], [0.0001, 0.0541, 0.6079, 0.9790, 0.9999]),
        ] as [(Double, [Double], [Double])])
    func `of universal streaming give Kumar, Liu and Ross's model`(takers: Double, exact: [Double], normal: [Double]) {
        for (index, ratio) in [0.4, 0.45, 0.5, 0.55, 0.6].enumerated() {
            let swarm = StreamingCapacity.TwoClasses(
                rate: 3, origin: 30, giving: 7, taking: 1, givers: takers * ratio, takers: takers)
            #expect((swarm.universalStreaming - exact[index]).magnitude < 6e-5)
            #expect((swarm.universalStreamingOfLargeSwarms - normal[index]).magnitude < 6e-5)
        }
    }

    @Test(
        arguments: [
            (0.1, 0.0484, 0.0484, 0.0476), (1, 0.3679, 0.3679, 0.3161), (5, 0.8013, 0.8013, 0.4966),
            (50, 0.98, 0.98, 0.5),
        ] as [(Double, Double, Double, Double)])
    func `of offload give the Poisson swarms`(mean: Double, onDemand: Double, live: Double, half: Double) {
        #expect((OffloadBound.onDemand(mean: mean, ratio: 1) - onDemand).magnitude < 6e-5)
        #expect((OffloadBound.live(mean: mean, ratio: 1) - live).magnitude < 6e-5)
        #expect((OffloadBound.live(mean: mean, ratio: 2) - live).magnitude < 6e-5)
        #expect((OffloadBound.live(mean: mean, ratio: 0.5) - half).magnitude < 6e-5)
    }

    @Test func `of offload know few, partners and catalogues`() {
        #expect((OffloadBound.onDemand(mean: 8.33, ratio: 1) - 0.88).magnitude < 1e-3)
        #expect((OffloadBound.onDemand(mean: 1, ratio: 1, least: 3) - 0.1839).magnitude < 6e-5)
        #expect((OffloadBound.live(mean: 20, giving: 0.75) - 0.7497).magnitude < 6e-5)
        #expect((OffloadBound.onDemand(viewers: 10_000, channels: 1_000, exponent: 1) - 0.9092).magnitude < 6e-5)
        #expect((OffloadBound.expectedOriginRateOnDemand(viewers: 100, giving: 0.3) - 41.35).magnitude < 6e-3)
        #expect((OffloadBound.expectedOriginRateOnDemand(viewers: 100, giving: 0.5) - 8.46).magnitude < 6e-3)
        #expect((OffloadBound.ofSwarm(viewers: 100, rate: 1, uplinks: 80, overhead: 0.05) - 0.7619).magnitude < 6e-5)
    }

    @Test(
        arguments: [(1, 1, 1.0), (2, 2, 1.5), (3, 3, 2), (8, 4, 3.125), (100, 8, 6.73), (1_000_000, 21, 19.9514)]
            as [(Int, Int, Double)])
    func `of delay double in every slot`(viewers: Int, worst: Int, mean: Double) {
        #expect(DelayBound.worst(viewers: viewers) == worst)
        #expect((DelayBound.mean(viewers: viewers) - mean).magnitude < 6e-5)
    }

    @Test(
        arguments: [(1, [10, 100, 1_000]), (2, [5, 10, 15]), (3, [5, 9, 12]), (4, [5, 8, 12]), (64, [5, 8, 11])]
            as [(Int, [Int])])
    func `of limited forwarding are k-step Fibonacci numbers`(forwards: Int, worst: [Int]) {
        #expect([10, 100, 1_000].map { DelayBound.worst(viewers: $0, forwards: forwards) } == worst)
    }

    @Test(
        arguments: [
            (100.0, 40, 0.96998, 30.65, 0.93855, 4.88, 0.99135), (1_000, 40, 0.96664, 27.43, 0.85838, 3.48, 0.99896),
            (1_000, 20, 0.90051, 8.49, 0.64410, 1.88, 0.93918), (100_000, 80, 0.98421, 60.04, 0.86997, 3.63, 0.97733),
        ] as [(Double, Int, Double, Double, Double, Double, Double)])
    func `of pulling give Zhou, Chiu and Lui's recursions`(
        viewers: Double, places: Int, rarest: Double, rarestStart: Double, greedy: Double, greedyStart: Double,
        mixed: Double
    ) {
        let first = PullRecursion.rarestFirst(viewers: viewers, places: places)
        #expect((first[places - 1] - rarest).magnitude < 6e-6)
        #expect((first.reduce(0, +) - rarestStart).magnitude < 6e-3)
        let second = PullRecursion.greedy(viewers: viewers, places: places)
        #expect((second[places - 1] - greedy).magnitude < 6e-6)
        #expect((second.reduce(0, +) - greedyStart).magnitude < 6e-3)
        let third = PullRecursion.mixed(viewers: viewers, places: places, rarest: 10)
        #expect((third[places - 1] - mixed).magnitude < 6e-6)
    }

    @Test(
        arguments: [(100.0, 1, 0.3642, 0.1270), (1_000, 1, 0.3675, 0.1319), (10_000, 2, 0.1353, 0)]
            as [(Double, Int, Double, Double)])
    func `of pushing give Bonald's mean field`(viewers: Double, gap: Int, blind: Double, useful: Double) {
        #expect((PushRecursion.missRatio(viewers: viewers, gap: gap, isUseful: false) - blind).magnitude < 6e-5)
        #expect((PushRecursion.missRatio(viewers: viewers, gap: gap, isUseful: true) - useful).magnitude < 6e-5)
    }

    @Test func `of queues, stalls, rumours and graphs give the textbooks' numbers`() {
        #expect((Waiting.cappedSlowdown(load: 0.8, slots: 4) - 1.7455).magnitude < 6e-5)
        #expect((Waiting.erlangC(slots: 10, offered: 9) - 0.6687).magnitude < 6e-5)
        #expect((StallBound.exponent(rate: 1.1) - 0.193748).magnitude < 6e-7)
        #expect((StallBound.probability(rate: 1.05, prefetched: 20) - 0.1398).magnitude < 6e-5)
        #expect((GraphBound.gossipTime(viewers: 1_000) - 14.954).magnitude < 6e-4)
        #expect((GraphBound.unpicked(nodes: 1_000, picks: 5) - 6.65).magnitude < 6e-3)
        #expect((GraphBound.decodable(needed: 10, coded: 12, loss: 0.05) - 0.9804).magnitude < 6e-5)
        #expect((GraphBound.connected(excess: 2) - 0.8734).magnitude < 6e-5)
        #expect(DelayBound.makespan(users: 100, parts: 100) == 1.06)
        #expect(
            OffloadBound.admitted(origin: 10, uplink: 1.5, rate: 1, generations: 7) == [
                0, 10, 25, 47, 80, 130, 205, 317,
            ])
    }
}
