import CLibAVFormat
import Vocabulary

/// Bytes of one transport stream packet.
private let packetLength = 188

/// Sound and pictures wrapped in memory, and taken out segment by segment.
///
/// Used by one thread at a time. Timestamps are in units of 1/90000 s.
final class Muxer {
    static let timeBase = av_shim_rational(1, 90_000)
    /// Timestamps that can be reckoned with, some hundred years around the start.
    static let plausible = -(Int64(1) << 48)...(Int64(1) << 48)

    private let context: UnsafeMutablePointer<AVFormatContext>
    private let container: Container
    /// What is added to all timestamps.
    private let offset: Int64
    private let output: Output
    /// By stream.
    private var filters: [PacketFilter?] = []
    /// Fragments count the units of pictures that a byte stream sets apart by start codes.
    private var countsUnits = false
    /// A fragment must say how long its last sample is, which only the next one tells.
    private var held: KeptPacket?
    private var initialization: [UInt8]?
    /// Bytes of packets since the last cut.
    private(set) var length = 0

    private final class Output {
        var bytes: [UInt8] = []
        private let isTransport: Bool

        init(isTransport: Bool) { self.isTransport = isTransport }

        /// HLS wants the PAT first; the service description table that libavformat puts before it, in the packets
        /// numbered 0x11, means nothing to players. Whole packets come here.
        func append(_ block: UnsafeBufferPointer<UInt8>) {
            guard isTransport else { return bytes.append(contentsOf: block) }
            var kept = 0
            for start in stride(from: 0, to: block.count - packetLength + 1, by: packetLength)
            where block[start + 2] == 0x11 && block[start + 1] & 0x1f == 0 && block[start] == 0x47 {
                bytes.append(contentsOf: block[kept..<start])
                kept = start + packetLength
            }
            bytes.append(contentsOf: block[kept...])
        }
    }

    /// - Parameter clockLead: microseconds that the clock reference of MPEG-TS runs ahead of the pictures, which
    ///   libavformat delays by twice as much for it; the default is the ffmpeg program's own.
    init(_ tracks: [Track], container: Container, offset: Int64 = 0, clockLead: Int32 = 700_000) throws(MediaError) {
        precondition(container == .ts || tracks.count == 1, "a fragment has one track")
        var allocated: UnsafeMutablePointer<AVFormatContext>?
        let code = avformat_alloc_output_context2(&allocated, nil, container == .ts ? "mpegts" : "mp4", nil)
        guard code >= 0, let context = allocated else { throw .cannotCut(reason: reason(code)) }
        self.context = context
        self.container = container
        self.offset = offset
        output = Output(isTransport: container == .ts)
        let length = 348 * packetLength
        let buffer = av_malloc(length)
        context.pointee.pb = avio_alloc_context(
            buffer?.assumingMemoryBound(to: UInt8.self), Int32(length), 1, Unmanaged.passUnretained(output).toOpaque(),
            nil,
            { opaque, bytes, count in
                guard let opaque, let bytes, count > 0 else { return 0 }
                let output = Unmanaged<Output>.fromOpaque(opaque).takeUnretainedValue()
                output.append(UnsafeBufferPointer(start: bytes, count: Int(count)))
                return count
            }, nil)
        context.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        context.pointee.max_delay = clockLead
        context.pointee.avoid_negative_ts = 0
        for track in tracks {
            let filter = try PacketFilter(for: container, track)
            let recorded = container == .cmaf ? track.recorded : nil
            countsUnits = recorded != nil
            guard let made = avformat_new_stream(context, nil),
                filter?.copyParameters(to: made.pointee.codecpar)
                    ?? (avcodec_parameters_copy(made.pointee.codecpar, (recorded ?? track).parameters) >= 0)
            else { throw .cannotCut(reason: "no memory") }
            filters.append(filter)
            made.pointee.codecpar.pointee.codec_tag = 0
            made.pointee.time_base = Self.timeBase
        }
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        if container == .cmaf {
            // Decode times are those of the packets, whatever came before, and nothing is kept of past fragments.
            av_dict_set(&options, "movflags", "frag_custom+delay_moov+default_base_moof+frag_discont+skip_trailer", 0)
            av_dict_set(&options, "use_editlist", "0", 0)
        }
        let written = avformat_write_header(context, &options)
        guard written >= 0 else { throw .cannotCut(reason: reason(written)) }
    }

