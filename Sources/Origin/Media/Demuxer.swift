import CLibAVFormat
import Vocabulary

/// An opened input with its best video and best audio stream.
///
/// Used by one thread at a time.
final class Demuxer {
    private var context: UnsafeMutablePointer<AVFormatContext>
    private let packet: UnsafeMutablePointer<AVPacket>
    private let input: MediaInput
    private let interrupt: Interrupt
    let video: UnsafeMutablePointer<AVStream>
    private(set) var audio: UnsafeMutablePointer<AVStream>?
    /// The audio that had to be left out.
    private(set) var refusedAudio: String?

    init(_ input: MediaInput, interrupt: Interrupt) throws(MediaError) {
        self.input = input
        self.interrupt = interrupt
        guard let packet = av_packet_alloc(), let allocated = avformat_alloc_context() else {
            preconditionFailure("no memory for a demuxer")
        }
        var packetToFree: UnsafeMutablePointer<AVPacket>? = packet
        allocated.pointee.interrupt_callback = interrupt.callback
        allocated.pointee.flags |= AVFMT_FLAG_GENPTS
        var opened: UnsafeMutablePointer<AVFormatContext>? = allocated
        var options: OpaquePointer?
        av_dict_set(&options, "protocol_whitelist", input.protocols, 0)
        defer { av_dict_free(&options) }
        interrupt.arm(input.openLimit)
        let code = avformat_open_input(&opened, input.url, nil, &options)
        guard code >= 0, let context = opened else {
            av_packet_free(&packetToFree)
            if interrupt.isStopped { throw .stopped }
            throw .cannotOpen("\(input)", reason: code == av_shim_error_exit() ? "nothing came in time" : reason(code))
        }
        do throws(MediaError) {
            interrupt.arm(input.openLimit)
            let found = avformat_find_stream_info(context, nil)
            if interrupt.isStopped { throw .stopped }
            guard found >= 0 else { throw .cannotOpen("\(input)", reason: reason(found)) }
            guard let video = Self.best(AVMEDIA_TYPE_VIDEO, in: context, near: -1),
                video.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC == 0
            else { throw .noVideo("\(input)") }
            let codec = video.pointee.codecpar.pointee.codec_id
            guard codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC else {
                throw .unsupportedVideo("\(input)", codec: String(cString: avcodec_get_name(codec)))
            }
            self.video = video
        } catch {
            avformat_close_input(&opened)
            av_packet_free(&packetToFree)
            throw error
        }
        self.context = context
        self.packet = packet
        if let audio = Self.best(AVMEDIA_TYPE_AUDIO, in: context, near: video.pointee.index) {
            let codec = audio.pointee.codecpar.pointee.codec_id
            if [AV_CODEC_ID_AAC, AV_CODEC_ID_MP3, AV_CODEC_ID_AC3, AV_CODEC_ID_EAC3].contains(codec) {
                self.audio = audio
            } else {
                refusedAudio = String(cString: avcodec_get_name(codec))
            }
        }
        for index in 0..<Int(context.pointee.nb_streams) {
            guard let stream = context.pointee.streams[index] else { continue }
            stream.pointee.discard = stream == video || stream == audio ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&packet)
        var context: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&context)
    }

    private static func best(
        _ type: AVMediaType, in context: UnsafeMutablePointer<AVFormatContext>, near: Int32
    ) -> UnsafeMutablePointer<AVStream>? {
        let index = av_find_best_stream(context, type, -1, near, nil, 0)
        return index >= 0 ? context.pointee.streams[Int(index)] : nil
    }

    /// The next packet of either stream, valid until the next call; `nil` at the end.
    func read() throws(MediaError) -> UnsafeMutablePointer<AVPacket>? {
        av_packet_unref(packet)
        while true {
            interrupt.arm(input.readLimit)
            let code = av_read_frame(context, packet)
            if interrupt.isStopped { throw .stopped }
            if code == av_shim_error_eof() { return nil }
            guard code >= 0 else {
                let isSilent = code == av_shim_error_exit()
                throw .cannotRead("\(input)", reason: isSilent ? "nothing came for 10 s" : reason(code))
            }
            let index = packet.pointee.stream_index
            if index == video.pointee.index || index == audio?.pointee.index { return packet }
            av_packet_unref(packet)
        }
    }

    /// The widest spacing of keyframes in microseconds, if the container keeps an index; 0 otherwise.
    var longestInterval: Int64 {
        let base = video.pointee.time_base
        var last: Int64?
        var longest: Int64 = 0
        for position in 0..<max(0, avformat_index_get_entries_count(video)) {
            guard let entry = avformat_index_get_entry(video, position),
                entry.pointee.flags & AVINDEX_KEYFRAME != 0
            else { continue }
            if let last { longest = max(longest, entry.pointee.timestamp - last) }
            last = entry.pointee.timestamp
        }
        if let last, video.pointee.duration > 0 {
            let start = video.pointee.start_time == av_shim_nopts() ? 0 : video.pointee.start_time
            longest = max(longest, start + video.pointee.duration - last)
        }
        return min(av_rescale_q(longest, base, av_shim_rational(1, 1_000_000)), 60_000_000)
    }

    var bitRate: Int64 { max(0, context.pointee.bit_rate) }
}
