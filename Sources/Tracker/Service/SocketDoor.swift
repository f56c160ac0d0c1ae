import Foundation
import Integrity
import NIOCore
import NIOWebSocket
import Synchronization
import TrackerCore
import Vocabulary
import WebServer
import Wire

/// WebSockets of WebTorrent clients: announces, scrapes, and the offers and answers that they send each other.
final class SocketDoor: Sendable {
    private struct State {
        var swarms: SocketSwarms
        var channels: [SocketSwarms.Socket: any Channel] = [:]
        var last: SocketSwarms.Socket = 0
    }

    private let shared: SharedTracker
    private let swarms: Swarms
    private let tally: Tally
    private let state: Mutex<State>

    init(shared: SharedTracker, swarms: Swarms, seed: UInt64) {
        self.shared = shared
        self.swarms = swarms
        tally = shared.tallies.make()
        state = Mutex(State(swarms: SocketSwarms(seed: seed)))
    }

    var peerCount: Int { state.withLock { $0.swarms.peerCount } }

    /// `nil` for what asks for no WebSocket (RFC 6455, section 4.2).
    func answer(_ request: Request) -> Response? {
        guard request.header("upgrade")?.lowercased() == "websocket" else { return nil }
        guard request.method == "GET", request.header("sec-websocket-version") == "13",
            let key = request.header("sec-websocket-key"), key.utf8.count == 24
        else {
            shared.countMalformed("socket_handshake")
            return Response(status: 400, headers: [("sec-websocket-version", "13")])
        }
        let proof = SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        let address = request.remote.flatMap(Endpoint.init)?.ip
        return Response(
            status: 101,
            headers: [
                ("upgrade", "websocket"), ("connection", "Upgrade"),
                ("sec-websocket-accept", Data(proof).base64EncodedString()),
            ],
            body: .upgrade { channel in
                try channel.pipeline.syncOperations.addHandlers([
                    WebSocketFrameEncoder(),
                    ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: Limits.socketMessage)),
                    FrameCheck(),
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 16,
                        maxAccumulatedFrameSize: Limits.socketMessage),
                    SocketHandler(self, address: address),
                ])
            })
    }

    fileprivate func opened(_ channel: any Channel) -> SocketSwarms.Socket {
        state.withLock { state in
            state.last += 1
            state.channels[state.last] = channel
            return state.last
        }
    }

    fileprivate func closed(_ socket: SocketSwarms.Socket) {
        state.withLock { state in
            state.channels[socket] = nil
            state.swarms.close(socket)
        }
    }

    fileprivate func countMalformedFrame() { shared.countMalformed("socket_frame") }

    /// Returns whether it was understood.
    fileprivate func received(_ bytes: [UInt8], on socket: SocketSwarms.Socket, from address: IPAddress?) -> Bool {
        do throws(WireError) {
            switch try SocketMessage(parsing: bytes).content {
            case .scrape(let hashes): scrape(hashes, on: socket)
            case .announce(let announce, let name, let offers):
                self.announce(announce, name, offers, on: socket, from: address)
            case .answer(let hash, let name, let other, let offer, let answer):
                relay(answer.value, "answer", hash, name, offer: offer) { swarms in
                    swarms.socket(of: other, in: hash, for: name, on: socket).map { [$0] } ?? []
                }
            }
            return true
        } catch {
            shared.countMalformed("socket_" + error.reason)
            return false
        }
    }

    private func announce(
        _ announce: SwarmAnnounce, _ name: [UInt8], _ offers: [SocketMessage.Offer],
        on socket: SocketSwarms.Socket, from address: IPAddress?
    ) {
        let hash = ("info_hash", JSONValue.string(SocketMessage.text(announce.hash.bytes)))
        let counts: SwarmCounts
        do throws(Swarms.Refusal) {
            if let refusal = swarms.refusal(of: announce.hash, to: address) { throw refusal }
            counts = try list(announce, name, on: socket, from: address)
        } catch {
            tally.count(error)
            return send(
                .object([("action", "announce"), hash, ("failure reason", .string(error.rawValue))]), to: socket)
        }
        tally.count(.socketAnnounces)
        send(
            .object([
                ("action", "announce"), hash, ("interval", .integer(Limits.socketInterval)),
                ("complete", .integer(counts.seeders)), ("incomplete", .integer(counts.leechers)),
            ]), to: socket)
        guard announce.event != .stopped, !offers.isEmpty else { return }
        // Each offer is good for one other.
        let others = state.withLock { $0.swarms.others(offers.count, in: announce.hash, than: name) }
        for (offer, other) in zip(offers, others) {
            relay(offer.offer.value, "offer", announce.hash, name, offer: offer.id) { _ in [other] }
        }
    }

    private func list(
        _ announce: SwarmAnnounce, _ name: [UInt8], on socket: SocketSwarms.Socket, from address: IPAddress?
    ) throws(Swarms.Refusal) -> SwarmCounts {
        do throws(SocketSwarms.Refusal) {
            return try state.withLock { state throws(SocketSwarms.Refusal) in
                try state.swarms.announce(announce, as: name, on: socket, from: address)
                return state.swarms.counts(of: announce.hash)
            }
        } catch {
            switch error {
            case .isFull: throw .isFull
            case .peerIsElsewhere: throw .peerIsElsewhere
            }
        }
    }

    private func relay(
        _ description: JSONValue, _ kind: String, _ hash: InfoHash, _ name: [UInt8], offer: String,
        to sockets: (SocketSwarms) -> [SocketSwarms.Socket]
    ) {
        let message = JSONValue.object([
            ("action", "announce"), (kind, description), ("offer_id", .string(offer)),
            ("peer_id", .string(SocketMessage.text(name))),
            ("info_hash", .string(SocketMessage.text(hash.bytes))),
        ])
        for socket in state.withLock({ sockets($0.swarms) }) { send(message, to: socket) }
    }

    private func scrape(_ hashes: [InfoHash], on socket: SocketSwarms.Socket) {
        tally.count(.socketScrapes)
        let files = state.withLock { state in
            hashes.map { hash in
                let counts = state.swarms.counts(of: hash)
                return (
                    SocketMessage.text(hash.bytes),
                    JSONValue.object([
                        ("complete", .integer(counts.seeders)), ("incomplete", .integer(counts.leechers)),
                        ("downloaded", .integer(counts.completed)),
                    ])
                )
            }
        }
        send(.object([("action", "scrape"), ("files", .object(files))]), to: socket)
    }

    private func send(_ message: JSONValue, to socket: SocketSwarms.Socket) {
        guard let channel = state.withLock({ $0.channels[socket] }) else { return }
        // Who does not read what is sent to it gets no more.
        guard channel.isWritable else { return channel.close(promise: nil) }
        let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: message.encoded))
        channel.writeAndFlush(frame, promise: nil)
    }
}

