package import Vocabulary

/// The append-only chain of one rendition's records: what the next one says.
package struct Chain: Hashable, Sendable {
    package let broadcast: BroadcastID
    package let rendition: UInt8
    package private(set) var epoch: UInt32
    package private(set) var nextSequence: UInt64
    private var previous: Word256
    private var programEnd: Int64
    private var isResumed: Bool
    package private(set) var isClosed: Bool

    /// A chain without a record yet.
    package init(broadcast: BroadcastID, rendition: UInt8, epoch: UInt32) {
        self.broadcast = broadcast
        self.rendition = rendition
        self.epoch = epoch
        nextSequence = 0
        previous = .zero
        programEnd = 0
        isResumed = false
        isClosed = false
    }

    /// The chain that goes on after its newest record, whose bencoded bytes hash to `hash`.
    package init(after newest: Record, hash: Word256) {
        broadcast = newest.broadcast
        rendition = newest.segment.rendition
        epoch = newest.epoch
        nextSequence = newest.segment.sequence + 1
        previous = hash
        programEnd = Self.end(of: newest)
        isResumed = true
        isClosed = newest.isLast
    }

    /// What a newly cut segment says of itself.
    package struct Segment: Hashable, Sendable {
        package var root: Root
        package var length: Int
        package var duration: Int64
        package var programTime: Int64
        package var isDiscontinuity: Bool
        package var isLast: Bool

        package init(
            root: Root, length: Int, duration: Int64, programTime: Int64, isDiscontinuity: Bool, isLast: Bool
        ) {
            self.root = root
            self.length = length
            self.duration = duration
            self.programTime = programTime
            self.isDiscontinuity = isDiscontinuity
            self.isLast = isLast
        }
    }

    /// The record that the next segment would get. A restart is a discontinuity, and program time never goes back.
    package func record(of segment: Segment) -> Record {
        Record(
            broadcast: broadcast, epoch: epoch, segment: SegmentID(rendition: rendition, sequence: nextSequence),
            root: segment.root, length: segment.length,
            duration: min(max(segment.duration, Limits.duration.lowerBound), Limits.duration.upperBound),
            programTime: max(segment.programTime, programEnd),
            isDiscontinuity: segment.isDiscontinuity || isResumed, isLast: segment.isLast, previous: previous)
    }

    /// The record is durable: the next one follows it.
    package mutating func append(_ record: Record, hash: Word256) {
        nextSequence = record.segment.sequence + 1
        previous = hash
        programEnd = Self.end(of: record)
        isResumed = false
        isClosed = record.isLast
    }

    /// Nothing follows the newest record; players see the end although no record says it.
    package mutating func close() { isClosed = true }

    /// Begins a new programme after the closed one: numbers go on, so that no player sees them go back.
    package mutating func reopen(epoch: UInt32) {
        self.epoch = max(epoch, self.epoch &+ 1)
        previous = .zero
        isClosed = false
    }

    private static func end(of record: Record) -> Int64 { record.programTime + record.duration / 1_000 }
}
