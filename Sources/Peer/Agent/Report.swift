package import PeerCore
package import Vocabulary

/// What an agent has done so far and how it is doing: for the command's events and the status page.
package struct Report: Sendable {
    package var tally = Tally()
    package var bytesToPlayer = 0
    package var piecesRefused = 0
    package var stalls = 0
    package var stalled = Interval.zero
    package var neighbors: [Swarm.NeighborPicture] = []
    package var viewers = 0
    package var lease: Lease?
    package var isSharing = true
    /// The tracker has dialled this peer in vain.
    package var isUnreachable = false
    package var isClosed = false
    package var title = ""
    package var newest: UInt64?
    package var newestComplete: UInt64?
    /// From the live edge to the end of the newest complete segment.
    package var latency: Interval?
    /// How long until the next incomplete segment is needed.
    package var slack: Interval?
    package var segments: [Swarm.SegmentPicture] = []
    package var storeBytes = 0

    package var trackerState = ""
    package var trackerURL: String?
    package var originState = ""
    package var originURL = ""
    /// Links ended by what came over them, by reason.
    package var linkFlaws: [String: Int] = [:]
    package var originFlaws: [String: Int] = [:]
    package var trackerFlaws: [String: Int] = [:]
    /// Requests of the player's side that were turned away, by reason.
    package var refusedRequests: [String: Int] = [:]

    package init() {}

    /// Bytes from the origin divided by verified bytes: 1 is plain HTTP.
    package var originShare: Double? {
        let all = tally.bytesFromOrigin + tally.bytesFromPeers - tally.duplicateBytes
        return all > 0 ? Double(tally.bytesFromOrigin) / Double(all) : nil
    }

    package var offload: Double? { originShare.map { max(0, 1 - $0) } }
}
