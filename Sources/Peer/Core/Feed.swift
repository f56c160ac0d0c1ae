import Vocabulary

/// How one stripe comes to us: who pushes it, and how far from the origin that is.
struct Feed: Sendable {
    /// The neighbor that pushes the stripe; `nil` while there is none.
    private(set) var parent: LinkID?
    /// Since when it does. Segments whose record is older are not pushed in full.
    private(set) var since = Instant.distantFuture
    /// How many peers the stripe passes before us; `Offer.unrooted` when it does not reach us.
    var depth = Offer.unrooted
    /// What we said our depth is, while it was; those below us are deeper.
    private(set) var stated = Offer.unrooted
    /// Since when nobody pushes the stripe. While we stand in for the root that we had and lost, which is until then, the
    /// stripe counts as if it still came from there: we take it from the origin ourselves, and those below us notice nothing.
    private var orphaned = Instant.zero
    /// When the parent last pushed a piece.
    var lastPiece = Instant.zero
    /// When the parent last had the stripe itself.
    var lastRooted = Instant.zero
    /// Since when the stripe does not come; `nil` while the parent pushes most of each segment. A parent that nothing has
    /// come from yet is only hope.
    private(set) var missed: Instant? = .zero
    /// Segments in a row of which most of the stripe had to be pulled from others.
    var lags = 0
    /// Neighbors that refused or failed, and until when they are left alone.
    private var avoided: [(link: LinkID, until: Instant)] = []

    /// Longer ways are loops, or of no use.
    static let deepest: UInt8 = 20
    /// Who is further away pushes a stripe on only when it is its duty.
    static let deepestVolunteer: UInt8 = 2
    /// How long a parent may be without the stripe itself before another is sought.
    static let grace = Interval.milliseconds(1_200)
    /// After that long the next root is known, or will not come.
    private static let standInTime = Interval.seconds(15)

    mutating func follow(_ link: LinkID, depth: UInt8, at now: Instant) {
        parent = link
        since = now
        self.depth = depth &+ 1
        stated = self.depth
        lastPiece = now
        lastRooted = now
        lags = 0
    }

    /// Lets go of the parent and leaves it alone for `pause`.
    mutating func leave(for pause: Interval, at now: Instant) {
        guard let parent else { return }
        avoided.removeAll { now >= $0.until || $0.link == parent }
        avoided.append((parent, now + pause))
        cut(at: now)
    }

    mutating func forget(_ link: LinkID, at now: Instant) {
        avoided.removeAll { $0.link == link }
        if parent == link { cut(at: now) }
    }

    /// A segment is complete that the parent could have pushed in full.
    mutating func judge(isPushed: Bool, at now: Instant) { missed = isPushed ? nil : missed ?? now }

    /// The link to the root itself has ended.
    mutating func standIn(at now: Instant) {
        parent = nil
        since = .distantFuture
        missed = missed ?? now
        orphaned = now + Self.standInTime
    }

    func standsIn(at now: Instant) -> Bool { parent == nil && now < orphaned }

    /// Nobody is found to follow in time.
    mutating func giveUpStandingIn(at now: Instant) -> Bool {
        guard parent == nil, depth != Offer.unrooted, now >= orphaned else { return false }
        depth = Offer.unrooted
        return true
    }

    private mutating func cut(at now: Instant) {
        parent = nil
        since = .distantFuture
        depth = Offer.unrooted
        orphaned = now
        missed = missed ?? now
    }

    /// Whether a neighbor at `depth` cannot hang below us, so that following it makes no ring: it is nearer to the origin
    /// than we were (the feasibility condition of RFC 8966, section 2.4), or those below us have had time to let go.
    func isFeasible(_ depth: UInt8, at now: Instant) -> Bool {
        depth < stated || parent == nil && now - orphaned > Self.grace
    }

    mutating func rise(to depth: UInt8, at now: Instant) {
        self.depth = depth
        stated = depth
        lastRooted = now
    }

    func avoids(_ link: LinkID, at now: Instant) -> Bool { avoided.contains { $0.link == link && now < $0.until } }
}
