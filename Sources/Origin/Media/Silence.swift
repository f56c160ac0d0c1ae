import CLibAVFormat

/// Sound that nobody hears, for where a track of its own has none: players wait for each of their tracks.
struct Silence {
    /// One piece, as libavcodec encodes it.
    private let bytes: [UInt8]
    private let samples: Int64
    private let rate: Int64
    /// Where it begins, and how many pieces there are of it.
    let start: Int64
    private var count: Int64 = 0

    /// - Parameter time: where it begins. `nil` where this libavcodec cannot make such sound.
    init?(_ track: Track, from time: Int64) {
        let parameters = track.parameters.pointee
        var (rate, channels) = (parameters.sample_rate, parameters.ch_layout.nb_channels)
        var header: [UInt8] = []
        if parameters.codec_id == AV_CODEC_ID_AAC {
            guard let core = track.core, Track.rates.indices.contains(core.rate), (1...7).contains(core.channels)
            else { return nil }
            rate = Track.rates[core.rate]
            channels = core.channels == 7 ? 8 : Int32(core.channels)
            // What comes with headers must go on with them (ADTS, ISO 13818-7, 6.2: low complexity, no checksum).
            if parameters.extradata_size == 0 {
                header = [
                    0xff, 0xf1, UInt8(1 << 6 | core.rate << 2 | core.channels >> 2), UInt8(core.channels & 3) << 6, 0,
                    0x1f, 0xfc,
                ]
            }
        }
        guard
            let made = Self.piece(
                parameters.codec_id, rate: rate, channels: channels,
                bitRate: parameters.codec_id == AV_CODEC_ID_AAC ? 0 : parameters.bit_rate)
        else { return nil }
        if !header.isEmpty {
            let length = header.count + made.bytes.count
            header[4] = UInt8(length >> 3 & 0xff)
            header[5] |= UInt8(length & 7) << 5
        }
        bytes = header + made.bytes
        samples = made.samples
        self.rate = Int64(rate)
        start = time
    }

    /// Encodes some pieces of nothing and returns the last, which differs no more from those before.
    private static func piece(
        _ codec: AVCodecID, rate: Int32, channels: Int32, bitRate: Int64
    ) -> (bytes: [UInt8], samples: Int64)? {
        guard let encoder = avcodec_find_encoder(codec) else { return nil }
        var made = avcodec_alloc_context3(encoder)
        var frame = av_frame_alloc()
        var packet = av_packet_alloc()
        var options: OpaquePointer?
        defer {
            avcodec_free_context(&made)
            av_frame_free(&frame)
            av_packet_free(&packet)
            av_dict_free(&options)
        }
        guard let made, let frame, let packet, let format = encoder.pointee.sample_fmts?.pointee else { return nil }
        made.pointee.sample_rate = rate
        made.pointee.sample_fmt = format
        made.pointee.time_base = av_shim_rational(1, rate)
        if bitRate > 0 { made.pointee.bit_rate = bitRate }
        av_channel_layout_default(&made.pointee.ch_layout, channels)
        // Each piece must stand alone; only MP3 lends bits to the next.
        av_dict_set(&options, "reservoir", "0", 0)
        guard avcodec_open2(made, encoder, &options) >= 0, made.pointee.frame_size > 0 else { return nil }
        frame.pointee.nb_samples = made.pointee.frame_size
        frame.pointee.format = format.rawValue
        frame.pointee.sample_rate = rate
        guard av_channel_layout_copy(&frame.pointee.ch_layout, &made.pointee.ch_layout) >= 0,
            av_frame_get_buffer(frame, 0) >= 0
        else { return nil }
        av_samples_set_silence(frame.pointee.extended_data, 0, frame.pointee.nb_samples, channels, format)
        var bytes: [UInt8] = []
        for number in 0..<8 {
            frame.pointee.pts = Int64(number) * Int64(frame.pointee.nb_samples)
            guard avcodec_send_frame(made, frame) >= 0 else { return nil }
            while avcodec_receive_packet(made, packet) >= 0 {
                bytes = Array(UnsafeBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size)))
                av_packet_unref(packet)
            }
        }
        return bytes.isEmpty ? nil : (bytes, Int64(frame.pointee.nb_samples))
    }

    private func begin(of piece: Int64) -> Int64 { start + piece * samples * 90_000 / rate }

    /// The next piece, if it has ended at `time`.
    mutating func next(before time: Int64) -> KeptPacket? {
        guard begin(of: count + 1) <= time else { return nil }
        var made = av_packet_alloc()
        defer { av_packet_free(&made) }
        guard let packet = made, av_new_packet(packet, Int32(bytes.count)) >= 0 else {
            preconditionFailure("no memory for a packet")
        }
        packet.pointee.data.update(from: bytes, count: bytes.count)
        packet.pointee.pts = begin(of: count)
        packet.pointee.dts = packet.pointee.pts
        count += 1
        packet.pointee.duration = begin(of: count) - packet.pointee.pts
        packet.pointee.time_base = Muxer.timeBase
        packet.pointee.flags = AV_PKT_FLAG_KEY
        return KeptPacket(packet)
    }
}
