import Logging
import NIOCore
import NIOEmbedded
import Testing
import Vocabulary

@testable import OriginIngest

@Suite struct `An RTMP connection` {
    private let reception: Reception
    private let channel: EmbeddedChannel

    init() throws {
        var log = Logger(label: "test")
        log.logLevel = .critical
        reception = Reception(log: log)
        channel = EmbeddedChannel(handler: RTMPConnection(reception, transport: "RTMP"))
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1_935)).wait()
        try channel.writeInbound(ByteBuffer(bytes: [3] + [UInt8](repeating: 0, count: 2 * 1_536)))
        try say(.command(.string("connect"), .number(1), .object([.init("app", .string("live"))])))
    }

    private func say(_ message: Message) throws {
        var bytes = ByteBuffer()
        ChunkWriter.write(message, into: &bytes)
        try channel.writeInbound(bytes)
    }

    /// Bytes that it has written since the last look.
    private func heard() throws -> Int {
        var count = 0
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { count += bytes.readableBytes }
        return count
    }

    @Test func `ends when nobody reads what it answers`() throws {
        #expect(try heard() > 0)
        try say(.command(.string("createStream"), .number(2), .null))
        #expect(try heard() > 0)
        channel.isWritable = false
        try say(.command(.string("createStream"), .number(3), .null))
        #expect(try heard() == 0)
        #expect(!channel.isActive)
        #expect(reception.figures.malformed == ["unread": 1])
    }
}
