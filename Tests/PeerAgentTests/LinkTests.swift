import Integrity
import NIOCore
import NIOEmbedded
import PeerCore
import Testing
import Vocabulary
import Wire

@testable import PeerAgent

private let broadcast = BroadcastID(Word256(1, 2, 3, 4))
private let segment = SegmentID(rendition: 0, sequence: 7)

@Suite struct `A link` {
    @Test func `proves both ends and carries frames`() throws {
        let pair = try Pair()
        try pair.shake()
        #expect(pair.dialler.owner.peer == pair.taker.identity.peer)
        #expect(pair.taker.owner.peer == pair.dialler.identity.peer)
        let piece = PeerFrame.piece(
            segment, 3, ByteBuffer(repeating: 9, count: PieceID.length))
        pair.dialler.link.send(.ping(42))
        pair.dialler.link.send(piece)
        pair.dialler.link.flush()
        try pair.pass()
        #expect(pair.taker.owner.frames == [.ping(42), piece])
    }

    @Test func `opens when both ends have dialled and one connection came of it`() throws {
        for _ in 0..<8 {
            let pair = try Pair(bothDial: true)
            try pair.shake()
            #expect(pair.dialler.owner.peer == pair.taker.identity.peer)
            #expect(pair.taker.owner.peer == pair.dialler.identity.peer)
            #expect(pair.dialler.link.isOurs != pair.taker.link.isOurs)
            pair.dialler.link.send(.ping(42))
            pair.taker.link.send(.ping(43))
            pair.dialler.link.flush()
            pair.taker.link.flush()
            try pair.pass()
            #expect(pair.taker.owner.frames == [.ping(42)] && pair.dialler.owner.frames == [.ping(43)])
        }
    }

    @Test func `ends when its first words come back as an echo`() throws {
        let pair = try Pair()
        let own = try #require(try pair.dialler.channel.readOutbound(as: ByteBuffer.self))
        try pair.dialler.channel.writeInbound(own)
        #expect(pair.dialler.owner.flaw == .handshake)
    }

    @Test func `takes its frames in any cut`() throws {
        let pair = try Pair()
        try pair.shake()
        for nonce in 0..<20 { pair.dialler.link.send(.ping(UInt64(nonce))) }
        pair.dialler.link.flush()
        while var bytes = try pair.dialler.channel.readOutbound(as: ByteBuffer.self) {
            while let byte = bytes.readSlice(length: 1) { try pair.taker.channel.writeInbound(byte) }
        }
        #expect(pair.taker.owner.frames == (0..<20).map { .ping(UInt64($0)) })
    }

    @Test func `ends when nobody shakes hands in time`() throws {
        let pair = try Pair()
        pair.taker.channel.embeddedEventLoop.advanceTime(by: .seconds(6))
        #expect(pair.taker.owner.flaw == .handshakeTimeout)
        #expect(!pair.taker.channel.isActive)
    }

    @Test func `ends when another peer answers than the one dialled`() throws {
        let pair = try Pair(expecting: PeerIdentity().peer)
        try pair.shake()
        #expect(pair.dialler.owner.flaw == .wrongPeer)
    }

    @Test func `ends when the other end watches something else`() throws {
        let pair = try Pair(otherBroadcast: BroadcastID(Word256(9, 9, 9, 9)))
        try pair.shake()
        #expect(pair.dialler.owner.flaw == .handshake)
        #expect(pair.taker.owner.peer == nil)
    }

    @Test(arguments: [[0, 0], [0, 31], [0, 33], [255, 255], [0, 96]] as [[UInt8]])
    func `ends at a handshake message of another length`(prefix: [UInt8]) throws {
        let pair = try Pair()
        try pair.taker.channel.writeInbound(ByteBuffer(bytes: prefix))
        #expect(pair.taker.owner.flaw == .handshakeLength)
        #expect(!pair.taker.channel.isActive)
    }

    @Test func `ends at a handshake of zeros`() throws {
        let pair = try Pair()
        try pair.taker.channel.writeInbound(ByteBuffer(bytes: [0, 32] + [UInt8](repeating: 0, count: 32)))
        #expect(pair.taker.owner.flaw == .handshake)
    }

    @Test(arguments: [0, 1, 15, 16])
    func `ends at a sealed frame that is too short`(length: UInt16) throws {
        let pair = try Pair()
        try pair.shake()
        try pair.taker.channel.writeInbound(ByteBuffer(integer: length))
        #expect(pair.taker.owner.flaw == .frameLength)
    }

