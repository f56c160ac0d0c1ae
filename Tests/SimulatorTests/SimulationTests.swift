import Scenarios
import Simulator
import Testing
import Vocabulary

@Suite struct `A simulation` {
    /// Small enough for a debug build.
    static func small(_ name: String = "steady", _ change: (inout Scenario) -> Void = { _ in }) throws -> Measurements {
        var scenario = try #require(Catalog.named(name))
        scenario.viewers = min(scenario.viewers, 8)
        scenario.length = .seconds(24)
        scenario.segmentLength = 256 << 10
        scenario.originUplink = 4.0e6 / 8
        scenario.uplink = 3.0e6 / 8
        scenario.arrivals = .seconds(2)
        change(&scenario)
        var simulation = Simulation(scenario)
        return simulation.run()
    }

    @Test(arguments: Catalog.all.map(\.name))
    func `neither makes nor loses a byte, and never beats the bound`(name: String) throws {
        let result = try Self.small(name)
        #expect(result.isConserved)
        #expect(result.offload <= 1 - 1 / Double(result.viewers) + 1e-9)
        #expect(result.deliveredBytes > 0)
    }

    @Test func `gives the same run for the same seed and another for another`() throws {
        let first = try Self.small()
        #expect(try Self.small() == first)
        #expect(try Self.small { $0.seed = 2 } != first)
    }

    @Test func `gives a single viewer everything from the origin, without a stall`() throws {
        let result = try Self.small("alone")
        #expect(result.peerBytes == 0)
        #expect(result.stalls == 0)
        #expect(result.missed == 0)
    }

    @Test func `takes most bytes from peers once there are some`() throws {
        let result = try Self.small()
        #expect(result.offload > 0.5)
        #expect(result.missed == 0)
    }

    @Test func `accepts no byte from polluters and bans them`() throws {
        let result = try Self.small("polluters") { $0.polluters = 0.4 }
        #expect(result.refusedBytes > 0)
        #expect(result.bans > 0)
        #expect(result.missed == 0)
    }

    @Test func `plays on without the tracker and after the origin was away`() throws {
        let away = Instant.zero + .seconds(6)..<Instant.zero + .seconds(10)
        #expect(try Self.small { $0.trackerOutage = away }.missed == 0)
        #expect(try Self.small { $0.originOutage = away }.missed == 0)
    }
}
