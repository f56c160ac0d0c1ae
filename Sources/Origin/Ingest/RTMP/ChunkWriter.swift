package import NIOCore

/// Writes messages as chunks of the size that needs no announcement: our answers are short.
package enum ChunkWriter {
    private static let chunkSize = 128

    package static func write(_ message: Message, into buffer: inout ByteBuffer) {
        // Section 5.4: what controls the protocol travels on chunk stream 2.
        let isControl = message.kind <= Message.Kind.peerBandwidth
        let name: UInt8 = isControl ? 2 : 3
        let length = message.payload.readableBytes
        buffer.writeInteger(name)
        buffer.writeInteger(UInt8(truncatingIfNeeded: min(message.timestamp, 0xff_ffff) >> 16))
        buffer.writeInteger(UInt16(truncatingIfNeeded: min(message.timestamp, 0xff_ffff)))
        buffer.writeInteger(UInt8(truncatingIfNeeded: length >> 16))
        buffer.writeInteger(UInt16(truncatingIfNeeded: length))
        buffer.writeInteger(message.kind)
        buffer.writeInteger(message.stream, endianness: .little)
        if message.timestamp >= 0xff_ffff { buffer.writeInteger(message.timestamp) }
        var payload = message.payload
        while true {
            guard var part = payload.readSlice(length: min(chunkSize, payload.readableBytes)) else { return }
            buffer.writeBuffer(&part)
            if payload.readableBytes == 0 { return }
            buffer.writeInteger(0xc0 | name)
            if message.timestamp >= 0xff_ffff { buffer.writeInteger(message.timestamp) }
        }
    }
}
