import Scenarios
import Simulator
import Testing
import Validation
import Vocabulary

/// A run that beats a bound must not pass for a good scheduler.
@Suite struct `An audit of a run notices` {
    /// The claims that a run breaks after `change`.
    private func broken(_ changes: String..., change: (inout Measurements) -> Void = { _ in }) throws -> [String] {
        let common = [
            "viewers = 6", "length = 12 s", "segment-size = 128 KiB", "segment-duration = 1 s", "arrivals = at-once",
            "origin-uplink = unlimited", "uplink = 2 x",
        ]
        let told = Set(changes.map { $0.prefix { $0 != "=" } })
        let lines = common.filter { line in !told.contains(line.prefix { $0 != "=" }) } + changes
        let scenario = try #require(try Catalog.scenario("steady", overrides: lines))
        var simulation = Simulation(scenario)
        let honest = simulation.run()
        var result = honest
        change(&result)
        var audit = RunAudit()
        audit.add(result, of: scenario)
        audit.compare(result, with: honest)
        return zip(RunAudit.claims, audit.figures).filter { !$0.holds(for: $1) }.map(\.0.metric)
    }

    @Test func `nothing in a run that is as it was`() throws {
        #expect(try broken().isEmpty)
        #expect(try broken("uplink = 0.5 x").isEmpty)
    }

    @Test func `an origin that gave less than one copy`() throws {
        let claims = try broken { result in
            result.originBytes /= 8
            for sequence in result.segments.indices { result.segments[sequence].originBytes /= 8 }
        }
        #expect(claims == ["offload - KLR", "bytes wrong", "fluid - copies", "runs differ"])
    }

    @Test func `viewers who got more from each other than their lines carry`() throws {
        let claims = try broken("uplink = 0.5 x") { result in
            for visit in result.visits.indices { result.visits[visit].bytesFromPeers *= 4 }
        }
        #expect(claims.contains("peers - lines"))
    }

    @Test func `a segment that was whole before its last byte could be there`() throws {
        #expect(try broken { $0.delays.add(.milliseconds(1)) } == ["early by", "runs differ"])
    }

    @Test func `one byte that nobody sent`() throws {
        #expect(try broken { $0.deliveredBytes += 1 }.contains("bytes wrong"))
    }
}
