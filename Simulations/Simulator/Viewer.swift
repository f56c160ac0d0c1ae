import PeerCore
import Vocabulary

/// One imagined viewer: the real core, and the shell around it.
struct Viewer {
    var core: Swarm
    let contact: Contact
    let joined: Instant
    var player = Player()
    /// From joining to the front of the first segment, and to the whole of it.
    var firstPicture: Interval?
    var startup: Interval?
    var bytesFromPeers = 0
    var bytesFromOrigin = 0
    var bytesUploaded = 0
    /// The numbers of its ends of links.
    var links: [Int32] = []
    var shelves: [Shelf] = []
    var earlyPieces = 0
    var wakeAt = Instant.distantFuture
    /// The origin's answers that are under way.
    var answers: [Int] = []
    /// Connections to the origin that are kept, and what their TCP last knew.
    var connections = 0
    var originWindow = Packets.initialWindow
    var originUsed = Instant.zero - .seconds(3_600)
    /// The last arrival of what the origin sent: TCP does not reorder.
    var originArrival = Instant.zero
    /// The segments that were whole, by number from the first that was.
    private var firstWhole = 0
    private var whole: [Bool] = []

    init(core: Swarm, contact: Contact, joined: Instant) {
        self.core = core
        self.contact = contact
        self.joined = joined
    }

    var name: PeerID { contact.introduction.peer }

    func hasWhole(_ sequence: Int) -> Bool {
        let place = sequence - firstWhole
        return place >= 0 && place < whole.count && whole[place]
    }

    mutating func noteWhole(_ sequence: Int) {
        if whole.isEmpty { firstWhole = sequence }
        if sequence < firstWhole {
            whole.insert(contentsOf: repeatElement(false, count: firstWhole - sequence), at: 0)
            firstWhole = sequence
        }
        while whole.count <= sequence - firstWhole { whole.append(false) }
        whole[sequence - firstWhole] = true
    }

    /// Gone: only what others may still ask about stays, and what is counted.
    mutating func clear() {
        answers = []
        shelves = []
        earlyPieces = 0
        let tally = core.tally
        core = Swarm(settings: core.settings, seed: 0, at: joined)
        core.tally = tally
    }

    /// Takes one fact; returns when the core wants to be woken.
    mutating func handle(_ fact: Swarm.Fact, at now: Instant, into commands: inout [Swarm.Command]) -> Instant {
        core.handle(fact, at: now, into: &commands)
        return core.nextDeadline
    }
}
