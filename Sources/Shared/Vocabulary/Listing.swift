/// What an origin tells the tracker about its broadcast, so that viewers find it. Signed on the wire.
package struct Listing: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable {
        case ready = "READY"
        case streaming = "STREAMING"
        case closed = "CLOSED"
    }

    package var broadcast: BroadcastID
    /// One quality that viewers can choose, in the order of their numbers.
    package struct Rendition: Hashable, Sendable {
        /// In pixels; 0 for sound alone.
        package var width: Int
        package var height: Int
        /// Bits per second that no segment exceeds.
        package var bandwidth: Int

        package init(width: Int, height: Int, bandwidth: Int) {
            self.width = width
            self.height = height
            self.bandwidth = bandwidth
        }
    }

    /// What viewers read of a broadcast besides its title; all of it may be missing.
    package struct Details: Hashable, Sendable {
        package var description = ""
        package var tags: [String] = []
        /// A language tag (BCP 47), such as "ko" or "pt-BR".
        package var language = ""
        /// The http(s) address of a still picture.
        package var thumbnail = ""

        package init() {}
    }

    /// When this was signed, in milliseconds of Unix time; a newer listing replaces an older one, never the reverse.
    package var time: Int64
    package var title: String
    package var details: Details
    package var renditions: [Rendition]
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
        started: Int64, newest: UInt64, roots: [Root] = [], details: Details = Details(),
        renditions: [Rendition] = []
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
        self.details = details
        self.renditions = renditions
    }
}
