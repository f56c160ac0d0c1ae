import NIOCore
import Testing
import Vocabulary

@testable import OriginIngest

@Suite struct `An RTMP chunk reader` {
    private func read(_ bytes: [UInt8], isTrusted: Bool = true) throws(RTMPError) -> [Message] {
        var (reader, buffer, messages) = (ChunkReader(), ByteBuffer(bytes: bytes), [Message]())
        reader.isTrusted = isTrusted
        while let message = try reader.next(from: &buffer) { messages.append(message) }
        return messages
    }

    static let messages: [Message] = [
        .control(Message.Kind.window, 5), .event(6, 1),
        Message(
            kind: 9, stream: 1, timestamp: 7,
            payload: ByteBuffer(bytes: (0..<5_000).map { UInt8(truncatingIfNeeded: $0) })),
        Message(kind: 8, stream: 1, timestamp: 0xff_ffff, payload: ByteBuffer(repeating: 1, count: 300)),
        Message(kind: 8, stream: 1, timestamp: .max, payload: ByteBuffer(repeating: 2, count: 129)),
        Message(kind: 20, payload: ByteBuffer()),
    ]

    @Test func `reads what the writer writes, however the network cuts it`() throws {
        var whole = ByteBuffer()
        for message in Self.messages { ChunkWriter.write(message, into: &whole) }
        #expect(try read(Array(whole.readableBytesView)) == Self.messages)

        var (reader, trickle, slowly) = (ChunkReader(), ByteBuffer(), [Message]())
        for byte in whole.readableBytesView {
            trickle.writeInteger(byte)
            while let message = try reader.next(from: &trickle) { slowly.append(message) }
        }
        #expect(slowly == Self.messages)
    }

    @Test func `keeps what a short header leaves out`() throws {
        let first: [UInt8] = [4, 0, 7, 208, 0, 0, 1, 8, 1, 0, 0, 0, 0xaa]  // at 2000 ms, one byte, sound, stream 1
        let later: [UInt8] = [0x44, 0, 0, 20, 0, 0, 1, 8, 0xbb]  // type 1: 20 ms later
        let same: [UInt8] = [0x84, 0, 0, 30, 0xcc]  // type 2: 30 ms later, all else alike
        let again: [UInt8] = [0xc4, 0xdd]  // type 3: as long after that
        let messages = try read(first + later + same + again)
        #expect(messages.map(\.timestamp) == [2_000, 2_020, 2_050, 2_080])
        #expect(messages.allSatisfy { $0.stream == 1 && $0.kind == 8 })
    }

    @Test func `does not double a late time that librtmp repeats`() throws {
        let first: [UInt8] = [4, 0, 7, 208, 0, 0, 1, 8, 1, 0, 0, 0, 0xaa]
        #expect(try read(first + [0xc4, 0xbb]).map(\.timestamp) == [2_000, 2_000])
    }

    @Test func `takes continued chunks with and without the extended time`() throws {
        let head: [UInt8] = [4, 0xff, 0xff, 0xff, 0, 0, 200, 8, 1, 0, 0, 0, 1, 2, 3, 4]
        let (front, back) = ([UInt8](repeating: 9, count: 128), [UInt8](repeating: 8, count: 72))
        for repeated in [[1, 2, 3, 4], []] as [[UInt8]] {
            let messages = try read(head + front + [0xc4] + repeated + back)
            #expect(messages.map(\.timestamp) == [0x0102_0304])
            #expect(messages.map { Array($0.payload.readableBytesView) } == [front + back])
        }
    }

    @Test func `weaves messages of several chunk streams, and forgets one that is taken back`() throws {
        func begin(_ stream: UInt8) -> [UInt8] {
            [stream, 0, 0, 0, 0, 0, 130, 8, 1, 0, 0, 0] + Array(repeating: stream, count: 128)
        }
        let abort: [UInt8] = [2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4]
        let messages = try read(begin(4) + begin(5) + abort + [0xc5, 5, 5])
        #expect(messages.map { Array($0.payload.readableBytesView) } == [Array(repeating: 5, count: 130)])
    }

