import CStreams
import Integrity
import NIOCore
import PeerCore
import Vocabulary
import Wire

/// Why a link was ended by what came over it.
package enum LinkFlaw: String, Hashable, Sendable, CaseIterable {
    case handshakeLength = "handshake_length"
    case handshake
    case handshakeTimeout = "handshake_timeout"
    /// Somebody else answered than the one who was dialled.
    case wrongPeer = "wrong_peer"
    case frameLength = "frame_length"
    case seal
    case frame
    /// A frame that may not come at this moment.
    case order
    /// The other end does not take what it is sent.
    case backlog
    case records
    /// There was no room for it, or it made room for others before it had shaken hands.
    case crowded
}

/// Whom a link tells what happens on it.
protocol LinkOwner: AnyObject {
    func opened(_ link: Link, _ peer: PeerID)
    func received(_ frame: PeerFrame, on link: Link)
    /// All that the socket held has been handled.
    func readDone(_ link: Link)
    /// A piece has been acknowledged by the other end's machine, or never will be; told once for each that was sent.
    func sent(_ piece: PieceID, on link: Link)
    func ended(_ link: Link, because flaw: LinkFlaw?)
}

/// One TCP connection to another peer: the Noise handshake, then sealed frames with their length before them.
///
/// On the wire each message is two bytes of length and that many bytes; after the handshake these are a sealed frame.
/// Pieces wait here while the socket is full, and everything else overtakes them. A piece counts as sent when the kernel
/// has the acknowledgement of its last byte: that time holds every queue between here and the other end.
// Unchecked because it is confined to the event loop of its channel, and of its owner.
final class Link: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case shaking(NoiseHandshake)
        case open(sending: NoiseCipher, receiving: NoiseCipher)
        case closed
    }

    static let handshakeTime = TimeAmount.seconds(5)
    /// Bytes of memory that a message takes beside its own, or little ones would take ten times the limit unseen.
    private static let messageCost = 256

    let id: LinkID
    /// Whom we dialled, if we did.
    let dialled: Introduction?
    let remoteAddress: [UInt8]?
    private(set) var peer: PeerID?
    /// Whether we are the one who began; both ends say the same of it, even if both have dialled.
    private(set) var isOurs = false
    var hasGreeted = false
    var lastHeard = NIODeadline.uptimeNanoseconds(0)
    var recordCredit = Double(Limits.recordBurst)
    var recordCreditTime = NIODeadline.now()

    private weak var owner: (any LinkOwner)?
    private var phase: Phase
    private var context: ChannelHandlerContext?
    private var incoming = ByteBuffer()
    private var waiting: CircularBuffer<(piece: PieceID, content: ByteBuffer)> = []
    /// Pieces in the channel or the kernel, with the place in the stream where each ends.
    private var unacknowledged: CircularBuffer<(piece: PieceID, end: Int)> = []
    /// The last message, if it is no piece; its writing tells that everything before it is in the kernel, too.
    private var last: ByteBuffer?
    /// Bytes written so far, and those of them that the kernel is known to have.
    private var written = 0
    private var handedOver = 0
    /// Memory that all messages so far have taken, and that of those which the kernel is known to have.
    private var taken = 0
    private var released = 0
    /// The kernel's; what is no socket (a channel of tests) has none.
    private var socket: NIOBSDSocket.Handle?
    private var isSendingPieces = false
    /// Since the last look at the socket.
    private var hasTakenPiece = false
    private var needsFlush = false
    private var flaw: LinkFlaw?
    private var alarm: Scheduled<Void>?

    init(
        _ id: LinkID, dialled: Introduction?, remoteAddress: [UInt8]?, identity: PeerIdentity, broadcast: BroadcastID,
        owner: any LinkOwner
    ) {
        self.id = id
        self.dialled = dialled
        self.remoteAddress = remoteAddress
        self.owner = owner
        phase = .shaking(
            NoiseHandshake(
                isInitiator: dialled != nil, prologue: PeerIdentity.prologue(broadcast), identity: identity.key))
    }

    var isOpen: Bool {
        if case .open = phase { return true }
        return false
    }

    // MARK: Speaking

    /// Sends a frame; the owner calls `flush` when it has said all.
    func send(_ frame: PeerFrame) { send(frame, capacity: 128) }

    private func send(_ frame: PeerFrame, capacity: Int) {
        guard case .open(var sending, let receiving) = phase, let context else { return }
        var message = context.channel.allocator.buffer(capacity: capacity)
        message.writeInteger(UInt16(0))
        frame.encode(into: &message)
        let length = message.readableBytes - 2 + NoiseCipher.tagLength
        precondition(length <= NoiseCipher.messageLength, "a frame of ours is too long")
        message.setInteger(UInt16(length), at: 0)
        message.writeRepeatingByte(0, count: NoiseCipher.tagLength)
        let sealed = message.withUnsafeMutableReadableBytes { bytes in
            Result { () throws(NoiseError) in
                try sending.seal(UnsafeMutableRawBufferPointer(rebasing: bytes[2...]))
            }
        }
        guard case .success = sealed else { return end(.seal) }
        phase = .open(sending: sending, receiving: receiving)
        var isPiece = false
        if case .piece = frame { isPiece = true }
        write(message, isPiece: isPiece, context)
    }

    /// Sends a piece as soon as the socket takes it.
    func sendPiece(_ piece: PieceID, _ content: ByteBuffer) {
        guard context != nil else {
            owner?.sent(piece, on: self)
            return
        }
        waiting.append((piece, content))
        sendPieces()
    }

    /// Takes back those of the pieces that have not been given to the socket.
    func cancelPieces(_ segment: SegmentID, _ indices: [Int]) {
        let isCanceled = { (piece: PieceID) in piece.segment == segment && indices.contains(piece.index) }
        let canceled = waiting.filter { isCanceled($0.piece) }
        guard !canceled.isEmpty else { return }
        waiting.removeAll { isCanceled($0.piece) }
        for (piece, _) in canceled { owner?.sent(piece, on: self) }
    }

    /// Whether the owner has yet to be told of a piece.
    var owesPieces: Bool { !waiting.isEmpty || !unacknowledged.isEmpty }

    /// Tells the owner of the pieces that have been acknowledged since the last look.
    func lookForAcknowledgements() {
        guard !unacknowledged.isEmpty, let context, context.channel.isActive else { return }
        // Without a socket there is no other end's machine: what has left has arrived.
        let outstanding = socket.map { Int(streams_unacknowledged($0)) } ?? 0
        guard outstanding >= 0 else { return }
        // Fixed before anybody is told: the owner may send more then.
        let acknowledged = handedOver - outstanding
        while let first = unacknowledged.first, first.end <= acknowledged {
            unacknowledged.removeFirst()
            owner?.sent(first.piece, on: self)
        }
    }

    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        guard let context else { return }
        guard let message = last else { return context.flush() }
        last = nil
        context.writeAndFlush(wrapOutboundOut(message), promise: handover(context))
    }

    /// For a message that ends where writing is.
    private func handover(_ context: ChannelHandlerContext) -> EventLoopPromise<Void> {
        let (end, taken, promise) = (written, taken, context.eventLoop.makePromise(of: Void.self))
        promise.futureResult.assumeIsolated().whenSuccess {
            self.handedOver = end
            self.released = taken
        }
        return promise
    }

    /// Says why, and closes once that has left or a second has passed.
    func close(_ reason: Goodbye) {
        guard let context, context.channel.isActive else { return }
        if isOpen { send(.goodbye(reason)) }
        flush()
        phase = .closed
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
        context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }

    private func sendPieces() {
        guard !isSendingPieces, let context else { return }
        isSendingPieces = true
        while context.channel.isWritable, isOpen, let (piece, content) = waiting.popFirst() {
            let overhead = 2 + PeerFrame.pieceHeaderLength + NoiseCipher.tagLength
            send(.piece(piece.segment, piece.index, content), capacity: content.readableBytes + overhead)
            unacknowledged.append((piece, written))
            if !context.channel.isWritable { flush() }
        }
        isSendingPieces = false
        flush()
    }

    private func dropPieces() {
        let dropped = unacknowledged.map(\.piece) + waiting.map(\.piece)
        unacknowledged.removeAll()
        waiting.removeAll()
        for piece in dropped { owner?.sent(piece, on: self) }
    }

    private func write(_ message: ByteBuffer, isPiece: Bool = false, _ context: ChannelHandlerContext) {
        if let last { context.write(wrapOutboundOut(last), promise: nil) }
        written += message.readableBytes
        taken += message.readableBytes + Self.messageCost
        needsFlush = true
        last = isPiece ? nil : message
        if isPiece { context.write(wrapOutboundOut(message), promise: handover(context)) }
        if taken - released > Limits.linkBacklog { end(.backlog) }
    }

    // MARK: Listening

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard alarm == nil else { return }
        socket = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable { $0 }
        alarm = context.eventLoop.assumeIsolated().scheduleTask(in: Self.handshakeTime) {
            if case .shaking = self.phase { self.end(.handshakeTimeout) }
        }
        shake(context)
        flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        while let message = nextMessage(from: &bytes, context) {
            switch phase {
            case .shaking: take(handshake: message, context)
            case .open: take(sealed: message)
            case .closed: return
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isOpen { owner?.readDone(self) }
        flush()
        if hasTakenPiece {
            hasTakenPiece = false
            acknowledgeAtOnce()
        }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { sendPieces() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        alarm?.cancel()
        incoming = ByteBuffer()
        last = nil
        socket = nil
        self.context = nil
        owner?.ended(self, because: flaw)
        // Only now: whoever hears of them before the link's end would send the next ones.
        dropPieces()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// The next whole message, in memory of its own: what becomes a piece must not hold on to a whole socket read.
    private func nextMessage(from bytes: inout ByteBuffer, _ context: ChannelHandlerContext) -> ByteBuffer? {
        while incoming.readableBytes < 2 {
            guard let byte = bytes.readInteger(as: UInt8.self) else { return nil }
            incoming.writeInteger(byte)
        }
        guard let prefix = incoming.getInteger(at: incoming.readerIndex, as: UInt16.self),
            isAcceptable(Int(prefix))
        else { return nil }
        if incoming.readableBytes == 2 { incoming.reserveCapacity(2 + Int(prefix)) }
        let missing = 2 + Int(prefix) - incoming.readableBytes
        guard let part = bytes.readSlice(length: min(missing, bytes.readableBytes)) else { return nil }
        incoming.writeImmutableBuffer(part)
        guard part.readableBytes == missing else { return nil }
        var message = incoming
        incoming = ByteBuffer()
        message.moveReaderIndex(forwardBy: 2)
        return message
    }

    /// Whether the next message may have this length; the link ends if it may not.
    private func isAcceptable(_ length: Int) -> Bool {
        switch phase {
        case .shaking(let handshake):
            let mayCollide = handshake.mayCollide && length == NoiseHandshake.messageLengths[0]
            if length != handshake.nextLength, !mayCollide { end(.handshakeLength) }
        case .open:
            let lengths = NoiseCipher.tagLength + 1...Limits.frameLength + NoiseCipher.tagLength
            if !lengths.contains(length) { end(.frameLength) }
        case .closed: break
        }
        if case .closed = phase { return false }
        return true
    }

    private func take(handshake message: ByteBuffer, _ context: ChannelHandlerContext) {
        guard case .shaking(var handshake) = phase else { return }
        do {
            let bytes = Array(message.readableBytesView)
            if bytes.count != handshake.nextLength {
                try handshake.settle(with: bytes)
            } else {
                guard try handshake.read(bytes).isEmpty else { return end(.handshake) }
            }
        } catch {
            return end(.handshake)
        }
        phase = .shaking(handshake)
        shake(context)
    }

    /// Writes our next handshake message if it is our turn, and opens the link when all are through.
    private func shake(_ context: ChannelHandlerContext) {
        guard case .shaking(var handshake) = phase else { return }
        do {
            if handshake.isOurTurn {
                let message = try handshake.write()
                var bytes = ByteBuffer()
                bytes.writeInteger(UInt16(message.count))
                bytes.writeBytes(message)
                phase = .shaking(handshake)
                write(bytes, context)
            }
            guard handshake.isComplete, let remote = handshake.remote else { return }
            let (sending, receiving) = try handshake.split()
            alarm?.cancel()
            if let dialled, dialled.peer != remote { return end(.wrongPeer) }
            phase = .open(sending: sending, receiving: receiving)
            peer = remote
            isOurs = handshake.isInitiator
            owner?.opened(self, remote)
        } catch {
            end(.handshake)
        }
    }

    private func take(sealed message: ByteBuffer) {
        guard case .open(let sending, var receiving) = phase else { return }
        var message = message
        let opened = message.withUnsafeMutableReadableBytes { bytes in
            Result { () throws(NoiseError) in try receiving.open(bytes) }
        }
        guard case .success = opened else { return end(.seal) }
        phase = .open(sending: sending, receiving: receiving)
        message.moveWriterIndex(to: message.writerIndex - NoiseCipher.tagLength)
        do {
            let frame = try PeerFrame(parsing: message)
            if case .piece = frame { hasTakenPiece = true }
            owner?.received(frame, on: self)
        } catch {
            end(.frame)
        }
    }

    /// Has the kernel acknowledge what has come, which on a connection that speaks both ways it would put off by 40 ms:
    /// the sender takes the time until then for its queue.
    private func acknowledgeAtOnce() {
        guard let socket, context?.channel.isActive == true else { return }
        _ = streams_acknowledge(socket)
    }

    /// Ends the link at once, because of what came over it.
    func end(_ flaw: LinkFlaw) {
        if case .closed = phase { return }
        self.flaw = flaw
        phase = .closed
        context?.close(promise: nil)
    }
}

extension NoiseHandshake {
    /// The length that the other side's next message must have.
    fileprivate var nextLength: Int? { isOurTurn || isComplete ? nil : Self.messageLengths[messages] }
}
