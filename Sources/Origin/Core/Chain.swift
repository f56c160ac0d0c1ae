package import Vocabulary

/// The append-only chains of all renditions' records, side by side: what the next ones say.
///
/// All renditions have the same numbers, times and discontinuities; only what hangs on content differs.
package struct Chain: Hashable, Sendable {
    package let broadcast: BroadcastID
    package private(set) var epoch: UInt32
    package private(set) var nextSequence: UInt64
    /// By rendition.
    private var previous: [Word256]
    private var programEnd: Int64
    private var isResumed: Bool
    package private(set) var isClosed: Bool

    /// A chain without a record yet.
    package init(broadcast: BroadcastID, epoch: UInt32) {
        self.broadcast = broadcast
        self.epoch = epoch
        nextSequence = 0
        previous = []
        programEnd = 0
        isResumed = false
        isClosed = false
    }

    /// The chain that goes on after its newest records, whose bencoded bytes hash to `hashes`, both by rendition.
    package init(after newest: Record, hashes: [Word256]) {
        broadcast = newest.broadcast
        epoch = newest.epoch
        nextSequence = newest.segment.sequence + 1
        previous = hashes
        programEnd = Self.end(of: newest)
        isResumed = true
        isClosed = newest.isLast
    }

    /// What a newly cut segment says of itself.
    package struct Segment: Hashable, Sendable {
        /// Its content in one rendition.
        package struct Content: Hashable, Sendable {
            package var root: Root
            package var length: Int
            package var initialization: Root?

            package init(root: Root, length: Int, initialization: Root? = nil) {
                self.root = root
                self.length = length
                self.initialization = initialization
            }
        }

        /// By rendition.
        package var contents: [Content]
        package var duration: Int64
        package var programTime: Int64
        package var isDiscontinuity: Bool
        package var isDependent: Bool
        package var isLast: Bool

        package init(
            contents: [Content], duration: Int64, programTime: Int64, isDiscontinuity: Bool, isDependent: Bool = false,
            isLast: Bool
        ) {
            self.contents = contents
            self.duration = duration
            self.programTime = programTime
            self.isDiscontinuity = isDiscontinuity
            self.isDependent = isDependent
            self.isLast = isLast
        }
    }

    /// The records that the next segment would get, by rendition. A restart is a discontinuity, and program time never
    /// goes back.
    package func records(of segment: Segment) -> [Record] {
        segment.contents.enumerated().map { number, content in
            Record(
                broadcast: broadcast, epoch: epoch,
                segment: SegmentID(rendition: UInt8(clamping: number), sequence: nextSequence), root: content.root,
                length: content.length,
                duration: min(max(segment.duration, Limits.duration.lowerBound), Limits.duration.upperBound),
                programTime: max(segment.programTime, programEnd),
                isDiscontinuity: segment.isDiscontinuity || isResumed, isLast: segment.isLast,
                isDependent: segment.isDependent, initialization: content.initialization,
                previous: previous.indices.contains(number) ? previous[number] : .zero)
        }
    }

    /// The records are durable: the next ones follow them.
    package mutating func append(_ records: [Record], hashes: [Word256]) {
        guard let record = records.first else { return }
        nextSequence = record.segment.sequence + 1
        previous = hashes
        programEnd = Self.end(of: record)
        isResumed = false
        isClosed = record.isLast
    }

    /// Nothing follows the newest record; players see the end although no record says it.
    package mutating func close() { isClosed = true }

    /// Begins a new programme after the closed one: numbers go on, so that no player sees them go back.
    package mutating func reopen(epoch: UInt32) {
        self.epoch = max(epoch, self.epoch &+ 1)
        previous = []
        isResumed = true
        isClosed = false
    }

    private static func end(of record: Record) -> Int64 { record.programTime + record.duration / 1_000 }
}
