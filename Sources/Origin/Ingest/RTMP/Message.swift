package import NIOCore

/// One RTMP message, put together from its chunks.
package struct Message: Hashable, Sendable {
    package var kind: UInt8
    package var stream: UInt32
    /// Milliseconds, modulo 2^32.
    package var timestamp: UInt32
    package var payload: ByteBuffer

    package init(kind: UInt8, stream: UInt32 = 0, timestamp: UInt32 = 0, payload: ByteBuffer) {
        self.kind = kind
        self.stream = stream
        self.timestamp = timestamp
        self.payload = payload
    }

    /// Adobe, "Real-Time Messaging Protocol", 2012, sections 5.4 and 7.1.
    package enum Kind {
        package static let chunkSize: UInt8 = 1
        package static let abort: UInt8 = 2
        package static let acknowledgement: UInt8 = 3
        package static let userControl: UInt8 = 4
        package static let window: UInt8 = 5
        package static let peerBandwidth: UInt8 = 6
        package static let audio: UInt8 = 8
        package static let video: UInt8 = 9
        package static let dataAMF3: UInt8 = 15
        package static let commandAMF3: UInt8 = 17
        package static let data: UInt8 = 18
        package static let command: UInt8 = 20
        package static let aggregate: UInt8 = 22
    }

    /// A message that only holds a number, and, for a peer's bandwidth, how it is meant.
    package static func control(_ kind: UInt8, _ number: UInt32, _ rest: [UInt8] = []) -> Message {
        var payload = ByteBuffer(integer: number)
        payload.writeBytes(rest)
        return Message(kind: kind, payload: payload)
    }

    /// An event such as "stream begins" (section 7.1.7) about `number`.
    package static func event(_ event: UInt16, _ number: UInt32) -> Message {
        var payload = ByteBuffer(integer: event)
        payload.writeInteger(number)
        return Message(kind: Kind.userControl, payload: payload)
    }

    package static func command(stream: UInt32 = 0, _ values: AMF...) -> Message {
        var payload = ByteBuffer()
        for value in values { value.encode(into: &payload) }
        return Message(kind: Kind.command, stream: stream, payload: payload)
    }
}
