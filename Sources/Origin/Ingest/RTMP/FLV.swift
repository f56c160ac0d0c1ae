package import NIOCore

/// Writes what came over RTMP as a Flash Video file, which libavformat reads.
package enum FLV {
    /// The file's header, which promises sound and pictures, and the length of the tag before the first.
    package static let header: [UInt8] = Array("FLV".utf8) + [1, 5, 0, 0, 0, 9, 0, 0, 0, 0]

    package static func tag(kind: UInt8, timestamp: UInt32, _ payload: ByteBuffer) -> [UInt8] {
        let length = payload.readableBytes
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + 15)
        bytes.append(kind)
        bytes.append(contentsOf: [16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) })
        bytes.append(contentsOf: [16, 8, 0, 24].map { UInt8(truncatingIfNeeded: timestamp >> $0) })
        bytes.append(contentsOf: [0, 0, 0])
        bytes.append(contentsOf: payload.readableBytesView)
        bytes.append(contentsOf: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: (length + 11) >> $0) })
        return bytes
    }

    /// The codec of a video tag in the enhanced form, as four letters; `nil` for a tag of the old form.
    package static func enhancedCodec(of tag: ByteBuffer) -> String? {
        guard let first = tag.getInteger(at: tag.readerIndex, as: UInt8.self), first & 0x80 != 0,
            let letters = tag.getBytes(at: tag.readerIndex + 1, length: 4)
        else { return nil }
        return String(decoding: letters.map { (33...126).contains($0) ? $0 : 63 }, as: UTF8.self)
    }

    /// What a tag of the enhanced form says of pictures, in the old form as H.264 has it ("Enhancing RTMP, FLV", Veovera,
    /// 2023): libavformat reads that in any version, if it is told the codec. `nil` where it says nothing of them.
    package static func plain(_ tag: ByteBuffer) -> ByteBuffer? {
        guard enhancedCodec(of: tag) != nil, let first = tag.getInteger(at: tag.readerIndex, as: UInt8.self) else {
            return nil
        }
        var rest = tag
        rest.moveReaderIndex(forwardBy: 5)
        // The beginning of a sequence, pictures with what they are shown later than decoded, its end, and pictures that are
        // shown when they are decoded.
        let kind = first & 0x0f
        guard kind <= 3, kind != 1 || rest.readableBytes >= 3 else { return nil }
        var plain = ByteBuffer(bytes: [first & 0x70 | 7, kind == 3 ? 1 : kind] + (kind == 1 ? [] : [0, 0, 0]))
        plain.writeBuffer(&rest)
        return plain
    }
}