/// Lets through what a client may send where no extension was agreed on (RFC 6455, sections 5.1 and 5.2).
private final class FrameCheck: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame

    struct Refused: Error {}

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let isKnown =
            switch frame.opcode {
            case .text, .binary, .continuation, .ping, .pong, .connectionClose: true
            default: false
            }
        guard isKnown, frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return context.fireErrorCaught(Refused())
        }
        context.fireChannelRead(data)
    }
}

private final class SocketHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// Clients announce every two minutes; who says nothing for five is gone.
    private static let patience = TimeAmount.minutes(5)

    private let door: SocketDoor
    private let address: IPAddress?
    private var socket: SocketSwarms.Socket?
    private var alarm: Scheduled<Void>?

    init(_ door: SocketDoor, address: IPAddress?) {
        self.door = door
        self.address = address
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // Who has hung up meanwhile would be here for ever.
        guard context.channel.isActive else { return }
        socket = door.opened(context.channel)
        watch(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        alarm?.cancel()
        if let socket { door.closed(socket) }
        // What it had sent before still comes.
        socket = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let socket else { return }
        var frame = unwrapInboundIn(data)
        watch(context)
        switch frame.opcode {
        case .text, .binary:
            let bytes = frame.unmaskedData
            guard door.received(Array(bytes.readableBytesView), on: socket, from: address) else {
                return close(context, .unacceptableData)
            }
        case .ping:
            frame.opcode = .pong
            context.writeAndFlush(
                wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)), promise: nil)
        case .connectionClose: close(context, .normalClosure)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOWebSocketError || error is NIOWebSocketFrameAggregator.Error || error is FrameCheck.Refused {
            door.countMalformedFrame()
        }
        close(context, .protocolError)
    }

    private func close(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        var data = context.channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: data)))
            .whenComplete { _ in channel.close(promise: nil) }
    }

    private func watch(_ context: ChannelHandlerContext) {
        alarm?.cancel()
        let channel = context.channel
        alarm = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }
}
