/// Every bound on what comes from outside, in one table. Each is checked before anything is allocated.
package enum Limits {
    /// Pieces of one segment: all their hashes fit into one frame.
    package static let piecesPerSegment = 2_000
    /// Bytes of one segment.
    package static let segmentLength = piecesPerSegment * PieceID.length
    /// Bytes of one initialization section.
    package static let initializationLength = 256 << 10
    /// Renditions of one broadcast.
    package static let renditions = 8
    /// A segment's playing time, in microseconds.
    package static let duration: ClosedRange<Int64> = 1...60_000_000
    /// The highest sequence number; far beyond any broadcast, far from overflow.
    package static let sequence: Int64 = 1 << 48
    /// The latest program time, in milliseconds of Unix time (the year 4647).
    package static let unixMilliseconds: Int64 = 1 << 46
    /// Bytes of one signed record.
    package static let recordLength = 1_024
    /// Bytes of one signed head.
    package static let headLength = 64 << 10
    /// Bytes of one answer that lists records.
    package static let recordsLength = 2 << 20
    /// Records in one answer.
    package static let recordsPerAnswer = 64
    /// Bytes of a broadcast's title in UTF-8.
    package static let titleLength = 256
    /// Bytes of a broadcast's description in UTF-8, and of one tag; tags of one broadcast; bytes of a language tag.
    package static let descriptionLength = 1_024
    package static let tagLength = 64
    package static let tags = 16
    package static let languageLength = 35
    /// Bytes of an address that a listing names.
    package static let urlLength = 1_024
    /// Pixels of a picture's side, and bits per second of a rendition, that a listing may claim.
    package static let pixels: Int64 = 65_535
    package static let bitsPerSecond: Int64 = 10_000_000_000
    /// Bytes of a search in the directory, words in it, and broadcasts on one page.
    package static let searchLength = 256
    package static let searchWords = 8
    package static let broadcastsPerPage = 1_000
    /// Viewers that follow the directory's changes at one tracker, and of them at one address.
    package static let followers = 1_000
    package static let followersPerAddress = 32
    /// Trackers of one broadcast.
    package static let trackers = 16
    /// Lines of an allow or deny list, and bytes of a file that an operator writes.
    package static let accessEntries = 1_000_000
    package static let operatorFileLength = 128 << 20
    /// Bytes of one peer frame, its type included and its seal not: a Noise message has at most 65,535 bytes.
    package static let frameLength = 65_535 - 16
    /// Pieces that one neighbor may have asked for and not yet received.
    package static let wantsPerLink = 128
    /// Pieces that are kept although the hashes that check them have not come: of all neighbors, and of one.
    package static let earlyPieces = 512
    package static let earlyPiecesPerLink = 128
    /// Peers in one `peers` frame.
    package static let peersPerFrame = 30
    /// Neighbors in one welcome.
    package static let introductions = 30
    /// Links of one agent, inbound and outbound together.
    package static let links = 60
    /// Links that others may open, so that a flood of them cannot keep us from opening our own.
    package static let linksTaken = 40
    /// Links that one address may open; this machine's own may open as many as there is room for.
    package static let linksPerAddress = 6
    /// Bytes of memory that hold what was sealed for one link and the network has not yet taken.
    package static let linkBacklog = 4 << 20
    /// Records and lists of leaf hashes that one neighbor may send at once, and how many a second in the long run:
    /// signatures and hashes cost CPU time.
    package static let recordBurst = 256
    package static let recordsPerSecond = 20
    /// Seconds between two announces, whatever the tracker says.
    package static let announceInterval = 2...120
    /// Bytes of one tracker datagram.
    package static let datagramLength = 1_400
    /// Bytes of the longest that anybody may send to the tracker's UDP port: a scrape of 74 hashes.
    package static let datagramReceived = 16 + 20 * scrapeHashes
    /// Hashes of one scrape over UDP (BEP 15), and over HTTP.
    package static let scrapeHashes = 74
    /// Bytes of one message over a WebSocket, and offers in one announce there.
    package static let socketMessage = 64 << 10
    package static let socketOffers = 20
    /// Seconds between two announces over a WebSocket.
    package static let socketInterval = 120
    /// `name=value` pairs of one announce over HTTP.
    package static let queryItems = 96
    /// BitTorrent peers in one answer: what fits into a datagram that is never cut, 1,220 and 1,208 bytes of it.
    package static let swarmPeersV4 = 200
    package static let swarmPeersV6 = 66
    /// Containers within containers in bencoded bytes.
    package static let bencodeDepth = 8
    /// Values in bencoded bytes.
    package static let bencodeValues = 4_096
    /// Bytes of one RTMP message, and of all that are not complete, before the sender has shown a right key.
    package static let rtmpCommand = 64 << 10
    /// Bytes of one RTMP message, such as a keyframe.
    package static let rtmpMessage = 8 << 20
    /// Bytes of all messages of one connection that are not complete.
    package static let rtmpPending = 16 << 20
    /// Chunk streams of one connection.
    package static let rtmpChunkStreams = 64
    /// Values in one RTMP command, and how deep they may lie in each other.
    package static let amfValues = 1_024
    package static let amfDepth = 8
    /// Bytes of one string in an RTMP command.
    package static let amfText = 64 << 10
    /// Bytes of a stream key as an encoder sends it.
    package static let streamKeyLength = 256
    /// Connections of encoders, and how many one address may have.
    package static let encoders = 256
    package static let encodersPerAddress = 32
    /// Addresses whose wrong stream keys are counted.
    package static let guessers = 4_096
}
