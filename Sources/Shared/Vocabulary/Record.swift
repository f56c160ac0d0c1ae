/// What the origin states about one segment. Signed on the wire; here it is only the statement.
@usableFromInline package struct Record: Hashable, Sendable {
    package var broadcast: BroadcastID
    /// Grows when an origin has lost its durable state and starts its numbering anew.
    package var epoch: UInt32
    package var segment: SegmentID
    package var root: Root
    /// The segment's length in bytes.
    @usableFromInline package var length: Int
    /// How long the segment plays, in microseconds.
    package var duration: Int64
    /// When the segment's first frame was captured, in milliseconds of Unix time.
    package var programTime: Int64
    /// Tracks, codec, timestamps or encoder changed just before this segment (RFC 8216, section 4.3.2.3).
    package var isDiscontinuity: Bool
    /// No segment follows: the broadcast is closed.
    package var isLast: Bool
    /// The segment begins without a keyframe: the encoder's were too far apart.
    package var isDependent: Bool
    /// The fMP4 initialization segment, if the container needs one.
    package var initialization: Root?
    /// SHA-256 of the bencoded record before this one in the rendition; zero for the first.
    package var previous: Word256

    package init(
        broadcast: BroadcastID, epoch: UInt32, segment: SegmentID, root: Root, length: Int, duration: Int64,
        programTime: Int64, isDiscontinuity: Bool = false, isLast: Bool = false, isDependent: Bool = false,
        initialization: Root? = nil, previous: Word256 = .zero
    ) {
        self.broadcast = broadcast
        self.epoch = epoch
        self.segment = segment
        self.root = root
        self.length = length
        self.duration = duration
        self.programTime = programTime
        self.isDiscontinuity = isDiscontinuity
        self.isLast = isLast
        self.isDependent = isDependent
        self.initialization = initialization
        self.previous = previous
    }

    @inlinable package var pieceCount: Int { (length + PieceID.length - 1) / PieceID.length }

    /// The bytes of piece `index` within the segment.
    @inlinable package func range(ofPiece index: Int) -> Range<Int> {
        let start = index * PieceID.length
        return start..<min(length, start + PieceID.length)
    }
}

/// What the origin states about the newest segments of all renditions: what a joining peer asks for first.
package struct Head: Hashable, Sendable {
    package var broadcast: BroadcastID
    /// When the head was signed, in milliseconds of Unix time.
    package var time: Int64
    /// How long the longest segment may play, rounded to whole seconds: EXT-X-TARGETDURATION. It never changes.
    package var targetDuration: Int
    /// The oldest sequence number that the origin still serves, per rendition, in the order of `newest`.
    package var oldest: [UInt64]
    /// The newest record of each rendition, as signed bytes.
    package var newest: [[UInt8]]
    package var isClosed: Bool
    package var title: String
    /// What players choose the renditions by, in the order of `newest`; empty until it is known.
    package var renditions: [Rendition]

    package init(
        broadcast: BroadcastID, time: Int64, targetDuration: Int, oldest: [UInt64], newest: [[UInt8]],
        isClosed: Bool, title: String, renditions: [Rendition] = []
    ) {
        self.broadcast = broadcast
        self.time = time
        self.targetDuration = targetDuration
        self.oldest = oldest
        self.newest = newest
        self.isClosed = isClosed
        self.title = title
        self.renditions = renditions
    }
}
