package import Vocabulary

/// A connection to another peer, numbered by the shell; a number is never used twice.
package struct LinkID: Hashable, Comparable, Sendable {
    private let value: Int32

    package init(_ number: Int) { value = Int32(number) }

    package var number: Int { Int(value) }

    package static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A request to the origin for some pieces, numbered by the core.
package struct FetchID: Hashable, Sendable {
    package let number: Int

    package init(_ number: Int) { self.number = number }
}

/// Where bytes or words came from.
package enum Source: Hashable, Sendable {
    case neighbor(LinkID)
    case origin
}

/// Why pieces are asked of the origin; counted and shown.
package enum FetchReason: String, Hashable, Sendable, CaseIterable {
    /// Our share of new pieces by the tracker's lease, or another's who does not spread it.
    case lease
    /// The injector whose share it is has not taken it in time.
    case backup
    /// There is nobody to share with.
    case alone
    /// The player starts, and nobody near brings the first segment in time.
    case startup
    /// No neighbor has the piece and time is short.
    case noHolder = "no_holder"
    /// Neighbors have it, but would not bring it in time.
    case tooSlow = "too_slow"
    /// Peers have less to give than all want, and this is what they would not bring in time.
    case shortfall
    /// Peers brought next to nothing of the last segments, so that nothing is left to them for a while.
    case lostConfidence = "lost_confidence"

    /// Whether trees wait for the pieces, however busy the origin is. What a backup takes may be on its way to its root:
    /// where that is slow because the origin is overrun, backups without a bound would overrun it for good.
    var isShare: Bool { self == .lease }

    /// Whether peers have had their time to bring the pieces.
    var waitsForPeers: Bool {
        switch self {
        case .lease, .backup, .alone, .shortfall, .lostConfidence: false
        case .startup, .noHolder, .tooSlow: true
        }
    }

    /// What the origin is told of the request (RFC 9218; less is more urgent, 3 is usual): for a share a whole tree waits,
    /// and what is late to one viewer may be late to a thousand, who then all ask for it. Whom peers do not help is served
    /// as any player is, and so is the little with which a picture begins.
    package var urgency: Int {
        switch self {
        case .lease, .backup: 1
        case .alone, .lostConfidence: 3
        case .noHolder, .tooSlow, .shortfall, .startup: 5
        }
    }
}

/// A record whose signature holds; `digest` is SHA-256 of its bencoding. All that is kept of one broadcast refers to the
/// same one, however many viewers are imagined.
package final class Statement: Hashable, Sendable {
    package let record: Record
    package let digest: Word256

    package init(_ record: Record, digest: Word256) {
        self.record = record
        self.digest = digest
    }

    package static func == (a: Statement, b: Statement) -> Bool {
        a === b || a.digest == b.digest && a.record == b.record
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// What is known of another peer by hearsay. All viewers who have heard the same may refer to the same one.
package final class Contact: Hashable, Sendable {
    package let introduction: Introduction

    package init(_ introduction: Introduction) { self.introduction = introduction }

    var peer: PeerID { introduction.peer }
    var endpoint: Endpoint { introduction.endpoint }

    package static func == (a: Contact, b: Contact) -> Bool { a === b || a.introduction == b.introduction }

    package func hash(into hasher: inout Hasher) { hasher.combine(introduction) }
}

extension Swarm.Fact {
    package static func recordVerified(_ record: Record, digest: Word256, from source: Source) -> Swarm.Fact {
        .stated(Statement(record, digest: digest), from: source)
    }

    package static func introduced(by link: LinkID, _ introductions: [Introduction]) -> Swarm.Fact {
        .named(by: link, introductions.map { Contact($0) })
    }

    package static func welcomed(_ welcome: Welcome) -> Swarm.Fact {
        .answered(welcome, naming: welcome.neighbors.map { Contact($0) })
    }
}

extension Swarm {
    /// What the shell tells the core. Whatever needs bytes or cryptography has been checked by the shell.
    package enum Fact: Hashable, Sendable {
        /// The handshake has proved who is at the other end; `endpoint` is where we dialled, if we did. Where both
        /// dialled and one connection came of it, `isOurs` says whose it is, at both ends the same; else who dialled.
        case linked(LinkID, PeerID, endpoint: Endpoint?, isOurs: Bool? = nil)
        case linkLost(LinkID)
        case dialFailed(PeerID)
        /// The neighbor's hello; `endpoint` is where it takes links, if it does.
        case greeted(LinkID, uploads: Bool, endpoint: Endpoint?)
        case named(by: LinkID, [Contact])
        case heard(LinkID)
        /// It has answered a ping.
        case ponged(LinkID)

        case stated(Statement, from: Source)
        /// Hashes of all pieces of a segment, checked against its record's root and kept by the shell.
        case leavesVerified(SegmentID, from: Source)
        case leavesWanted(LinkID, SegmentID)

        /// A piece came before the leaf hashes that could check it; the shell keeps it until they come.
        case pieceEarly(SegmentID, from: Source)

        /// All that the neighbor holds of a segment.
        case holds(LinkID, SegmentID, PieceSet)
        case fetching(LinkID, SegmentID, [Int])
        case wanted(LinkID, SegmentID, [Int])
        case cancelled(LinkID, SegmentID, [Int])
        case declined(LinkID, SegmentID, [Int])
        case choked(LinkID)
        case unchoked(LinkID)
        /// What the neighbor can push; replaces what it said before.
        case offered(LinkID, [Offer])
        /// The stripes that the neighbor wants pushed; replaces what it said before.
        case subscribed(LinkID, StripeSet)
        /// The neighbor does not push these stripes, or no longer.
        case refused(LinkID, StripeSet)

        /// A piece that matches its leaf hash; the shell has stored it.
        case pieceVerified(PieceID, from: Source)
        /// A sent piece has been acknowledged by the other end's machine, or never will be.
        case pieceSent(LinkID, PieceID)
        /// The other end broke a rule that no honest peer breaks.
        case misbehaved(LinkID, Goodbye)

        case headArrived(oldest: UInt64, newest: UInt64, targetDuration: Int, isClosed: Bool)
        case headFailed
        /// All records of a `.fetchRecords` have been told, with their leaf hashes. A head brings its newest record along,
        /// told before `.headArrived`.
        case recordsDone
        case recordsFailed
        case fetchDone(FetchID)
        case fetchFailed(FetchID)

        /// The tracker has answered; the contacts are the neighbors in its welcome.
        indirect case answered(Welcome, naming: [Contact])
        case announceFailed
        /// The tracker says that somebody dials us now, whom we have to dial as well.
        case called(Introduction)
        /// Connections from the port that takes links come from this one, as the tracker sees them.
        case portSeen(UInt16)
        case portAskFailed

        /// The player asked for a segment; it may wait for it.
        case playerAsked(SegmentID)
        /// The last byte of a segment went to the player.
        case playerReceived(SegmentID)

        case timePassed
        case stopped
    }

    /// What the core tells the shell to do.
    package enum Command: Hashable, Sendable {
        case dial(PeerID, Endpoint)
        /// Dial from the port that takes links, so that our NAT lets in who dials us at the same time.
        case punch(PeerID, Endpoint)
        case greet(LinkID)
        case close(LinkID, Goodbye)
        case introduce(LinkID, [Introduction])
        case ping(LinkID)

        /// Keep the record of the fact that is being handled; list it in the playlist.
        case accept(SegmentID)
        /// Forget the record, the leaf hashes and the bytes of a segment.
        case forget(SegmentID)
        /// Forget only the bytes of a segment.
        case drop(SegmentID)
        case sendRecord(LinkID, SegmentID)
        case askLeaves(LinkID, SegmentID)
        case sendLeaves(LinkID, SegmentID)

        case sendHolds(LinkID, SegmentID, PieceSet)
        case sendFetching(LinkID, SegmentID, [Int])
        case want(LinkID, SegmentID, [Int])
        case cancel(LinkID, SegmentID, [Int])
        case decline(LinkID, SegmentID, [Int])
        case choke(LinkID)
        case unchoke(LinkID)
        case offer(LinkID, [Offer])
        case subscribe(LinkID, StripeSet)
        case refuse(LinkID, StripeSet)
        case sendPiece(LinkID, PieceID)

        /// Ask for the head; `after` makes the origin wait until there is news.
        case fetchHead(after: UInt64?)
        case fetchRecords(rendition: UInt8, ClosedRange<UInt64>)
        /// Ask the origin for consecutive pieces. Every piece becomes a fact as it verifies, then `.fetchDone`.
        case fetchPieces(FetchID, SegmentID, Range<Int>, FetchReason)
        case abandonFetch(FetchID)

        indirect case announce(Announcement)
        /// Ask the tracker from which port connections come that leave from the one that takes links.
        case askPort
        /// The origin signed two different records for one number: links are closed for good.
        case stopSharing
    }
}
