import Scenarios
import Vocabulary

/// What viewers pass on only when they have all of it: a piece, or the segment if that is smaller.
struct Chunk {
    /// Chunks that viewers remember, the most that `PushSwarm` takes.
    static let window = 63
    /// Chunks that have to be counted for the figures to mean something.
    static let fewest = 50

    let bytes: Double
    /// Of the stream.
    let seconds: Double

    init(_ scenario: Scenario) {
        bytes = Double(min(PieceID.length, scenario.segmentLength))
        seconds = bytes * 8 / scenario.bitrate
    }
}
