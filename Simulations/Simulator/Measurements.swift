package import Vocabulary

/// What one run has shown.
package struct Measurements: Hashable, Sendable {
    package var viewers = 0
    package var segmentsPublished = 0
    /// Bytes of the stream that was published.
    package var streamBytes = 0
    /// Bytes of pieces that left the origin.
    package var originBytes = 0
    /// When the last of the first viewers has been there for ten seconds, and the segments from then on that are due by the
    /// end.
    package var steadyFrom = Instant.zero
    package var steadySegments: [Segment] = []
    /// Bytes of pieces that left peers.
    package var peerBytes = 0
    /// Bytes of pieces that reached viewers and verified.
    package var deliveredBytes = 0
    /// Bytes of pieces that reached viewers and did not.
    package var refusedBytes = 0
    /// Bytes that were under way to somebody who had gone, whom nobody asked, or at the end.
    package var lostBytes = 0
    /// Verified bytes that a viewer had already.
    package var duplicateBytes = 0
    /// Everything else that hosts said to each other.
    package var traffic = Traffic()
    /// Everything that reached viewers, headers and acknowledgements included.
    package var downlinkBytes = 0
    /// Everything that left the origin, headers included.
    package var originWireBytes = 0
    /// Packets that met the network where it loses some, every attempt counted, and those that it lost.
    package var packetsSent = 0
    package var packetsLost = 0
    /// Pieces that went from viewer to viewer.
    package var transfers = 0
    package var events = 0

    package var stalls = 0
    package var stalled = Interval.zero
    /// Viewer time, from joining to leaving.
    package var watched = Interval.zero
    package var bans = 0
    /// Segments due to a viewer by the end that it did not complete.
    package var missed = 0
    package var fetched: [String: Int] = [:]

    /// From publication to the player's having it whole, for each segment and viewer that was there for it.
    package var delays = Spectrum()
    /// The same after the last of the first viewers has been there for ten seconds.
    package var steadyDelays = Spectrum()
    /// From joining to the first 64 KiB at the player.
    package var firstPictures = Spectrum()
    /// From joining to the first whole segment.
    package var startups = Spectrum()
    package var stallLengths = Spectrum()

    package var seconds: [Second] = []
    package var segments: [Segment] = []
    package var visits: [Visit] = []
    package var hops: [Hop] = []

    /// What one second of the run was like.
    package struct Second: Hashable, Sendable {
        package var time: Double
        package var viewers = 0
        package var playing = 0
        package var originBytes = 0
        package var peerBytes = 0
        package var deliveredBytes = 0
        package var streamBytes = 0

        package init(time: Double) { self.time = time }
    }

    /// How one segment spread.
    package struct Segment: Hashable, Sendable {
        package var published: Instant
        package var length: Int
        /// Viewers that were there when it was published.
        package var viewers: Int
        package var originBytes = 0
        /// Bytes that reached anybody at all, and those that reached each viewer for the first time, of all viewers.
        package var shownBytes = 0
        package var usefulBytes = 0
        package var completions = 0
        package var delays = Spectrum()
    }

    /// One viewer's stay.
    package struct Visit: Hashable, Sendable {
        package var join: Double
        package var leave: Double?
        /// Bits per second.
        package var up: Double
        package var down: Double
        package var region: String
        package var nat: String
        package var role: String
        package var stalls = 0
        package var stalled = 0.0
        package var startup: Double?
        package var bytesFromPeers = 0
        package var bytesFromOrigin = 0
        package var bytesUploaded = 0
    }

    /// One way that the traced piece took.
    package struct Hop: Hashable, Sendable {
        /// `nil` is the origin.
        package var from: Int?
        package var to: Int
        package var sent: Double
        package var arrived: Double
    }

    package init() {}

    /// Origin bytes divided by bytes of the stream: 1 is perfect.
    package var copies: Double { Double(originBytes) / Double(max(1, streamBytes)) }

    /// The copies of segments of the steady part; `nil` when there are none.
    package var steadyCopies: Double? {
        steadySegments.isEmpty
            ? nil
            : Double(steadySegments.reduce(0) { $0 + $1.originBytes })
                / Double(steadySegments.reduce(0) { $0 + $1.length })
    }

    /// Verified bytes that were new to who got them.
    package var usefulBytes: Int { deliveredBytes - duplicateBytes }

    /// 1 - origin bytes / useful bytes: what somebody got twice, nobody was spared.
    package var offload: Double { 1 - Double(originBytes) / Double(max(1, usefulBytes)) }

    /// What the protocol says beside the pieces, by delivered bytes.
    package var controlShare: Double { Double(traffic.control) / Double(max(1, deliveredBytes)) }

    /// All bytes on the viewers' downlinks by delivered bytes.
    package var wireShare: Double { Double(downlinkBytes) / Double(max(1, deliveredBytes)) }

    /// Every byte that was sent has arrived, been refused or been lost.
    package var isConserved: Bool { originBytes + peerBytes == deliveredBytes + refusedBytes + lostBytes }
}
