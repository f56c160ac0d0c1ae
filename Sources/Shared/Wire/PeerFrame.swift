package import NIOCore
package import Vocabulary

/// One message between two linked peers, as it stands inside a sealed frame. Numbers are big-endian.
///
/// A link carries one broadcast, so no frame names it after `hello`.
package enum PeerFrame: Hashable, Sendable {
    /// The first frame each way: who I am in this broadcast.
    case hello(Greeting)
    /// A signed record, for whoever has not seen it.
    case record([UInt8])
    case leavesWanted(SegmentID)
    case leaves(SegmentID, [Word256])
    /// All that I hold of a segment; replaces what I said before.
    case have(SegmentID, PieceSet)
    /// Pieces that I am fetching from the origin now: no need for you to.
    case fetching(SegmentID, [Int])
    case want(SegmentID, [Int])
    case cancel(SegmentID, [Int])
    /// Wanted pieces that will not come.
    case decline(SegmentID, [Int])
    case piece(SegmentID, Int, ByteBuffer)
    case choke
    case unchoke
    /// What I can push; replaces what I said before.
    case offer([Offer])
    /// The stripes that I want pushed; replaces what I said before.
    case subscribe(StripeSet)
    /// Stripes that I do not push, or no longer.
    case refuse(StripeSet)
    case peers([Introduction])
    case ping(UInt64)
    case pong(UInt64)
    case goodbye(Goodbye)
    /// A type from a later version; it is skipped.
    case unknown(UInt8)
}

/// What a peer says of itself when a link opens.
package struct Greeting: Hashable, Sendable {
    package static let version: UInt8 = 2

    package var broadcast: BroadcastID
    /// The TCP port that takes links; 0 for none.
    package var port: UInt16
    package var rendition: UInt8
    /// Whether the peer gives pieces at all.
    package var uploads: Bool

    package init(broadcast: BroadcastID, port: UInt16, rendition: UInt8, uploads: Bool) {
        self.broadcast = broadcast
        self.port = port
        self.rendition = rendition
        self.uploads = uploads
    }
}

extension PeerFrame {
    fileprivate enum Kind: UInt8 {
        case hello, record, leavesWanted, leaves, have, fetching, want, cancel, decline, piece
        case choke, unchoke, offer, subscribe, refuse, peers, ping, pong, goodbye
    }

