import CLibAVFormat

/// Sound that nobody hears, for where a track of its own has none: players wait for each of their tracks.
struct Silence {
    /// A piece of AAC that holds nothing, by channels: 1,024 samples (ISO 14496-3, 4.4.2.1: raw_data_block).
    private static let pieces: [[UInt8]] = [
        [0x00, 0xc8, 0x00, 0x80, 0x23, 0x80],
        [0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80],
        [0x00, 0xc8, 0x00, 0x80, 0x20, 0x84, 0x01, 0x26, 0x40, 0x08, 0x64, 0x00, 0x8e],
        [
            0x00, 0xc8, 0x00, 0x80, 0x20, 0x84, 0x01, 0x26, 0x40, 0x08, 0x64, 0x00, 0x80, 0x2c, 0x80, 0x08, 0x02, 0x38,
        ],
        [
            0x00, 0xc8, 0x00, 0x80, 0x20, 0x84, 0x01, 0x26, 0x40, 0x08, 0x64, 0x00, 0x82, 0x30, 0x04, 0x99, 0x00, 0x21,
            0x90, 0x02, 0x38,
        ],
        [
            0x00, 0xc8, 0x00, 0x80, 0x20, 0x84, 0x01, 0x26, 0x40, 0x08, 0x64, 0x00, 0x82, 0x30, 0x04, 0x99, 0x00, 0x21,
            0x90, 0x02, 0x00, 0xb2, 0x00, 0x20, 0x08, 0xe0,
        ],
    ]
    private static let samples: Int64 = 1_024

    private let bytes: [UInt8]
    private let rate: Int64
    /// Where it begins, and how many pieces there are of it.
    private let start: Int64
    private var count: Int64 = 0

    /// - Parameter last: when the last piece of real sound began. `nil` for sound other than AAC.
    init?(_ track: Track, after last: Int64) {
        let parameters = track.parameters.pointee
        let channels = Int(parameters.ch_layout.nb_channels)
        guard parameters.codec_id == AV_CODEC_ID_AAC, [0, Int32(Self.samples)].contains(parameters.frame_size),
            (1...Self.pieces.count).contains(channels),
            let index = Track.rates.firstIndex(of: parameters.sample_rate)
        else { return nil }
        let piece = Self.pieces[channels - 1]
        // What comes with headers must go on with them (ADTS, ISO 13818-7, 6.2: low complexity, no checksum).
        let length = piece.count + 7
        let header: [UInt8] = [
            0xff, 0xf1, UInt8(1 << 6 | index << 2 | channels >> 2), UInt8(channels & 3) << 6, UInt8(length >> 3),
            UInt8(length & 7) << 5 | 0x1f, 0xfc,
        ]
        bytes = (parameters.extradata_size == 0 ? header : []) + piece
        rate = Int64(parameters.sample_rate)
        start = last + Self.samples * 90_000 / rate
    }

    /// When the next piece begins.
    var time: Int64 { start + count * Self.samples * 90_000 / rate }

    /// The next piece.
    mutating func next() -> KeptPacket {
        var made = av_packet_alloc()
        defer { av_packet_free(&made) }
        guard let packet = made, av_new_packet(packet, Int32(bytes.count)) >= 0 else {
            preconditionFailure("no memory for a packet")
        }
        packet.pointee.data.update(from: bytes, count: bytes.count)
        (packet.pointee.pts, packet.pointee.dts) = (time, time)
        count += 1
        packet.pointee.duration = time - packet.pointee.pts
        packet.pointee.time_base = Muxer.timeBase
        packet.pointee.flags = AV_PKT_FLAG_KEY
        return KeptPacket(packet)
    }
}
