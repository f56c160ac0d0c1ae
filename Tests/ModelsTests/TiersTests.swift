import Models
import Testing

@Suite struct `The fluid tier` {
    static func parameters(_ viewers: Int, uplink: Double) -> FluidTier.Parameters {
        FluidTier.Parameters(
            rate: 100, origin: 1_000,
            audience: (0..<viewers).map { _ in FluidTier.Viewer(joins: 0, uplink: uplink) }, duration: 10, chunk: 20)
    }

    @Test func `sends one copy where uplinks suffice`() {
        let figures = FluidTier.run(Self.parameters(20, uplink: 200))
        #expect((figures.copies - 1).magnitude < 1e-12)
        #expect((figures.offload - 0.95).magnitude < 1e-12)
        #expect(figures.deliveredRatio == 1)
        #expect(figures.samples.count == 10)
    }

    @Test func `fills up what uplinks lack, until the origin has nothing left`() {
        let some = FluidTier.run(Self.parameters(20, uplink: 60))
        #expect((some.originBytes - 8_000).magnitude < 1e-6)
        #expect((some.offload - 0.6).magnitude < 1e-12)
        let none = FluidTier.run(Self.parameters(20, uplink: 0))
        #expect((none.deliveredRatio - 0.5).magnitude < 1e-12)
        #expect(none.universalShare == 0)
        #expect(none.offload == 0)
    }

    @Test func `follows those who come and go`() {
        var parameters = Self.parameters(1, uplink: 100)
        parameters.audience += [.init(joins: 2, leaves: 4, uplink: 100), .init(joins: 30, uplink: 100)]
        let figures = FluidTier.run(parameters)
        #expect((figures.deliveredBytes - 1_200).magnitude < 1e-9)
        #expect((figures.peerBytes - 200).magnitude < 1e-9)
        #expect(figures.mostViewers == 2)
        #expect(figures.samples.map(\.viewers) == [1, 1, 2, 2, 1, 1, 1, 1, 1, 1])
    }

    @Test func `counts who leaves and who comes at one moment as one, with a line of their own or a home's`() {
        var parameters = Self.parameters(0, uplink: 0)
        parameters.audience = [
            .init(joins: 0, leaves: 5, uplink: 100), .init(joins: 5, uplink: 100), .init(joins: 5, uplink: 0),
        ]
        parameters.sharedUplinks = [.init(joins: 5, uplink: 50)]
        let figures = FluidTier.run(parameters)
        #expect(figures.mostViewers == 2)
        #expect((figures.peerBytes - 500).magnitude < 1e-9)
    }

    @Test func `gives an empty house nothing`() {
        let figures = FluidTier.run(Self.parameters(0, uplink: 0))
        #expect(figures.copies == 0)
        #expect(figures.deliveredRatio == 1)
        #expect(figures.delayBound == 0)
    }
}

@Suite struct `The slotted tier` {
    static func parameters(_ viewers: Int = 200) -> SlottedTier.Parameters {
        SlottedTier.Parameters(viewers: viewers, rate: 100, origin: 1_000, uplinks: [200], chunk: 0.5)
    }

    @Test func `delivers nearly everything by viewers when they have twice the rate`() {
        let figures = SlottedTier.run(Self.parameters())
        #expect(figures.peerRatio > 0.99)
        #expect(figures.copies < 2)
        #expect(figures.delayMean >= figures.delayBound / 2)
        #expect(figures.delayP95 >= figures.delayP50)
    }

    @Test func `gives the same for the same seed and another for another`() {
        var parameters = Self.parameters()
        let first = SlottedTier.run(parameters)
        #expect(SlottedTier.run(parameters) == first)
        parameters.seed = 2
        #expect(SlottedTier.run(parameters) != first)
    }

    @Test func `takes from the origin what free riders do not pass on`() {
        var parameters = Self.parameters()
        parameters.uplinks = [0, 0, 0, 100]
        let figures = SlottedTier.run(parameters)
        #expect(figures.peerRatio < 0.35)
        #expect(figures.copies > 5)
        #expect(figures.copies <= 10)
        #expect(figures.offload < 0.9)
    }

    /// Few viewers with little to give use every slot of the window: the bound counts those too.
    @Test(arguments: [2, 3, 9], [0.1, 0.49, 0.9])
    func `never beats the bound for the chunks that it counts`(viewers: Int, uplink: Double) {
        for seed in 1...20 {
            var parameters = Self.parameters(viewers)
            parameters.uplinks = (0..<viewers).map { 100 * uplink * Double($0 % 3 + 1) / 2 }
            parameters.window = 63
            parameters.chunks = 200
            parameters.seed = UInt64(seed)
            parameters.attendance = (0..<viewers).map { $0..<($0 % 2 == 0 || $0 == 0 ? 263 : 200) }
            for attendance in [parameters.attendance, []] {
                parameters.attendance = attendance
                let figures = SlottedTier.run(parameters)
                #expect(figures.copies >= figures.copiesBound - 1e-9)
                #expect(figures.offload <= figures.offloadBound + 1e-9)
                #expect(figures.copiesBound >= 1 - 1e-9)
            }
        }
    }

    @Test func `is bounded by what lines carry, and by one copy`() {
        var parameters = Self.parameters(20)
        parameters.uplinks = [25]
        parameters.origin = 1e9
        parameters.chunks = 2_000
        let figures = SlottedTier.run(parameters)
        // Twenty viewers less five streams, but for the window at the end and parts of chunks.
        let slack = 5 * 60.0 / 2_000 + 20.0 / 2_000 + 1e-9
        #expect((figures.copiesBound - 15).magnitude < slack)
        #expect(SlottedTier.run(Self.parameters()).copiesBound == 1)
    }

    @Test func `loses more when viewers come and go`() {
        var parameters = Self.parameters()
        parameters.uplinks = [100]
        parameters.copies = 3
        let calm = SlottedTier.run(parameters)
        parameters.sessions = .exponential(mean: 20)
        let restless = SlottedTier.run(parameters)
        #expect(restless != calm)
        #expect(restless.deliveredRatio > 0.5)
        #expect(restless.deliveredRatio <= 1)
    }
}
