import NIOCore
import Testing
import Vocabulary

@testable import OriginIngest

@Suite struct `A dialogue with an encoder` {
    private var dialogue = Dialogue()

    private mutating func say(_ message: Message) throws -> [Dialogue.Command] {
        var commands: [Dialogue.Command] = []
        try dialogue.handle(message, into: &commands)
        return commands
    }

    private mutating func connect(app: String = "live") throws -> [Dialogue.Command] {
        try say(.command(.string("connect"), .number(1), .object([.init("app", .string(app))])))
    }

    private mutating func publish(_ name: String) throws -> [Dialogue.Command] {
        try say(.command(stream: 1, .string("publish"), .number(5), .null, .string(name), .string("live")))
    }

    private mutating func goOnAir() throws {
        _ = try connect()
        _ = try publish("key")
        var commands: [Dialogue.Command] = []
        dialogue.admitted(into: &commands)
        #expect(codes(commands) == ["NetStream.Publish.Start"])
    }

    /// The codes of the status messages among what is to be sent.
    private func codes(_ commands: [Dialogue.Command]) -> [String] {
        commands.compactMap { command in
            guard case .send(let message) = command, message.kind == Message.Kind.command,
                let values = try? AMF.values(parsing: message.payload)
            else { return nil }
            return values.compactMap { $0["code"]?.text }.first
        }
    }

    @Test mutating func `leads from connect to publish`() throws {
        #expect(codes(try connect()) == ["NetConnection.Connect.Success"])
        let created = try say(.command(.string("createStream"), .number(4), .null))
        guard case .send(let message) = created.first else { throw RTMPError.truncated }
        #expect(try AMF.values(parsing: message.payload) == [.string("_result"), .number(4), .null, .number(1)])
        #expect(try publish("a-key?token=1") == [.admit(Ticket(key: "a-key"))])
    }

    @Test mutating func `finds the key at the end of the application's name`() throws {
        _ = try connect(app: "live/a-key")
        #expect(try publish("") == [.admit(Ticket(key: "a-key"))])
    }

    @Test mutating func `takes nothing before the key was right`() throws {
        _ = try connect()
        let tag = Message(kind: Message.Kind.video, stream: 1, payload: ByteBuffer(bytes: [0x17]))
        #expect(try say(tag).isEmpty)
        _ = try publish("key")
        #expect(try say(tag).isEmpty)
        var commands: [Dialogue.Command] = []
        dialogue.refused("no", into: &commands)
        #expect(codes(commands) == ["NetStream.Publish.BadName"])
        dialogue.admitted(into: &commands)
        #expect(try say(tag).isEmpty)
    }

    @Test mutating func `passes on sound, pictures and what describes them`() throws {
        try goOnAir()
        let sound = ByteBuffer(bytes: [0xaf, 1, 2])
        #expect(
            try say(Message(kind: 8, stream: 1, timestamp: 40, payload: sound))
                == [.tag(kind: 8, timestamp: 40, sound)])
        var (described, plain) = (ByteBuffer(), ByteBuffer())
        for value in [AMF.string("onMetaData"), .object([.init("width", .number(640))])] { value.encode(into: &plain) }
        AMF.string("@setDataFrame").encode(into: &described)
        described.writeImmutableBuffer(plain)
        #expect(try say(Message(kind: 18, stream: 1, payload: described)) == [.tag(kind: 18, timestamp: 0, plain)])
        var amf3 = ByteBuffer(bytes: [0])
        amf3.writeImmutableBuffer(described)
        #expect(try say(Message(kind: 15, stream: 1, payload: amf3)) == [.tag(kind: 18, timestamp: 0, plain)])
    }

    @Test mutating func `takes an aggregate apart`() throws {
        try goOnAir()
        let tags: [UInt8] = [
            8, 0, 0, 1, 0, 0, 100, 0, 0, 0, 0, 0xaa, 0, 0, 0, 12, 9, 0, 0, 1, 0, 0, 120, 0, 0, 0, 0, 0xbb, 0, 0, 0, 12,
        ]
        let commands = try say(Message(kind: 22, stream: 1, timestamp: 5_000, payload: ByteBuffer(bytes: tags)))
        #expect(
            commands == [
                .tag(kind: 8, timestamp: 5_000, ByteBuffer(bytes: [0xaa])),
                .tag(kind: 9, timestamp: 5_020, ByteBuffer(bytes: [0xbb])),
            ])
    }

    @Test(arguments: ["FCUnpublish", "deleteStream", "closeStream"])
    mutating func `ends when the encoder says so`(word: String) throws {
        try goOnAir()
        #expect(try say(.command(.string(word), .number(6), .null)).last == .end)
        #expect(!dialogue.isPublishing)
    }

    @Test(arguments: ["connect", "createStream", "_checkbw"])
    mutating func `says nothing back that is longer than what it was told`(word: String) throws {
        if word != "connect" { _ = try connect() }
        // In AMF 3, an array of nine hundred times the same string: all but the first in two bytes each.
        let text = [UInt8](repeating: 65, count: 16_000)
        var payload = ByteBuffer()
        AMF.string(word).encode(into: &payload)
        payload.writeBytes([17, 9, 0x8e, 0x09, 1, 6, 0x81, 0xfa, 0x01] + text)
        for _ in 1..<900 { payload.writeBytes([6, 0]) }
        #expect(try AMF.values(parsing: payload).count == 2)
        let answer = try say(Message(kind: Message.Kind.command, payload: payload))
        let lengths = answer.map { if case .send(let message) = $0 { message.payload.readableBytes } else { 0 } }
        #expect(lengths.reduce(0, +) < 512)
    }

    @Test mutating func `plays nothing`() throws {
        _ = try connect()
        let commands = try say(.command(stream: 1, .string("play"), .number(0), .null, .string("x")))
        #expect(codes(commands) == ["NetStream.Play.Failed"])
        #expect(commands.last == .end)
    }

    @Test mutating func `answers a ping`() throws {
        #expect(try say(.event(6, 77)) == [.send(.event(7, 77))])
    }

    @Test mutating func `refuses commands at the wrong time`() throws {
        #expect(throws: RTMPError.self) { try publish("key") }
        _ = try connect()
        #expect(throws: RTMPError.self) { try connect() }
        _ = try publish("key")
        #expect(throws: RTMPError.self) { try publish("key") }
        #expect(throws: RTMPError.self) { try say(Message(kind: 20, payload: ByteBuffer(bytes: [5]))) }
    }
}
