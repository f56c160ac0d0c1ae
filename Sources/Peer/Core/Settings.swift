package import Vocabulary

/// What one peer is told at its start. Times that follow from the broadcast are derived, not set.
package struct Settings: Sendable {
    package var broadcast: BroadcastID
    package var me: PeerID
    /// The TCP port that takes links; 0 for none.
    package var port: UInt16
    package var rendition: UInt8 = 0
    package var uploads = true
    /// There is a tracker to wait for, which says how many others watch.
    package var hasTracker = true
    /// Bytes per second that links may carry away; `nil` for no cap.
    package var uploadLimit: Int?
    /// Neighbors whose wants are served at the same time.
    package var uploadSlots = 8
    /// Links that we open; others may open as many more to us.
    package var wantedNeighbors = 10
    /// Links up to which we go on dialling while we know nobody for some stripe.
    package var mostNeighbors = 24
    /// Segments that stay listed in the playlist.
    package var window = 15
    /// Bytes of segments kept in memory.
    package var storeLimit = 256 << 20
    /// How much is to be played before the newest segment when a player starts: time for that one to come through the
    /// swarm.
    package var startBuffer = Interval.seconds(4)
    /// How long the first segment may take from peers before the origin is asked, too.
    package var startPatience = Interval.milliseconds(600)
    /// How often the core looks at its clock while anything is missing.
    package var tick = Interval.milliseconds(100)
    /// How long news of what we hold is gathered before neighbors are told.
    package var gather = Interval.milliseconds(200)
    /// How long a neighbor may have had a piece before it is pulled instead of waited for.
    package var pushPatience = Interval.milliseconds(700)
    package var policies = Policies()

    package init(broadcast: BroadcastID, me: PeerID, port: UInt16) {
        self.broadcast = broadcast
        self.me = me
        self.port = port
    }
}
