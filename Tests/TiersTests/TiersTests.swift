import Models
import Scenarios
import Simulator
import Testing
import Tiers
import Vocabulary

@Suite struct `The tiers` {
    /// Small enough for a debug build.
    static func scenario(_ name: String = "steady", _ changes: String...) throws -> Scenario {
        try #require(
            try Catalog.scenario(
                name, overrides: ["viewers = 12", "length = 20 s", "segment-size = 256 KiB"] + changes))
    }

    @Test func `have the audience of the events tier`() throws {
        let scenario = try Self.scenario(
            "steady", "uplink = lognormal(2 x, 0.5)", "churn = 200 %/min", "exodus = 50 % at 12 s")
        var simulation = Simulation(scenario)
        let visits = simulation.run().visits
        let fluid = FluidTier.Parameters(scenario)
        #expect(fluid.audience.map(\.joins) == visits.map(\.join))
        #expect(fluid.audience.map(\.uplink) == visits.map { $0.up / 8 })
        #expect(fluid.audience.map { $0.leaves < 20 ? $0.leaves : nil } == visits.map(\.leave))
        #expect(visits.count { $0.leave == 12 } >= 5)
        let slotted = SlottedTier.Parameters(scenario)
        #expect(slotted.uplinks == fluid.audience.map(\.uplink))
        for (slots, visit) in zip(slotted.attendance, visits) {
            #expect((Double(slots.lowerBound) * slotted.chunk - visit.join).magnitude <= slotted.chunk)
        }
    }

    @Test func `count on nobody who gives nothing`() throws {
        let scenario = try Self.scenario("steady", "free-riders = 25 %", "polluters = 25 %", "stalled-peers = 25 %")
        #expect(FluidTier.Parameters(scenario).audience.count { $0.uplink > 0 } == 3)
        #expect(SlottedTier.Parameters(scenario).uplinks.count { $0 > 0 } == 3)
    }

    @Test func `count the line of a home once, while somebody is there`() throws {
        let scenario = try Self.scenario(
            "steady", "shared-lines = 100 % in groups of 3", "uplink = 0.5 x", "origin-uplink = unlimited",
            "arrivals = at-once")
        let fluid = FluidTier.Parameters(scenario)
        #expect(fluid.audience.allSatisfy { $0.uplink == 0 })
        #expect(fluid.sharedUplinks.count == 4)
        // Twelve viewers, four lines of half the stream each.
        #expect((FluidTier.run(fluid).copies - 10).magnitude < 1e-9)
        let uplinks = SlottedTier.Parameters(scenario).uplinks
        #expect((uplinks.reduce(0, +) - fluid.sharedUplinks.reduce(0) { $0 + $1.uplink }).magnitude < 1e-6)
    }

    @Test func `have figures also where lines have no limit and where one viewer is alone`() throws {
        let changes = ["uplink = unlimited", "origin-uplink = unlimited", "arrivals = at-once"]
        for name in ["steady", "alone"] {
            let scenario = try #require(try Catalog.scenario(name, overrides: changes + ["length = 20 s"]))
            let fluid = FluidTier.run(FluidTier.Parameters(scenario))
            #expect((fluid.copies - 1).magnitude < 1e-9)
            #expect(fluid.deliveredRatio == 1)
            let slotted = SlottedTier.run(SlottedTier.Parameters(scenario))
            #expect((slotted.copies - 1).magnitude < 1e-9)
            #expect(slotted.deliveredRatio == 1)
        }
    }

    @Test func `order themselves: what a scheme takes from the origin, an oracle need not`() throws {
        for uplink in ["2 x", "0.5 x"] {
            let scenario = try Self.scenario(
                "steady", "uplink = \(uplink)", "origin-uplink = unlimited", "arrivals = at-once")
            let fluid = FluidTier.run(FluidTier.Parameters(scenario))
            let slotted = SlottedTier.run(SlottedTier.Parameters(scenario))
            #expect(slotted.copies >= fluid.copies - 1e-9)
            #expect(slotted.offload <= fluid.offload + 1e-9)
        }
    }

    @Test func `say what they do not imagine, and only that`() throws {
        let steady = try Self.scenario()
        #expect(Tier.allCases.allSatisfy { $0.passesOver(steady).isEmpty && $0.refusal(of: steady) == nil })
        let odd = try Self.scenario("steady", "loss = 1 %", "nat = symmetric", "shared-lines = 50 % in groups of 2")
        #expect(Tier.events.passesOver(odd).isEmpty)
        #expect(Tier.fluid.passesOver(odd) == ["loss", "nat"])
        #expect(Tier.slotted.passesOver(odd) == ["shared-lines", "loss", "nat"])
    }

    @Test func `refuse what is too short to tell anything, or has nobody in it`() throws {
        let short = try #require(try Catalog.scenario("steady", overrides: ["length = 2 s", "arrivals = at-once"]))
        #expect(Tier.fluid.refusal(of: short) == nil)
        #expect(Tier.slotted.refusal(of: short)?.contains("3.6 s or more") == true)
        let thin = try Self.scenario("steady", "origin-uplink = 0.9 x")
        #expect(Tier.slotted.refusal(of: thin)?.contains("origin-uplink") == true)
        #expect(FluidTier.run(FluidTier.Parameters(thin)).deliveredRatio < 0.91)
    }
}
