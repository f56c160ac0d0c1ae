package import Vocabulary

/// What people look at: the swarm as this peer sees it.
extension Swarm {
    package struct NeighborPicture: Hashable, Sendable {
        package let link: LinkID
        package let peer: PeerID
        package let endpoint: Endpoint?
        package let bytesReceived: Int
        package let bytesSent: Int
        package let chokesUs: Bool
        package let isChoked: Bool
        package let wantsUnderWay: Int
        package let pieceTime: Interval
    }

    package enum PieceState: Hashable, Sendable { case missing, wanted, fetching, fromPeer, fromOrigin }

    package struct SegmentPicture: Hashable, Sendable {
        package let segment: SegmentID
        package let pieces: [PieceState]
        package let slack: Interval
    }

    package var neighborPictures: [NeighborPicture] {
        links.compactMap { link in
            guard let neighbor = neighbors[link], neighbor.isGreeted else { return nil }
            return NeighborPicture(
                link: link, peer: neighbor.peer, endpoint: neighbor.endpoint, bytesReceived: neighbor.received,
                bytesSent: neighbor.sent, chokesUs: neighbor.chokesUs, isChoked: neighbor.isChoked,
                wantsUnderWay: neighbor.asked, pieceTime: neighbor.health.pieceTime)
        }
    }

    /// The newest `count` segments, oldest first.
    package func segmentPictures(_ count: Int, at now: Instant) -> [SegmentPicture] {
        chronicle.sequences.suffix(count).compactMap { sequence in
            guard let segment = progress[sequence] else { return nil }
            let pieces = (0..<segment.record.pieceCount).map { index -> PieceState in
                if segment.fromOrigin.contains(index) { return .fromOrigin }
                if segment.held.contains(index) { return .fromPeer }
                if segment.fetching.contains(index) { return .fetching }
                return segment.wanted[index] == nil ? .missing : .wanted
            }
            return SegmentPicture(segment: id(sequence), pieces: pieces, slack: slack(sequence, at: now))
        }
    }

    package var neighborCount: Int { greetedLinks.count }
    package var viewerCount: Int { viewers }
    package var currentLease: Lease? { lease }
    package var isSharing: Bool { shares }
    package var isBroadcastClosed: Bool { isClosed || chronicle.isClosed }
    package var targetDuration: Int { chronicle.targetDuration }
    package var stallCount: Int { playhead.stalls }
    package var stallTime: Interval { playhead.stalled }

    /// The records that a playlist may list, oldest first: from where playing starts, at most the window.
    package var listed: [Record] {
        chronicle.sequences.filter { $0 >= start ?? .max }.suffix(settings.window).compactMap { chronicle[$0]?.record }
    }

    package var newestComplete: SegmentID? {
        chronicle.sequences.last { progress[$0]?.isComplete == true }.map(id)
    }
}
