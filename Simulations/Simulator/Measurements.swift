package import Vocabulary

/// What one run has shown.
package struct Measurements: Hashable, Sendable {
    package var viewers = 0
    package var segmentsPublished = 0
    /// Bytes of pieces that left the origin.
    package var originBytes = 0
    /// Bytes of pieces that left peers.
    package var peerBytes = 0
    /// Bytes of pieces that reached viewers and verified.
    package var deliveredBytes = 0
    /// Bytes of pieces that reached viewers and did not.
    package var refusedBytes = 0
    /// Bytes that were under way to somebody who had gone, or at the end.
    package var lostBytes = 0
    /// Everything else that hosts said to each other.
    package var traffic = Traffic()
    /// Everything that reached viewers, headers and acknowledgements included.
    package var downlinkBytes = 0
    /// Everything that left the origin, headers included.
    package var originWireBytes = 0
    package var duplicateBytes = 0
    package var stalls = 0
    package var stalled = Interval.zero
    package var bans = 0
    /// From publication to completion, one for each segment and viewer that was there for it.
    package var delays: [Interval] = []
    /// Segments due to a viewer by the end that it did not complete.
    package var missed = 0
    /// From joining to the first complete segment.
    package var startups: [Interval] = []
    package var fetched: [String: Int] = [:]

    package init() {}

    /// Origin bytes divided by bytes of the stream: 1 is perfect.
    package func copies(segmentLength: Int) -> Double {
        Double(originBytes) / Double(max(1, segmentsPublished * segmentLength))
    }

    /// What the protocol says beside the pieces, by delivered bytes.
    package var controlShare: Double { Double(traffic.control) / Double(max(1, deliveredBytes)) }

    /// All bytes on the viewers' downlinks by delivered bytes.
    package var wireShare: Double { Double(downlinkBytes) / Double(max(1, deliveredBytes)) }

    /// 1 - origin bytes / bytes delivered.
    package var offload: Double { 1 - Double(originBytes) / Double(max(1, deliveredBytes)) }

    /// Every byte that was sent has arrived, been refused or been lost.
    package var isConserved: Bool { originBytes + peerBytes == deliveredBytes + refusedBytes + lostBytes }

    package static func quantile(_ q: Double, of values: [Interval]) -> Interval {
        guard !values.isEmpty else { return .zero }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(q * Double(sorted.count)))]
    }
}

/// What no scheduler can beat (Kumar, Liu, Ross, INFOCOM 2007; Huang, Li, Ross, SIGCOMM 2007).
package struct Bounds: Hashable, Sendable {
    package let copies: Double
    package let offload: Double

    /// For `viewers` at the stream's `rate` with `uplink` bytes per second in all.
    package init(viewers: Int, rate: Double, uplink: Double) {
        let demand = Double(viewers) * rate
        copies = max(1, (demand - uplink) / rate)
        offload = max(0, min(1 - 1 / Double(max(1, viewers)), uplink / demand))
    }
}
