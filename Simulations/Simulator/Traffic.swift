/// Bytes that are no piece, by what they say.
package struct Traffic: Hashable, Sendable {
    package enum Kind: Int, CaseIterable, Sendable {
        /// Handshakes, hellos, introductions, pings, goodbyes.
        case links
        case records, leaves
        /// Who holds or is fetching what.
        case haves
        /// Wants, what takes them back and what declines them.
        case wants
        /// Offers, subscriptions and refusals of stripes; chokes.
        case offers
        /// Requests and response headers, and heads.
        case http
        case tracker
        /// A piece's own frame.
        case pieceFrames
        /// TCP/IP headers of packets with content.
        case headers
        /// Packets that only acknowledge.
        case acknowledgements
    }

    private var bytes = [Int](repeating: 0, count: Kind.allCases.count)

    package init() {}

    package subscript(_ kind: Kind) -> Int {
        get { bytes[kind.rawValue] }
        set { bytes[kind.rawValue] = newValue }
    }

    /// What the protocol itself says: frames, requests and announces without the packets' headers.
    package var control: Int {
        Kind.allCases.reduce(0) { $0 + ($1 == .headers || $1 == .acknowledgements ? 0 : self[$1]) }
    }
}
