import CLibAVFormat
import Vocabulary

/// An MPEG-TS multiplex that is written to memory and taken out segment by segment.
///
/// Used by one thread at a time. Timestamps are in units of 1/90000 s.
final class Muxer {
    /// Bytes of one transport stream packet.
    private static let packetLength = 188
    static let timeBase = av_shim_rational(1, 90_000)

    private let context: UnsafeMutablePointer<AVFormatContext>
    private let output: Output
    private let parameterSets: ParameterSets?

    private final class Output {
        var bytes: [UInt8] = []
    }

    init(video: UnsafeMutablePointer<AVStream>, audio: UnsafeMutablePointer<AVStream>?) throws(MediaError) {
        var allocated: UnsafeMutablePointer<AVFormatContext>?
        let code = avformat_alloc_output_context2(&allocated, nil, "mpegts", nil)
        guard code >= 0, let context = allocated else { throw .cannotCut(reason: reason(code)) }
        self.context = context
        output = Output()
        let buffer = av_malloc(65_536)
        context.pointee.pb = avio_alloc_context(
            buffer?.assumingMemoryBound(to: UInt8.self), 65_536, 1, Unmanaged.passUnretained(output).toOpaque(), nil,
            { opaque, bytes, count in
                guard let opaque, let bytes, count > 0 else { return 0 }
                let output = Unmanaged<Output>.fromOpaque(opaque).takeUnretainedValue()
                output.bytes.append(contentsOf: UnsafeBufferPointer(start: bytes, count: Int(count)))
                return count
            }, nil)
        context.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        // The clock reference runs this far ahead of the pictures, as the ffmpeg program's own does.
        context.pointee.max_delay = 700_000
        context.pointee.avoid_negative_ts = 0
        parameterSets = try ParameterSets(of: video)
        for stream in [video, audio].compactMap({ $0 }) {
            guard let made = avformat_new_stream(context, nil),
                avcodec_parameters_copy(made.pointee.codecpar, stream.pointee.codecpar) >= 0
            else { throw .cannotCut(reason: "no memory") }
            if stream == video, let parameterSets, !parameterSets.copyParameters(to: made.pointee.codecpar) {
                throw .cannotCut(reason: "no memory")
            }
            made.pointee.codecpar.pointee.codec_tag = 0
            made.pointee.time_base = Self.timeBase
        }
        let written = avformat_write_header(context, nil)
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

    var length: Int { output.bytes.count }

    func write(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) {
        // A packet that its sender or the network has damaged is left out; those around it are still good.
        if packet.pointee.stream_index == 0, let parameterSets, try !parameterSets.filter(packet) { return }
        let code = av_write_frame(context, packet)
        guard code >= 0 || code == av_shim_error_invalid() else { throw .cannotCut(reason: reason(code)) }
    }

    /// Everything since the last cut, as one segment; what follows begins with its own tables.
    func cut() throws(MediaError) -> [UInt8] {
        let code = av_write_frame(context, nil)
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
        av_opt_set(context, "mpegts_flags", "+resend_headers", AV_OPT_SEARCH_CHILDREN)
        return take()
    }

    /// The last segment, with what the bitstream filters still held back; nothing may be written after it.
    func finish() throws(MediaError) -> [UInt8] {
        let code = av_write_trailer(context)
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
        return take()
    }

    private func take() -> [UInt8] {
        avio_flush(context.pointee.pb)
        defer { output.bytes.removeAll() }
        return Self.withoutServiceTable(output.bytes)
    }

    /// HLS wants the PAT first; the service description table that libavformat puts before it means nothing to players.
    private static func withoutServiceTable(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var kept = 0
        for start in stride(from: 0, to: bytes.count - packetLength + 1, by: packetLength)
        where bytes[start + 1] & 0x1f == 0 && bytes[start + 2] == 0x11 {
            result += bytes[kept..<start]
            kept = start + packetLength
        }
        return result + bytes[kept...]
    }
}
