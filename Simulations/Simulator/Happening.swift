/// What the timeline holds: 24 bytes, whatever happens. Facts and answers wait in slabs, named by their place.
struct Happening {
    enum Kind: UInt8 {
        case publish, join, leave, wake, sample
        /// The player looks at the playlist.
        case play
        /// A fact for `viewer`, in the place `detail`, that has crossed no line.
        case fact
        /// A frame of `sequence` bytes reaches `viewer`'s downlink; its fact is in the place `detail`.
        case frame
        case frameThrough
        /// A piece reaches `viewer`'s downlink on `link`; `peer` sent it on `detail`.
        case piece
        case pieceThrough
        /// A piece that `viewer` sent on `link` has been acknowledged, or never will be.
        case acknowledged
        /// A piece of `viewer` waits until TCP's window opens; `detail` packets of it have been sent.
        case windowOpens
        /// The links' ends know each other: `viewer` dialled `peer`.
        case dialed
        case announced
        /// `viewer`'s answer number `detail` at the origin is asked for, or no longer wanted.
        case requested, abandoned
        /// Answer number `detail` has waited for more urgent ones as long as it may.
        case overdue
        /// The origin's uplink is free again.
        case originFree
        /// `sequence` bytes of answer number `detail` reach `viewer`'s downlink; `index` completes, unless it is none.
        case chunk
        case chunkThrough
        case chunkAcknowledged
        case originGoes
    }

    static let none = UInt16.max

    var kind: Kind
    var isPolluted = false
    var index = Happening.none
    var viewer: Int32 = -1
    var link: Int32 = -1
    var sequence: Int32 = -1
    var peer: Int32 = -1
    var detail: Int32 = -1
}
