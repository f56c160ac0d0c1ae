import OriginCore
import PeerCore
import Vocabulary

/// One answer of the origin, from the request's leaving until its last byte is acknowledged.
struct Answer {
    enum Content: Hashable {
        case head(after: UInt64?)
        case records(ClosedRange<UInt64>)
        case pieces(FetchID)
    }

    let viewer: Int
    let content: Content
    /// `nil` for what is neither urgent nor patient.
    let urgency: Precedence.Urgency?
    /// The segment of the pieces; the newest one that a head tells of.
    var sequence: Int
    /// The piece that is being sent and the end of the range; a head or records are one unit.
    var unit: Int
    let end: Int
    /// Bytes of the unit that are still to be sent, headers of the response included.
    var rest = 0
    /// Bytes of response headers within `rest`.
    var headers = Packets.response
    /// Bytes of the unit that have arrived.
    var arrived = 0
    var window: Int
    var flying = 0
    /// Events that name this answer.
    var outstanding = 0
    var isQueued = false
    /// The request has reached the origin and the answer is under way.
    var isOpen = false
    var isAbandoned = false
    /// Everything has been sent.
    var isSent = false

    init(
        viewer: Int, content: Content, _ urgency: Precedence.Urgency?, sequence: Int = 0, pieces: Range<Int> = 0..<1,
        window: Int
    ) {
        self.viewer = viewer
        self.content = content
        self.urgency = urgency
        self.sequence = sequence
        self.window = window
        unit = pieces.lowerBound
        end = pieces.upperBound
    }
}
