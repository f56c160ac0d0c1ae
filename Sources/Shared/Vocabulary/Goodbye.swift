/// Why a link ends.
package enum Goodbye: UInt8, Hashable, Sendable, CaseIterable {
    case leaving = 0
    case full = 1
    case duplicate = 2
    case otherBroadcast = 3
    case badPiece = 4
    case badRecord = 5
    case protocolViolation = 6
    case silent = 7
    case useless = 8
}
