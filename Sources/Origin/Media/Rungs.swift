import CLibAVFormat
import Vocabulary

/// Whoever gives a source's smaller renditions, cut where the source is cut.
protocol Rungs {
    /// The source begins a segment.
    mutating func begin(_ beginning: SegmentBeginning) throws(MediaError)
    /// Takes a picture of the source.
    mutating func feed(_ packet: UnsafeMutablePointer<AVPacket>, _ clock: SourceClock) throws(MediaError)
    /// Takes sound that each rendition carries too.
    mutating func accompany(_ packet: UnsafeMutablePointer<AVPacket>)
    /// The source has ended or broken off: what is under way comes out.
    mutating func finish(at end: Int64)
    /// After `finish`: something is still under way.
    var isBusy: Bool { get }
    /// Ends what `finish` began.
    mutating func end() throws(MediaError)
    /// - Parameter waitingSince: when the oldest segment was complete that still waits for another rendition.
    mutating func settle(waitingSince: Instant?, at now: Instant) throws(MediaError) -> [RungEvent]
}

/// Where the source begins a segment; times are in 1/90000 s of the output.
struct SegmentBeginning {
    var row: Int
    var time: Int64
    var isKeyframe: Bool
    /// The source is not there, and something else is shown.
    var isSlate: Bool
    var video: Track
    /// The sound that each rendition carries too.
    var accompanying: Track?
    /// What fragments' times are ahead of the packets'.
    var offset: Int64
}

/// How the source's own times become the output's.
struct SourceClock: Hashable {
    /// Counts how often the source was read from its beginning.
    var pass: Int
    /// What is added to its times in that pass.
    var shift: Int64
}

enum RungEvent {
    /// All renditions, the source's and the sound's too.
    case described([MediaDescription])
    case finished(row: Int, rung: Int, CutSegment.Media?, generation: Int)
    /// Nothing will come of what is under way, in one rung or in all.
    case gaveUp(rung: Int?)
    case warned(String)
    /// There will be no smaller renditions at all.
    case neverCame([MediaDescription])
}
