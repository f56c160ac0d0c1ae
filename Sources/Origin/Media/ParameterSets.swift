import CLibAVFormat
import Vocabulary

/// Puts parameter sets at the very front of each keyframe of a video that came with them beside it, as in MP4 and FLV.
///
/// MPEG-TS has no place beside the video. libavformat's own conversion puts them just before the picture, behind
/// messages that already refer to them, and a decoder that starts at that segment complains.
final class ParameterSets {
    private let filter: UnsafeMutablePointer<AVBSFContext>

    /// `nil` for a video that carries its parameter sets in its stream.
    init?(of video: UnsafeMutablePointer<AVStream>) throws(MediaError) {
        let parameters = video.pointee.codecpar.pointee
        // Byte streams begin with a start code, configuration records with their version, 1.
        guard parameters.extradata_size > 6, parameters.extradata?.pointee == 1 else { return nil }
        let chain: String
        switch parameters.codec_id {
        case AV_CODEC_ID_H264: chain = "h264_mp4toannexb,dump_extra=freq=keyframe"
        case AV_CODEC_ID_HEVC: chain = "hevc_mp4toannexb,dump_extra=freq=keyframe"
        default: return nil
        }
        var made: UnsafeMutablePointer<AVBSFContext>?
        guard av_bsf_list_parse_str(chain, &made) >= 0, let filter = made else {
            throw .cannotCut(reason: "this libavcodec has no \(chain)")
        }
        self.filter = filter
        avcodec_parameters_copy(filter.pointee.par_in, video.pointee.codecpar)
        filter.pointee.time_base_in = video.pointee.time_base
        let code = av_bsf_init(filter)
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
    }

    deinit {
        var filter: UnsafeMutablePointer<AVBSFContext>? = filter
        av_bsf_free(&filter)
    }

    func copyParameters(to target: UnsafeMutablePointer<AVCodecParameters>) -> Bool {
        avcodec_parameters_copy(target, filter.pointee.par_out) >= 0
    }

    /// Changes a packet in place; these filters give one packet for each that they take. False for a damaged one.
    func filter(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Bool {
        var code = av_bsf_send_packet(filter, packet)
        if code >= 0 { code = av_bsf_receive_packet(filter, packet) }
        if code == av_shim_error_invalid() {
            av_bsf_flush(filter)
            return false
        }
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
        return true
    }
}
