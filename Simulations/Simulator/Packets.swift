/// What the network adds to what hosts say: TCP over IPv4 on a path of 1,500-byte packets.
enum Packets {
    /// Headers of each packet: 20 bytes of IPv4, 20 of TCP and 12 of its timestamps.
    static let headers = 52
    /// Bytes that a packet carries beside its headers.
    static let payload = 1_448
    /// A UDP datagram's headers over IPv4.
    static let datagramHeaders = 28
    /// Packets that a connection sends before the first acknowledgement, or after a pause (RFC 6928).
    static let initialWindow = 10
    /// Bytes of a frame around its content: its length and its seal.
    static let frame = 2 + 16
    /// A `piece` frame's own bytes before the piece: its type, its segment and its index.
    static let pieceHeader = 1 + 9 + 2
    /// Headers of an HTTP request, and those of a response.
    static let request = 250
    static let response = 250

    /// How many packets carry `bytes`.
    static func count(_ bytes: Int) -> Int { (bytes + payload - 1) / payload }

    /// `bytes` with the headers of their packets.
    static func onWire(_ bytes: Int) -> Int { bytes + count(bytes) * headers }

    /// Bytes that acknowledge `packets`: every second packet has one (RFC 1122, section 4.2.3.2).
    static func acknowledgements(_ packets: Int) -> Int { packets * headers / 2 }

    /// Bytes of a piece of `length` with its frame, before TCP cuts them into packets.
    static func framed(_ length: Int) -> Int { length + pieceHeader + frame }
}
