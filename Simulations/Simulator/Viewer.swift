import PeerCore
import Vocabulary

/// One imagined viewer: the real core, and the shell around it.
struct Viewer {
    var core: Swarm
    var line: ImaginedLine
    let joined: Instant
    let isPolluter: Bool
    var left = Instant.distantFuture
    /// By the number of the link.
    var links: [LinkEnd] = []
    var shelves: [Shelf] = []
    var earlyPieces = 0
    var wakeAt = Instant.distantFuture
    /// The origin's answers that are under way.
    var answers: [Int] = []
    /// Connections to the origin that are kept, and what their TCP last knew.
    var connections = 0
    var originWindow = Packets.initialWindow
    var originUsed = Instant.zero - .seconds(3_600)
    var completed: Set<UInt64> = []

    init(core: Swarm, line: ImaginedLine, joined: Instant, isPolluter: Bool) {
        self.core = core
        self.line = line
        self.joined = joined
        self.isPolluter = isPolluter
    }

    func isHere(at now: Instant) -> Bool { now < left }

    /// The newest segments are asked for most.
    func shelf(_ sequence: Int) -> Int? { shelves.lastIndex { $0.sequence == sequence } }
}
