/// What a peer tells the tracker about itself, and how often it does is the tracker's answer.
package struct Announcement: Hashable, Sendable {
    package enum Event: UInt8, Sendable { case none = 0, joined = 1, left = 2 }

    package var broadcast: BroadcastID
    package var peer: PeerID
    package var event: Event
    /// The TCP port that takes links; 0 when the peer takes none. The address is the announce's own source.
    package var port: UInt16
    package var rendition: UInt8
    /// The newest sequence number whose segment the peer holds complete; 0 with an empty `held` for none.
    package var newest: UInt64
    /// Which of the segments `newest - 63 ... newest` the peer holds: bit k stands for `newest - k`.
    package var held: UInt64
    /// Upload that the peer could still give, in bytes per second; 0 when it gives none.
    package var freeUpload: UInt64
    /// How many neighbors the peer wants to hear of.
    package var wanted: UInt8
    /// Stripes of which no neighbor has pushed most of a whole segment since the peer joined or lost who pushed them.
    package var lacking: StripeSet
    /// Roots of segments that the peer has newly completed, so that others can ask who has them.
    package var roots: [Root]

    /// What one announce may carry.
    package static let rootLimit = 16

    package init(
        broadcast: BroadcastID, peer: PeerID, event: Event = .none, port: UInt16, rendition: UInt8 = 0,
        newest: UInt64 = 0, held: UInt64 = 0, freeUpload: UInt64 = 0, wanted: UInt8 = 30, lacking: StripeSet = .all,
        roots: [Root] = []
    ) {
        self.broadcast = broadcast
        self.peer = peer
        self.event = event
        self.port = port
        self.rendition = rendition
        self.newest = newest
        self.held = held
        self.freeUpload = freeUpload
        self.wanted = wanted
        self.lacking = lacking
        self.roots = roots
    }
}

/// The right and duty to take a share of new pieces from the origin: a stripe belongs to the holder whose `index` is
/// its number modulo `count`.
package struct Lease: Hashable, Sendable {
    package var index: Int
    package var count: Int
    /// Changes whenever the set of injectors does.
    package var epoch: UInt32

    package init(index: Int, count: Int, epoch: UInt32) {
        self.index = index
        self.count = count
        self.epoch = epoch
    }

    /// How many holders come before this one for `stripe`: 0 for the one whose share it is.
    package func rank(for stripe: Stripe) -> Int { (index - stripe.number % count + count) % count }
}

/// Another peer and where to reach it.
package struct Introduction: Hashable, Sendable {
    package var peer: PeerID
    package var endpoint: Endpoint

    package init(peer: PeerID, endpoint: Endpoint) {
        self.peer = peer
        self.endpoint = endpoint
    }
}

/// The tracker's answer to an announcement.
package struct Welcome: Hashable, Sendable {
    /// When to announce again, in seconds.
    package var interval: Int
    package var viewers: Int
    /// The newest sequence number that anybody has announced.
    package var newest: UInt64
    package var lease: Lease?
    /// The stripe that the peer is to push on.
    package var duty: Stripe
    /// The tracker has dialled the peer in vain, and brings it together with others who dial at the same time.
    package var isUnreachable: Bool
    package var neighbors: [Introduction]

    package init(
        interval: Int = 0, viewers: Int = 0, newest: UInt64 = 0, lease: Lease? = nil, duty: Stripe = Stripe.all[0],
        isUnreachable: Bool = false, neighbors: [Introduction] = []
    ) {
        self.interval = interval
        self.viewers = viewers
        self.newest = newest
        self.lease = lease
        self.duty = duty
        self.isUnreachable = isUnreachable
        self.neighbors = neighbors
    }
}