    @Test func `ends at a flipped bit`() throws {
        let pair = try Pair()
        try pair.shake()
        pair.dialler.link.send(.choke)
        pair.dialler.link.flush()
        var bytes = try #require(try pair.dialler.channel.readOutbound(as: ByteBuffer.self))
        let last = bytes.writerIndex - 1
        bytes.setInteger(try #require(bytes.getInteger(at: last, as: UInt8.self)) ^ 1, at: last)
        try pair.taker.channel.writeInbound(bytes)
        #expect(pair.taker.owner.flaw == .seal)
        #expect(pair.taker.owner.frames.isEmpty)
    }

    @Test func `ends at a sealed frame that is no frame`() throws {
        let pair = try Pair()
        try pair.shake()
        // A `have` for no pieces at all.
        pair.dialler.link.send(.have(SegmentID(rendition: 0, sequence: 1), PieceSet(count: 0)))
        pair.dialler.link.flush()
        try pair.pass()
        #expect(pair.taker.owner.flaw == .frame)
    }

    @Test func `ends when the other end takes nothing`() throws {
        let pair = try Pair()
        try pair.shake()
        let leaves = [Word256](repeating: .zero, count: 1_900)
        for _ in 0..<100 { pair.dialler.link.send(.leaves(SegmentID(rendition: 0, sequence: 1), leaves)) }
        #expect(pair.dialler.owner.flaw == .backlog)
    }

    @Test func `ends when the other end takes none of many little frames`() throws {
        let pair = try Pair()
        try pair.shake()
        // A megabyte on the wire, and ten in memory.
        for _ in 0..<40_000 { pair.dialler.link.send(.pong(1)) }
        #expect(pair.dialler.owner.flaw == .backlog)
    }

    @Test func `holds pieces back while the socket is full, and lets everything else pass`() throws {
        let pair = try Pair()
        try pair.shake()
        let link = pair.dialler.link
        pair.dialler.channel.isWritable = false
        for index in 0..<4 { link.sendPiece(PieceID(segment, index), ByteBuffer(bytes: [UInt8(index)])) }
        link.send(.choke)
        link.flush()
        try pair.pass()
        #expect(pair.taker.owner.frames == [.choke])

        link.cancelPieces(segment, [1, 3])
        #expect(pair.dialler.owner.sent == [1, 3])
        pair.dialler.channel.isWritable = true
        pair.dialler.channel.pipeline.fireChannelWritabilityChanged()
        #expect(pair.dialler.owner.sent == [1, 3])
        try pair.pass()
        link.lookForAcknowledgements()
        #expect(pair.dialler.owner.sent == [1, 3, 0, 2])
        #expect(!link.owesPieces)
        let pieces = [0, 2].map { PeerFrame.piece(segment, $0, ByteBuffer(bytes: [UInt8($0)])) }
        #expect(pair.taker.owner.frames == [.choke] + pieces)
    }

    @Test func `answers for every piece once it has ended`() throws {
        let pair = try Pair()
        try pair.shake()
        let link = pair.dialler.link
        link.sendPiece(PieceID(segment, 0), ByteBuffer(bytes: [0]))
        pair.dialler.channel.isWritable = false
        link.sendPiece(PieceID(segment, 1), ByteBuffer(bytes: [1]))
        try pair.dialler.channel.close().wait()
        #expect(pair.dialler.owner.sentBeforeEnd == 0)
        #expect(pair.dialler.owner.sent == [0, 1])
        link.sendPiece(PieceID(segment, 2), ByteBuffer(bytes: [2]))
        link.lookForAcknowledgements()
        #expect(pair.dialler.owner.sent == [0, 1, 2])
        #expect(pair.dialler.owner.hasEnded)
    }

    @Test func `says goodbye`() throws {
        let pair = try Pair()
        try pair.shake()
        pair.dialler.link.close(.full)
        try pair.pass()
        #expect(pair.taker.owner.frames == [.goodbye(.full)])
        #expect(!pair.dialler.channel.isActive)
        #expect(pair.dialler.owner.flaw == nil && pair.dialler.owner.hasEnded)
    }
}

/// Two ends of a link without a network between them.
private final class Pair {
    final class End {
        let identity: PeerIdentity
        let owner = Recorder()
        let channel = EmbeddedChannel()
        let link: Link

        init(
            _ number: Int, _ identity: PeerIdentity, dialled: PeerID?, _ broadcast: BroadcastID
        ) throws {
            self.identity = identity
            let endpoint = try #require(Endpoint(address: [127, 0, 0, 1], port: 1))
            link = Link(
                LinkID(number), dialled: dialled.map { Introduction(peer: $0, endpoint: endpoint) },
                remoteAddress: endpoint.address, identity: identity, broadcast: broadcast, owner: owner)
        }

        func connect() throws {
            try channel.pipeline.syncOperations.addHandler(link)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }
    }

    let dialler: End
    let taker: End

    init(expecting: PeerID? = nil, otherBroadcast: BroadcastID? = nil, bothDial: Bool = false) throws {
        let (identity, other) = (PeerIdentity(), PeerIdentity())
        taker = try End(1, identity, dialled: bothDial ? other.peer : nil, otherBroadcast ?? broadcast)
        dialler = try End(2, other, dialled: expecting ?? identity.peer, broadcast)
        try taker.connect()
        try dialler.connect()
    }

    func shake() throws {
        for _ in 0..<4 { try pass() }
    }

    func pass() throws {
        for (from, to) in [(dialler, taker), (taker, dialler)] {
            while let bytes = try from.channel.readOutbound(as: ByteBuffer.self) {
                if to.channel.isActive { try to.channel.writeInbound(bytes) }
            }
        }
    }
}

private final class Recorder: LinkOwner {
    var peer: PeerID?
    var frames: [PeerFrame] = []
    var flaw: LinkFlaw?
    var hasEnded = false
    /// The numbers of the pieces that were told to be sent.
    var sent: [Int] = []
    var sentBeforeEnd: Int?

    func opened(_ link: Link, _ peer: PeerID) { self.peer = peer }
    func received(_ frame: PeerFrame, on link: Link) { frames.append(frame) }
    func readDone(_ link: Link) {}
    func sent(_ piece: PieceID, on link: Link) { sent.append(piece.index) }
    func ended(_ link: Link, because flaw: LinkFlaw?) {
        sentBeforeEnd = sent.count
        self.flaw = flaw
        hasEnded = true
    }
}
