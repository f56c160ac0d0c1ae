import Vocabulary

/// Segments on their way: each leaves when all its renditions are there, in order.
struct RowBoard {
    /// Who made a rendition's segment: another maker is a discontinuity.
    struct Maker: Hashable {
        var rendition: Int
        var generation: Int
    }

    private struct Row {
        var segment: CutSegment
        var media: [CutSegment.Media?]
        var makers: [Maker]
        /// When the source's part of it was complete.
        var closed: Instant?
        /// Renditions of which nothing comes.
        var isGivenUp: [Bool]
    }

    /// The renditions: the source is 0, the smaller ones follow, then the sound alone, if there is one.
    private(set) var count: Int
    private(set) var rungs: Range<Int>
    private var rows: [Row] = []
    private var first = 0
    private var lastMakers: [Maker] = []
    private var lastMedia: [CutSegment.Media?] = []
    /// A segment was left out since the last one that left.
    private var hasGap = false
    /// Nothing leaves before all renditions are described.
    var isOpen = false

    init(rungs: Int, hasSound: Bool) {
        self.rungs = 1..<1 + rungs
        count = 1 + rungs + (hasSound ? 1 : 0)
    }

    var hasEmitted: Bool { !lastMakers.isEmpty }

    /// There will be no smaller renditions, and nobody has heard of them.
    mutating func removeRungs() {
        precondition(!hasEmitted, "renditions stay once they are published")
        for index in rows.indices {
            rows[index].media.removeSubrange(rungs)
            rows[index].makers.removeSubrange(rungs)
            rows[index].isGivenUp.removeSubrange(rungs)
        }
        count -= rungs.count
        rungs = 1..<1
    }

    /// Begins a segment; returns its place.
    mutating func begin(programTime: Int64, isDependent: Bool) -> Int {
        rows.append(
            Row(
                segment: CutSegment(
                    media: [], duration: 0, programTime: programTime, isDiscontinuity: false, isDependent: isDependent,
                    isLast: false, targetDuration: 1), media: Array(repeating: nil, count: count),
                makers: (0..<count).map { Maker(rendition: $0, generation: 0) },
                isGivenUp: Array(repeating: false, count: count)))
        return first + rows.count - 1
    }

    /// The source has reached the end of the segment.
    mutating func close(_ row: Int, duration: Int64, targetDuration: Int, isLast: Bool, at now: Instant) {
        guard rows.indices.contains(row - first) else { return }
        rows[row - first].segment.duration = duration
        rows[row - first].segment.targetDuration = targetDuration
        rows[row - first].segment.isLast = isLast
        rows[row - first].closed = now
    }

    /// A rendition's segment is there; without media it is given up.
    mutating func fill(_ row: Int, _ rendition: Int, _ media: CutSegment.Media?, generation: Int) {
        guard rows.indices.contains(row - first), rendition < count else { return }
        rows[row - first].media[rendition] = media
        rows[row - first].makers[rendition].generation = generation
        rows[row - first].isGivenUp[rendition] = media == nil
    }

    /// Nothing will come of a rendition's segments that are under way.
    mutating func giveUp(_ renditions: Range<Int>) {
        for index in rows.indices {
            for rendition in renditions where rendition < count && rows[index].media[rendition] == nil {
                rows[index].isGivenUp[rendition] = true
            }
        }
    }

    /// When the oldest segment was complete that waits for another rendition.
    var waitingSince: Instant? { rows.first?.closed }

    /// Segments that are complete in all renditions.
    mutating func take() -> [CutSegment] {
        var complete: [CutSegment] = []
        while isOpen, let row = rows.first, row.closed != nil,
            (0..<count).allSatisfy({ row.media[$0] != nil || row.isGivenUp[$0] })
        {
            rows.removeFirst()
            first += 1
            // Nothing is seen or heard in it: there is no such segment, and what follows does not continue what was before.
            guard row.media[0]?.bytes.isEmpty != true else {
                hasGap = hasEmitted
                continue
            }
            var segment = row.segment
            var makers = row.makers
            segment.media = (0..<count).compactMap { rendition in
                if let media = row.media[rendition] { return media }
                // The next smaller one stands in, then the next larger, then what came last.
                let others =
                    rungs.contains(rendition)
                    ? Array(rendition + 1..<rungs.upperBound) + (0..<rendition).reversed() : []
                guard let substitute = others.first(where: { row.media[$0] != nil }) else {
                    // Its times are not those that it stands for.
                    makers[rendition] = Maker(rendition: -1, generation: first)
                    return lastMedia.indices.contains(rendition) ? lastMedia[rendition] : nil
                }
                makers[rendition] = row.makers[substitute]
                return row.media[substitute]
            }
            guard segment.media.count == count else { continue }
            segment.isDiscontinuity = hasGap || hasEmitted && makers != lastMakers
            hasGap = false
            lastMakers = makers
            lastMedia = segment.media.map(Optional.some)
            complete.append(segment)
        }
        return complete
    }
}