    static let hostile: [(String, [UInt8], RTMPError)] = [
        ("a continuation of nothing", [0xc3], .withoutBeginning),
        ("a difference from nothing", [0x83, 0, 0, 1], .withoutBeginning),
        (
            "a message of 16 MB", [3, 0, 0, 0, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0],
            .oversized(length: 0xff_ffff, limit: Limits.rtmpMessage)
        ),
        ("a chunk size of zero", [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0], .outOfRange("the chunk size")),
        (
            "a chunk size beyond 31 bits", [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 0],
            .outOfRange("the chunk size")
        ),
        ("a chunk size of two bytes", [2, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 1, 0], .truncated),
        (
            "a new message in the middle of another",
            [3, 0, 0, 0, 0, 0, 200, 9, 0, 0, 0, 0] + Array(repeating: 0, count: 128) + [
                3, 0, 0, 0, 0, 0, 200, 9, 0, 0, 0, 0,
            ],
            .outOfOrder("the header of a new message")
        ),
        (
            "a hundred chunk streams",
            (0..<100).flatMap { [0, UInt8($0), 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0] as [UInt8] }, .tooMany("chunk streams")
        ),
    ]

    @Test(arguments: hostile)
    func `refuses`(what: String, bytes: [UInt8], error: RTMPError) {
        #expect(throws: error) { try self.read(bytes) }
    }

    @Test func `takes no keyframes from strangers, whole or in parts`() throws {
        let long: [UInt8] = [4, 0, 0, 0, 1, 0, 1, 9, 1, 0, 0, 0]  // 65,537 bytes
        #expect(throws: RTMPError.oversized(length: 65_537, limit: Limits.rtmpCommand)) {
            try self.read(long, isTrusted: false)
        }
        #expect(try read(long).isEmpty)
        let wide: [UInt8] = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0xa0, 0]  // chunks of 40,960 bytes
        let parts = (4...5).flatMap { stream in
            [stream, 0, 0, 0, 0, 0xff, 0, 9, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 40_960)
        }
        #expect(throws: RTMPError.oversized(length: 81_920, limit: Limits.rtmpCommand)) {
            try self.read(wide + parts, isTrusted: false)
        }
        #expect(try read(wide + parts).isEmpty)
    }

    @Test func `holds no more than the limit of unfinished messages`() {
        // Three messages of 8 MB, each all but complete, on three chunk streams.
        var bytes: [UInt8] = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0x7f, 0, 0]  // chunks of 8,323,072 bytes
        for stream in 4...6 as ClosedRange<UInt8> {
            bytes += [stream, 0, 0, 0, 0x80, 0, 0, 9, 0, 0, 0, 0] + Array(repeating: 0, count: 0x7f0000)
        }
        #expect(throws: RTMPError.self) { try self.read(bytes) }
    }
}

@Suite struct `An RTMP handshake` {
    @Test func `echoes what the client sent`() throws {
        var (handshake, buffer) = (Handshake(), ByteBuffer(bytes: [3]))
        #expect(try handshake.take(from: &buffer, random: []) == nil)
        let theirs = (0..<1_536).map { UInt8(truncatingIfNeeded: $0) }
        buffer.writeBytes(theirs)
        let answer = try #require(try handshake.take(from: &buffer, random: []))
        #expect(answer.readableBytes == 1 + 2 * 1_536)
        #expect(answer.getBytes(at: 1 + 1_536, length: 1_536) == theirs)
        #expect(!handshake.isComplete)
        buffer.writeRepeatingByte(0, count: 1_536 + 3)
        #expect(try handshake.take(from: &buffer, random: []) == nil)
        #expect(handshake.isComplete && buffer.readableBytes == 3)
    }

    @Test(arguments: [Array("GET / HTTP/1.1\r\n".utf8), [22, 3, 1, 0], [6] + Array(repeating: 0, count: 1_536)])
    func `refuses what is no RTMP`(bytes: [UInt8]) {
        var (handshake, buffer) = (Handshake(), ByteBuffer(bytes: bytes))
        #expect(throws: RTMPError.notRTMP) { try handshake.take(from: &buffer, random: []) }
    }
}
