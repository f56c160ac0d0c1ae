/// What has happened so far, for people to read.
package struct Tally: Hashable, Sendable {
    package var bytesFromPeers = 0
    package var bytesFromOrigin = 0
    package var bytesUploaded = 0
    package var duplicateBytes = 0
    package var piecesRefused = 0
    package var recordsRefused = 0
    /// Pieces that neighbors pushed and those that they brought because they were asked.
    package var piecesPushed = 0
    package var piecesPulled = 0
    package var wantsTimedOut = 0
    /// Parents left because they were slow or silent.
    package var parentsLeft = 0
    package var peersBanned = 0
    /// Pieces asked of the origin, by reason.
    package var fetched: [FetchReason: Int] = [:]

    /// Announces that no tracker answered; what repeats one until it is answered is not counted again.
    package var announcesMissed = 0

    package init() {}
}
