import NIOCore
import OriginMedia
import Vocabulary

/// One encoder's connection: handshake, messages, admission, and then its programme into a feed.
///
/// Used on its channel's event loop alone.
final class RTMPConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long the way to a right key may take, and how long an encoder on air may be silent.
    private static let patience = TimeAmount.seconds(10)
    /// How long a wrong key waits for its answer, and how long the last words have to get out.
    private static let penalty = TimeAmount.seconds(1)
    private static let farewell = TimeAmount.milliseconds(500)

    private let reception: Reception
    private let transport: String
    private let onAdmitted: () -> Void
    private var context: ChannelHandlerContext?
    private var address = "an unknown address"

    private var input = ByteBuffer()
    private var handshake = Handshake()
    private var reader = ChunkReader()
    private var dialogue = Dialogue()
    private var encoder: Encoder?
    private var feed: Feed?

    private var isOver = false
    private var isFull = false
    private var isReadWithheld = false
    private var deadline = NIODeadline.distantFuture
    private var alarm: Scheduled<Void>?

    private var received = 0
    private var acknowledged = 0
    private var window = 2_500_000

    /// - Parameter onAdmitted: called when it has shown a right key.
    init(_ reception: Reception, transport: String, onAdmitted: @escaping () -> Void = {}) {
        self.reception = reception
        self.transport = transport
        self.onAdmitted = onAdmitted
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        address = context.remoteAddress?.ipAddress ?? address
        deadline = .now() + Self.patience
        setAlarm()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is TLSHandler.Failure {
            reception.malformed("not_tls", "it does not speak TLS, or not as we do", transport, from: address)
        }
        end()
        context.close(promise: nil)
    }

    private func end() {
        isOver = true
        alarm?.cancel()
        alarm = nil
        if let encoder { reception.left(encoder, "its connection was lost") }
        encoder = nil
        feed = nil
        input = ByteBuffer()
        context = nil
    }

    /// Looks at the deadline when it would be over, and again when it was moved meanwhile.
    private func setAlarm() {
        guard let context else { return }
        alarm = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            guard NIODeadline.now() >= self.deadline, !self.isFull else {
                if self.isFull { self.deadline = .now() + Self.patience }
                return self.setAlarm()
            }
            guard self.dialogue.isPublishing else {
                self.reception.malformed(
                    "timeout", "it did not begin to publish within 10 s", self.transport, from: self.address)
                self.end()
                return context.close(promise: nil)
            }
            self.hangUp("nothing came from it for 10 s")
        }
    }

    // MARK: Bytes

    func read(context: ChannelHandlerContext) {
        if isFull { isReadWithheld = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var bytes = unwrapInboundIn(data)
        received += bytes.readableBytes
        reception.received(bytes.readableBytes)
        if dialogue.isPublishing {
            deadline = .now() + Self.patience
            encoder?.note()
        }
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        do throws(RTMPError) {
            try work(context)
        } catch {
            reception.malformed(error.reason, error.description, transport, from: address)
            end()
            return context.close(promise: nil)
        }
        if received - acknowledged >= window {
            acknowledged = received
            send([.control(Message.Kind.acknowledgement, UInt32(truncatingIfNeeded: received))])
        }
    }

    private func work(_ context: ChannelHandlerContext) throws(RTMPError) {
        if !handshake.isComplete {
            let random = (0..<191).flatMap { _ in
                withUnsafeBytes(of: UInt64.random(in: .min ... .max)) { Array($0) }
            }
            if let answer = try handshake.take(from: &input, random: random) {
                context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
            }
            guard handshake.isComplete else { return }
        }
        var commands: [Dialogue.Command] = []
        while !isOver, let message = try reader.next(from: &input) {
            try dialogue.handle(message, into: &commands)
            perform(commands)
            commands.removeAll(keepingCapacity: true)
        }
        if input.readableBytes == 0 { input.clear() } else { input.discardReadBytes() }
    }

    private func perform(_ commands: [Dialogue.Command]) {
        for command in commands {
            switch command {
            case .send(let message): send([message])
            case .acknowledge(let bytes): window = max(4_096, bytes)
            case .admit(let ticket): admit(ticket)
            case .tag(let kind, let timestamp, let payload):
                guard kind == Message.Kind.video else {
                    push(FLV.tag(kind: kind, timestamp: timestamp, payload))
                    continue
                }
                guard let payload = picture(payload) else { continue }
                push(FLV.tag(kind: kind, timestamp: timestamp, payload))
            case .end: close("it has ended its programme")
            }
        }
    }

    private func send(_ messages: [Message]) {
        guard let context else { return }
        // What we say is little; whoever lets 64 KiB of it lie would have us keep answers for ever.
        guard context.channel.isWritable else {
            reception.malformed("unread", "it does not read what it is told", transport, from: address)
            end()
            return context.close(promise: nil)
        }
        var buffer = context.channel.allocator.buffer(capacity: 512)
        for message in messages { ChunkWriter.write(message, into: &buffer) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    // MARK: The programme

    private func admit(_ ticket: Ticket) {
        guard let context else { return }
        let loop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        let encoder = Encoder(
            transport: transport, address: address, format: .flv,
            hangUp: { reason in loop.execute { bound.value.hangUp(reason) } },
            resume: { loop.execute { bound.value.resume() } })
        switch reception.admit(encoder, ticket) {
        case .admitted(let feed):
            self.encoder = encoder
            self.feed = feed
            reader.isTrusted = true
            onAdmitted()
            var commands: [Dialogue.Command] = []
            dialogue.admitted(into: &commands)
            perform(commands)
            push(FLV.header)
            deadline = .now() + Self.patience
        case .refused(let reason):
            // Until then nothing more is read.
            isFull = true
            loop.assumeIsolated().scheduleTask(in: Self.penalty) { [weak self] in self?.hangUp(reason) }
        }
    }

    /// A video tag as libavformat reads it, if it says anything of pictures.
    private func picture(_ tag: ByteBuffer) -> ByteBuffer? {
        let codec = FLV.enhancedCodec(of: tag)
        guard codec == nil || codec == "hvc1" else {
            feed?.refuse("it sends \(codec ?? "") in enhanced RTMP, which HLS cannot carry: send H.264 or H.265")
            return nil
        }
        guard feed?.holds(codec == nil ? .h264 : .h265) != false else {
            feed?.refuse("it has changed between H.264 and H.265, which takes a new session")
            return nil
        }
        return codec == nil ? tag : FLV.plain(tag)
    }

    private func push(_ bytes: [UInt8]) {
        guard let feed, !feed.push(bytes) else { return }
        isFull = true
    }

    private func resume() {
        guard isFull else { return }
        isFull = false
        deadline = .now() + Self.patience
        guard isReadWithheld, let context else { return }
        isReadWithheld = false
        context.read()
    }

    /// Tells the encoder why, and closes.
    private func hangUp(_ reason: String) {
        guard !isOver else { return }
        var commands: [Dialogue.Command] = []
        dialogue.refused(reason, into: &commands)
        perform(commands)
        close(reason)
    }

    /// Closes after a moment, so that the last words arrive before a reset can overtake them.
    private func close(_ reason: String) {
        guard !isOver, let context else { return }
        isOver = true
        if let encoder { reception.left(encoder, reason) }
        encoder = nil
        feed = nil
        alarm?.cancel()
        context.close(mode: .output, promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) { [weak self] in
            self?.context?.close(promise: nil)
        }
    }
}