    /// Bytes of a `piece` frame before the piece itself.
    package static let pieceHeaderLength = 12

    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .hello(let greeting):
            buffer.writeInteger(Kind.hello.rawValue)
            buffer.writeInteger(Greeting.version)
            buffer.writeWord(greeting.broadcast.key)
            buffer.writeInteger(greeting.port)
            buffer.writeInteger(greeting.rendition)
            buffer.writeInteger(greeting.uploads ? 1 : 0, as: UInt8.self)
        case .record(let sealed):
            buffer.writeInteger(Kind.record.rawValue)
            buffer.writeBytes(sealed)
        case .leavesWanted(let segment): buffer.write(.leavesWanted, segment)
        case .leaves(let segment, let leaves):
            buffer.write(.leaves, segment)
            for leaf in leaves { buffer.writeBytes(leaf.bytes) }
        case .have(let segment, let pieces):
            buffer.write(.have, segment)
            buffer.writeInteger(UInt16(clamping: pieces.count))
            buffer.writeBytes(pieces.bytes)
        case .fetching(let segment, let indices): buffer.write(.fetching, segment, indices)
        case .want(let segment, let indices): buffer.write(.want, segment, indices)
        case .cancel(let segment, let indices): buffer.write(.cancel, segment, indices)
        case .decline(let segment, let indices): buffer.write(.decline, segment, indices)
        case .piece(let segment, let index, let bytes):
            buffer.write(.piece, segment, [index])
            buffer.writeImmutableBuffer(bytes)
        case .choke: buffer.writeInteger(Kind.choke.rawValue)
        case .unchoke: buffer.writeInteger(Kind.unchoke.rawValue)
        case .offer(let offers):
            buffer.writeInteger(Kind.offer.rawValue)
            for offer in offers {
                let stripe = UInt8(offer.stripe.number) | (offer.isRelay ? 0x80 : 0)
                for number in [stripe, offer.depth, offer.children, offer.slots] {
                    buffer.writeInteger(number)
                }
            }
        case .subscribe(let stripes):
            buffer.writeInteger(Kind.subscribe.rawValue)
            buffer.writeInteger(stripes.bits)
        case .refuse(let stripes):
            buffer.writeInteger(Kind.refuse.rawValue)
            buffer.writeInteger(stripes.bits)
        case .peers(let introductions):
            buffer.writeInteger(Kind.peers.rawValue)
            for introduction in introductions {
                buffer.writeWord(introduction.peer.key)
                buffer.writeInteger(UInt8(introduction.endpoint.ip.length))
                buffer.writeAddress(introduction.endpoint.ip)
                buffer.writeInteger(introduction.endpoint.port)
            }
        case .ping(let nonce):
            buffer.writeInteger(Kind.ping.rawValue)
            buffer.writeInteger(nonce)
        case .pong(let nonce):
            buffer.writeInteger(Kind.pong.rawValue)
            buffer.writeInteger(nonce)
        case .goodbye(let reason):
            buffer.writeInteger(Kind.goodbye.rawValue)
            buffer.writeInteger(reason.rawValue)
        case .unknown(let type): buffer.writeInteger(type)
        }
    }

    /// Takes one whole frame; every byte of it must belong.
    package init(parsing frame: ByteBuffer) throws(WireError) {
        guard frame.readableBytes <= Limits.frameLength else {
            throw .oversized(length: frame.readableBytes, limit: Limits.frameLength)
        }
        var rest = frame
        let type: UInt8 = try rest.take()
        guard let kind = Kind(rawValue: type) else {
            self = .unknown(type)
            return
        }
        self = try Self.parse(kind, from: &rest)
        guard rest.readableBytes == 0 else { throw .trailingBytes }
    }

    private static func parse(_ kind: Kind, from rest: inout ByteBuffer) throws(WireError) -> PeerFrame {
        switch kind {
        case .hello: return .hello(try greeting(from: &rest))
        case .record:
            let limit = Limits.recordLength + 64
            guard rest.readableBytes <= limit else { throw .oversized(length: rest.readableBytes, limit: limit) }
            return .record(try rest.takeBytes(rest.readableBytes))
        case .leavesWanted: return .leavesWanted(try rest.takeSegment())
        case .leaves:
            let segment = try rest.takeSegment()
            let limit = Limits.piecesPerSegment * 32
            guard rest.readableBytes <= limit else { throw .oversized(length: rest.readableBytes, limit: limit) }
            return .leaves(segment, try LeafHashes.parse(rest.takeBytes(rest.readableBytes)))
        case .have:
            let segment = try rest.takeSegment()
            let count = Int(try rest.take() as UInt16)
            guard (1...Limits.piecesPerSegment).contains(count) else { throw .outOfRange("pieces") }
            guard let pieces = PieceSet(count: count, bytes: try rest.takeBytes((count + 7) / 8)) else {
                throw .notCanonical
            }
            return .have(segment, pieces)
        case .fetching: return .fetching(try rest.takeSegment(), try rest.takeIndices())
        case .want: return .want(try rest.takeSegment(), try rest.takeIndices())
        case .cancel: return .cancel(try rest.takeSegment(), try rest.takeIndices())
        case .decline: return .decline(try rest.takeSegment(), try rest.takeIndices())
        case .piece:
            let segment = try rest.takeSegment()
            let index = try rest.takeIndex()
            guard (1...PieceID.length).contains(rest.readableBytes) else { throw .outOfRange("piece") }
            guard let bytes = rest.readSlice(length: rest.readableBytes) else { throw .truncated }
            return .piece(segment, index, bytes)
        case .choke: return .choke
        case .unchoke: return .unchoke
        case .offer: return .offer(try offers(from: &rest))
        case .subscribe: return .subscribe(StripeSet(bits: try rest.take()))
        case .refuse: return .refuse(StripeSet(bits: try rest.take()))
        case .peers: return .peers(try introductions(from: &rest))
        case .ping: return .ping(try rest.take())
        case .pong: return .pong(try rest.take())
        case .goodbye:
            guard let reason = Goodbye(rawValue: try rest.take()) else { throw .outOfRange("reason") }
            return .goodbye(reason)
        }
    }

    private static func greeting(from rest: inout ByteBuffer) throws(WireError) -> Greeting {
        let version: UInt8 = try rest.take()
        guard version == Greeting.version else { throw .outOfRange("version") }
        let broadcast = BroadcastID(try rest.takeWord())
        let port: UInt16 = try rest.take()
        let rendition: UInt8 = try rest.take()
        guard rendition < Limits.renditions else { throw .outOfRange("rendition") }
        let uploads: UInt8 = try rest.take()
        guard uploads <= 1 else { throw .notCanonical }
        return Greeting(broadcast: broadcast, port: port, rendition: rendition, uploads: uploads == 1)
    }

    /// Each stripe at most once, ascending.
    private static func offers(from rest: inout ByteBuffer) throws(WireError) -> [Offer] {
        let limit = Stripe.count * 4
        guard rest.readableBytes <= limit else { throw .oversized(length: rest.readableBytes, limit: limit) }
        var offers: [Offer] = []
        while rest.readableBytes > 0 {
            let first: UInt8 = try rest.take()
            guard let stripe = Stripe(Int(first & 0x7F)) else { throw .outOfRange("stripe") }
            if let last = offers.last, stripe <= last.stripe { throw .notCanonical }
            offers.append(
                Offer(
                    stripe: stripe, depth: try rest.take(), children: try rest.take(), slots: try rest.take(),
                    isRelay: first & 0x80 != 0))
        }
        return offers
    }

    private static func introductions(from rest: inout ByteBuffer) throws(WireError) -> [Introduction] {
        var introductions: [Introduction] = []
        while rest.readableBytes > 0 {
            guard introductions.count < Limits.peersPerFrame else { throw .tooMany }
            let peer = PeerID(try rest.takeWord())
            let length: UInt8 = try rest.take()
            guard length == 4 || length == 16 else { throw .outOfRange("address") }
            let address = try rest.takeBytes(Int(length))
            let port: UInt16 = try rest.take()
            guard let endpoint = Endpoint(address: address, port: port) else { throw .outOfRange("address") }
            introductions.append(Introduction(peer: peer, endpoint: endpoint))
        }
        return introductions
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ kind: PeerFrame.Kind, _ segment: SegmentID, _ indices: [Int] = []) {
        writeInteger(kind.rawValue)
        writeInteger(segment.rendition)
        writeInteger(segment.sequence)
        for index in indices { writeInteger(UInt16(clamping: index)) }
    }

    package mutating func take<Number: FixedWidthInteger>() throws(WireError) -> Number {
        guard let number = readInteger(as: Number.self) else { throw .truncated }
        return number
    }

    package mutating func takeBytes(_ count: Int) throws(WireError) -> [UInt8] {
        guard let bytes = readBytes(length: count) else { throw .truncated }
        return bytes
    }

    package mutating func writeWord(_ word: Word256) {
        writeInteger(word.words.0)
        writeInteger(word.words.1)
        writeInteger(word.words.2)
        writeInteger(word.words.3)
    }

    /// 4 or 16 bytes.
    package mutating func writeAddress(_ ip: IPAddress) {
        if let v4 = ip.v4 {
            writeInteger(v4)
        } else {
            writeInteger(ip.high)
            writeInteger(ip.low)
        }
    }

    package mutating func takeWord() throws(WireError) -> Word256 {
        guard readableBytes >= 32 else { throw .truncated }
        return Word256(try take(), try take(), try take(), try take())
    }

    fileprivate mutating func takeSegment() throws(WireError) -> SegmentID {
        let rendition: UInt8 = try take()
        guard rendition < Limits.renditions else { throw .outOfRange("rendition") }
        let sequence: UInt64 = try take()
        guard sequence <= UInt64(Limits.sequence) else { throw .outOfRange("sequence") }
        return SegmentID(rendition: rendition, sequence: sequence)
    }

    fileprivate mutating func takeIndex() throws(WireError) -> Int {
        let index = Int(try take() as UInt16)
        guard index < Limits.piecesPerSegment else { throw .outOfRange("piece") }
        return index
    }

    fileprivate mutating func takeIndices() throws(WireError) -> [Int] {
        guard readableBytes <= Limits.piecesPerSegment * 2 else {
            throw .oversized(length: readableBytes, limit: Limits.piecesPerSegment * 2)
        }
        guard readableBytes > 0 else { throw .truncated }
        var indices: [Int] = []
        indices.reserveCapacity(readableBytes / 2)
        while readableBytes > 0 { indices.append(try takeIndex()) }
        return indices
    }
}