    deinit {
        if let io = context.pointee.pb {
            av_free(io.pointee.buffer)
            var io: UnsafeMutablePointer<AVIOContext>? = io
            avio_context_free(&io)
        }
        avformat_free_context(context)
    }

    /// Takes a packet of a stream, by the place of its track; the packet is consumed.
    func write(_ packet: UnsafeMutablePointer<AVPacket>, to stream: Int) throws(MediaError) {
        // A packet that its sender or the network has damaged is left out; those around it are still good.
        if let filter = filters[stream], try !filter.filter(packet) { return }
        if countsUnits, !AnnexB.count(packet) { return }
        packet.pointee.stream_index = Int32(stream)
        length += Int(packet.pointee.size)
        packet.pointee.pts += offset
        packet.pointee.dts += offset
        guard container == .cmaf else { return try put(packet) }
        if let base = context.pointee.streams[stream]?.pointee.time_base {
            av_packet_rescale_ts(packet, Self.timeBase, base)
        }
        let next = KeptPacket(emptying: packet)
        try release(before: next.packet.pointee.dts)
        held = next
    }

    private func put(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) {
        let code = av_write_frame(context, packet)
        guard code >= 0 || code == av_shim_error_invalid() else { throw .cannotCut(reason: reason(code)) }
    }

    /// Writes what is held; the one after it has this decode time, if there is one.
    private func release(before time: Int64?) throws(MediaError) {
        guard let held else { return }
        self.held = nil
        defer { withExtendedLifetime(held) {} }
        if let time { held.packet.pointee.duration = max(1, time - held.packet.pointee.dts) }
        try put(held.packet)
    }

    /// Everything since the last cut, as one segment. `next` is the decode time of the packet that follows, which may be
    /// the one that is held.
    func cut(before next: Int64?) throws(MediaError) -> CutSegment.Media {
        if container == .cmaf, let next, let base = context.pointee.streams[0]?.pointee.time_base {
            let time = av_rescale_q(next + offset, Self.timeBase, base)
            if let held, held.packet.pointee.dts < time { try release(before: time) }
        } else {
            try release(before: nil)
        }
        try flush()
        guard container == .cmaf else {
            // What follows begins with its own tables.
            av_opt_set(context, "mpegts_flags", "+resend_headers", AV_OPT_SEARCH_CHILDREN)
            return CutSegment.Media(bytes: take())
        }
        if initialization == nil {
            initialization = take()
            try flush()
        }
        return CutSegment.Media(bytes: take(), initialization: initialization)
    }

    /// The last segment, with what is still held back, which lasts until `end` (decode time) at least;
    /// nothing may be written after it.
    func finish(at end: Int64? = nil) throws(MediaError) -> CutSegment.Media {
        guard container == .ts else {
            if let end, let held, let base = context.pointee.streams[0]?.pointee.time_base {
                let time = av_rescale_q(end + offset, Self.timeBase, base)
                held.packet.pointee.duration = max(held.packet.pointee.duration, time - held.packet.pointee.dts)
            }
            return try cut(before: nil)
        }
        let code = av_write_trailer(context)
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
        return CutSegment.Media(bytes: take())
    }

    private func flush() throws(MediaError) {
        let code = av_write_frame(context, nil)
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
    }

    private func take() -> [UInt8] {
        avio_flush(context.pointee.pb)
        length = 0
        let bytes = output.bytes
        output.bytes = []
        // The next segment will be about as long: growing would copy it again and again.
        output.bytes.reserveCapacity(bytes.count + bytes.count / 8)
        return bytes
    }

    /// What has been written so far, for a reader that takes it as a stream.
    func drain() -> [UInt8] { take() }
}
