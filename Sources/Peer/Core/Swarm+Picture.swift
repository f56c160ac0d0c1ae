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
        /// Stripes that it pushes to us, and that we push to it.
        package let follows: StripeSet
        package let children: StripeSet
    }

    package enum PieceState: Hashable, Sendable { case missing, wanted, fetching, fromPeer, fromOrigin }

    package struct SegmentPicture: Hashable, Sendable {
        package let segment: SegmentID
        package let pieces: [PieceState]
        package let slack: Interval
    }

    package var neighborPictures: [NeighborPicture] {
        neighbors.compactMap { neighbor in
            guard neighbor.isGreeted else { return nil }
            return NeighborPicture(
                link: neighbor.link, peer: neighbor.peer, endpoint: neighbor.endpoint,
                bytesReceived: neighbor.received, bytesSent: neighbor.sent, chokesUs: neighbor.chokesUs,
                isChoked: neighbor.isChoked, wantsUnderWay: neighbor.asked, pieceTime: neighbor.health.pieceTime,
                follows: neighbor.follows, children: neighbor.children)
        }
    }

    /// The newest `count` segments, oldest first.
    package func segmentPictures(_ count: Int, at now: Instant) -> [SegmentPicture] {
        segments.suffix(count).map { segment in
            let wanted = Set(segment.wants.map(\.index))
            let pieces = (0..<segment.count).map { index -> PieceState in
                if segment.pieces.contains(index, .fromOrigin) { return .fromOrigin }
                if segment.pieces.contains(index, .held) { return .fromPeer }
                if segment.pieces.contains(index, .fetching) { return .fetching }
                return wanted.contains(index) ? .wanted : .missing
            }
            return SegmentPicture(
                segment: id(segment.sequence), pieces: pieces, slack: slack(segment.sequence, at: now))
        }
    }

    /// Who pushes each stripe to us, by its number, and how many peers it passes before us.
    package var feedPictures: [(parent: PeerID?, depth: UInt8)] {
        Stripe.all.map { stripe in
            (feeds[stripe.number].parent.flatMap { seat($0) }.map { neighbors[$0].peer }, depth(of: stripe))
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
        segments.last { $0.isComplete }.map { id($0.sequence) }
    }
}
