/// What an origin tells the tracker about its broadcast, so that viewers find it. Signed on the wire.
package struct Listing: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable {
        case ready = "READY"
        case streaming = "STREAMING"
        case closed = "CLOSED"
    }

    package var broadcast: BroadcastID
    /// When this was signed, in milliseconds of Unix time; a newer listing replaces an older one, never the reverse.
    package var time: Int64
    package var title: String
    package var status: Status
    /// EXT-X-TARGETDURATION, in seconds.
    package var targetDuration: Int
    /// The playlist for players without an agent.
    package var hls: String
    /// When the broadcast began, in milliseconds of Unix time.
    package var started: Int64
    package var newest: UInt64
    /// Roots of the newest segments, newest first; at most `Announcement.rootLimit`.
    package var roots: [Root]

    package init(
        broadcast: BroadcastID, time: Int64, title: String, status: Status, targetDuration: Int, hls: String,
        started: Int64, newest: UInt64, roots: [Root] = []
    ) {
        self.broadcast = broadcast
        self.time = time
        self.title = title
        self.status = status
        self.targetDuration = targetDuration
        self.hls = hls
        self.started = started
        self.newest = newest
        self.roots = roots
    }
}
