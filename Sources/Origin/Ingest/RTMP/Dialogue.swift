package import NIOCore
import Vocabulary

/// What an RTMP server says to an encoder that wants to publish, and what it hears.
package struct Dialogue: Sendable {
    package enum Command: Hashable, Sendable {
        case send(Message)
        /// Somebody wants to publish; `admitted` or `refused` must follow.
        case admit(Ticket)
        /// A tag of the programme.
        case tag(kind: UInt8, timestamp: UInt32, ByteBuffer)
        /// The encoder wants an acknowledgement every so many bytes.
        case acknowledge(every: Int)
        /// The encoder has ended its programme.
        case end
    }

    private enum Stage { case strange, connected, asking, publishing, over }

    private static let stream: UInt32 = 1
    private var stage = Stage.strange
    private var app = ""

    package init() {}

    package var isPublishing: Bool { stage == .publishing }

    package mutating func handle(_ message: Message, into commands: inout [Command]) throws(RTMPError) {
        switch message.kind {
        case Message.Kind.audio, Message.Kind.video:
            guard stage == .publishing, message.payload.readableBytes > 0 else { return }
            commands.append(.tag(kind: message.kind, timestamp: message.timestamp, message.payload))
        case Message.Kind.data: data(message.payload, at: message.timestamp, into: &commands)
        case Message.Kind.dataAMF3:
            data(try Self.withoutFormat(message.payload), at: message.timestamp, into: &commands)
        case Message.Kind.command: try command(message.payload, into: &commands)
        case Message.Kind.commandAMF3: try command(try Self.withoutFormat(message.payload), into: &commands)
        case Message.Kind.aggregate: try aggregate(message, into: &commands)
        case Message.Kind.window:
            guard let length = message.payload.getInteger(at: message.payload.readerIndex, as: UInt32.self) else {
                throw .truncated
            }
            commands.append(.acknowledge(every: max(1, Int(length))))
        case Message.Kind.userControl:
            var payload = message.payload
            // A ping (6) is answered with the same time (7).
            guard let (event, time) = payload.readMultipleIntegers(as: (UInt16, UInt32).self), event == 6 else {
                return
            }
            commands.append(.send(.event(7, time)))
        default: return  // what others say about bandwidths and shared objects does not concern us
        }
    }

    /// The key was right: the encoder may send.
    package mutating func admitted(into commands: inout [Command]) {
        guard stage == .asking else { return }
        stage = .publishing
        commands.append(.send(.event(0, Self.stream)))
        commands.append(status("NetStream.Publish.Start", "It is on air."))
    }

    /// The encoder may not send, or no longer; the connection is to be closed.
    package mutating func refused(_ reason: String, into commands: inout [Command]) {
        guard stage != .over else { return }
        let code = stage == .publishing ? "NetStream.Publish.Failed" : "NetStream.Publish.BadName"
        if stage != .strange { commands.append(status(code, reason, level: "error")) }
        stage = .over
    }

    private func status(_ code: String, _ text: String, level: String = "status") -> Command {
        .send(
            .command(
                stream: Self.stream, .string("onStatus"), .number(0), .null,
                .object([
                    .init("level", .string(level)), .init("code", .string(code)), .init("description", .string(text)),
                ])))
    }

    private mutating func command(_ payload: ByteBuffer, into commands: inout [Command]) throws(RTMPError) {
        let values = try AMF.values(parsing: payload)
        guard let name = values.first?.text else { throw .outOfOrder("a value that names no command") }
        // Any other value would come back a thousand times as long: in AMF 3 a string is repeated by its number.
        let transaction = AMF.number(values.dropFirst().first?.number ?? 0)
        let arguments = Array(values.dropFirst(2))
        switch name {
        case "connect":
            guard stage == .strange else { throw .outOfOrder("connect") }
            stage = .connected
            app = arguments.first?["app"]?.text ?? ""
            connect(transaction, into: &commands)
        case "createStream":
            guard stage != .strange else { throw .outOfOrder("createStream") }
            commands.append(.send(.command(.string("_result"), transaction, .null, .number(Double(Self.stream)))))
        case "publish":
            guard stage == .connected else { throw .outOfOrder("publish") }
            stage = .asking
            commands.append(.admit(ticket(in: arguments)))
        case "FCUnpublish", "deleteStream", "closeStream":
            guard stage == .publishing else { return }
            stage = .over
            commands.append(status("NetStream.Unpublish.Success", "It is off air."))
            commands.append(.end)
        case "play", "play2":
            commands.append(
                status("NetStream.Play.Failed", "This server takes programmes and plays none.", level: "error"))
            commands.append(.end)
            stage = .over
        case "releaseStream", "FCPublish", "_checkbw", "getStreamLength":
            commands.append(.send(.command(.string("_result"), transaction, .null, .undefined)))
        default: return
        }
    }

    private func connect(_ transaction: AMF, into commands: inout [Command]) {
        commands.append(.send(.control(Message.Kind.window, 2_500_000)))
        commands.append(.send(.control(Message.Kind.peerBandwidth, 2_500_000, [2])))
        commands.append(
            .send(
                .command(
                    .string("_result"), transaction,
                    .object([.init("fmsVer", .string("FMS/3,5,7,7009")), .init("capabilities", .number(31))]),
                    .object([
                        .init("level", .string("status")), .init("code", .string("NetConnection.Connect.Success")),
                        .init("description", .string("Connection succeeded.")), .init("objectEncoding", .number(0)),
                    ]))))
    }

    /// The stream's name, or the end of the application's for encoders that know only one field.
    private func ticket(in arguments: [AMF]) -> Ticket {
        let name = arguments.dropFirst().first?.text ?? ""
        return Ticket(name.isEmpty ? app : name) ?? Ticket(key: "")
    }

    /// Only what describes the programme is passed on, without the word that asks a server to keep it.
    private func data(_ payload: ByteBuffer, at timestamp: UInt32, into commands: inout [Command]) {
        guard stage == .publishing, payload.readableBytes <= Limits.amfText else { return }
        var reader = AMFReader(bytes: payload)
        guard let first = try? reader.value(depth: 0).text else { return }
        if first == "onMetaData" {
            commands.append(.tag(kind: Message.Kind.data, timestamp: timestamp, payload))
        } else if first == "@setDataFrame" {
            let rest = reader.bytes
            guard (try? reader.value(depth: 0).text) == "onMetaData" else { return }
            commands.append(.tag(kind: Message.Kind.data, timestamp: timestamp, rest))
        }
    }

    /// A row of FLV tags (section 7.1.6), whose times count from the message's.
    private mutating func aggregate(_ message: Message, into commands: inout [Command]) throws(RTMPError) {
        var rest = message.payload
        var first: UInt32?
        while rest.readableBytes > 0 {
            guard let head = rest.readBytes(length: 11) else { throw .truncated }
            let length = Int(head[1]) << 16 | Int(head[2]) << 8 | Int(head[3])
            let time = UInt32(head[7]) << 24 | UInt32(head[4]) << 16 | UInt32(head[5]) << 8 | UInt32(head[6])
            guard let payload = rest.readSlice(length: length), rest.readSlice(length: 4) != nil else {
                throw .truncated
            }
            guard head[0] != Message.Kind.aggregate else { throw .tooDeep }
            let base = first ?? time
            first = base
            try handle(
                Message(
                    kind: head[0], stream: message.stream, timestamp: message.timestamp &+ (time &- base),
                    payload: payload), into: &commands)
        }
    }

    /// Commands of AMF 3 begin with a byte that says so, and go on in AMF 0.
    private static func withoutFormat(_ payload: ByteBuffer) throws(RTMPError) -> ByteBuffer {
        var payload = payload
        guard payload.readInteger(as: UInt8.self) != nil else { throw .truncated }
        return payload
    }
}
