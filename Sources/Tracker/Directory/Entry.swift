package import Vocabulary

/// One listed broadcast.
package struct Entry: Hashable, Sendable {
    package var listing: Listing
    /// The listing as its broadcast's key signed it.
    package var sealed: [UInt8]
    /// When the broadcast was closed, in milliseconds of Unix time.
    package var ended: Int64?
    package var viewers: Int
    /// The number of its last change, of all broadcasts' changes.
    package var change: Int64
}

/// What those who follow the directory are told.
package struct Change: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case listed, changed, closed
        /// Its origin has fallen silent.
        case gone
    }

    package var number: Int64
    package var kind: Kind
    package var entry: Entry
}
