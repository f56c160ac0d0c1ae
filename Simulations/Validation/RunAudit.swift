package import Models
package import Scenarios
package import Simulator
import Tiers
import Vocabulary

/// Holds whole runs of a scenario whose viewers all come at once and stay against what no scheduler can beat.
package struct RunAudit: Sendable {
    /// What is over a bound is positive; of several runs the worst counts.
    package static let claims: [Check.Claim] = [
        .init("offload - KLR", .upperBound, 0, within: .infinity),
        .init("peers - lines", .upperBound, 0, within: .infinity),
        .init("early by", .upperBound, 0, within: .infinity),
        .init("bytes wrong", .property, 0),
        .init("fluid - copies", .upperBound, 0, within: .infinity),
        .init("runs differ", .property, 0),
    ]

    /// The figures where there was no run: they break every claim.
    static let unanswered = claims.map { _ in Estimate(.infinity) }

    private var offload = -Double.infinity
    private var uplinks = -Double.infinity
    private var early = -Double.infinity
    private var bytes = 0
    private var copies = -Double.infinity
    private var differences = 0

    package init() {}

    /// In the order of the claims.
    package var figures: [Estimate] {
        [
            Estimate(offload), Estimate(uplinks), Estimate(early), Estimate(bytes), Estimate(copies),
            Estimate(differences),
        ]
    }

    package mutating func add(_ result: Measurements, of scenario: Scenario) {
        let bounds = Bounds(scenario)
        offload = max(offload, result.offload - bounds.offload)
        uplinks = max(uplinks, excess(of: result, in: scenario))
        // Bins are a hundredth of their value wide at most.
        if let first = result.delays.bins.first {
            early = max(early, bounds.delay - first.upperEdge.seconds)
        }
        bytes += wrongBytes(in: result)
        copies = max(copies, missingCopies(in: result, of: scenario))
    }

    package mutating func compare(_ second: Measurements, with first: Measurements) {
        if second != first { differences += 1 }
    }

    /// Bytes that came from peers beyond what the lines of those who give carry in the time that they are there.
    private func excess(of result: Measurements, in scenario: Scenario) -> Double {
        let fluid = FluidTier.Parameters(scenario)
        let most = (fluid.audience + fluid.sharedUplinks).reduce(0) {
            $0 + $1.uplink * max(0, min($1.leaves, fluid.duration) - $1.joins)
        }
        return Double(result.visits.reduce(0) { $0 + $1.bytesFromPeers }) - most
    }

    private func wrongBytes(in result: Measurements) -> Int {
        let sent = result.originBytes + result.peerBytes
        let accounted = result.deliveredBytes + result.refusedBytes + result.lostBytes
        let received = result.visits.reduce(0) { $0 + $1.bytesFromPeers + $1.bytesFromOrigin }
        let uploaded = result.visits.reduce(0) { $0 + $1.bytesUploaded }
        return abs(sent - accounted) + max(0, received - result.deliveredBytes) + abs(uploaded - result.peerBytes)
    }

    /// Copies that the oracle needs and the run did without, of all but the last segments, which are still on their way.
    ///
    /// What a viewer did not get whole is not asked of the origin: each copy less that is delivered spares the oracle at
    /// most one.
    private func missingCopies(in result: Measurements, of scenario: Scenario) -> Double {
        let end = scenario.length - 3 * scenario.segmentDuration
        let whole = result.segments.filter { $0.published.seconds <= end && $0.viewers > 0 }
        let stream = whole.reduce(0) { $0 + $1.length }
        guard stream > 0 else { return .infinity }
        let fluid = FluidTier.run(FluidTier.Parameters(scenario))
        let spent = whole.reduce(0) { $0 + $1.originBytes }
        let spared = whole.reduce(0) { $0 + max(0, $1.viewers - $1.completions) * $1.length }
        return fluid.copies - Double(spent + spared) / Double(stream)
    }
}
