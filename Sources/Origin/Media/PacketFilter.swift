import CLibAVFormat
import Vocabulary

/// A row of libavcodec's bitstream filters that give one packet for each that they take.
final class PacketFilter {
    private let filter: UnsafeMutablePointer<AVBSFContext>

    init(_ chain: String, _ track: Track) throws(MediaError) {
        var made: UnsafeMutablePointer<AVBSFContext>?
        guard av_bsf_list_parse_str(chain, &made) >= 0, let filter = made else {
            throw .cannotCut(reason: "this libavcodec has no \(chain)")
        }
        self.filter = filter
        avcodec_parameters_copy(filter.pointee.par_in, track.parameters)
        filter.pointee.time_base_in = Muxer.timeBase
        let code = av_bsf_init(filter)
        guard code >= 0 else { throw .cannotCut(reason: reason(code)) }
    }

    /// What a stream needs to go into a container, if it needs anything.
    ///
    /// MPEG-TS has no place beside the video, and libavformat's own conversion puts parameter sets just before the
    /// picture, behind messages that already refer to them; a decoder that starts at that segment complains. Fragments
    /// take no sound with headers of its own.
    convenience init?(for container: Container, _ track: Track) throws(MediaError) {
        let parameters = track.parameters.pointee
        // Byte streams begin with a start code, configuration records with their version, 1.
        let isRecord = parameters.extradata_size > 6 && parameters.extradata?.pointee == 1
        switch (container, parameters.codec_id) {
        case (.ts, AV_CODEC_ID_H264) where isRecord: try self.init("h264_mp4toannexb,dump_extra=freq=keyframe", track)
        case (.ts, AV_CODEC_ID_HEVC) where isRecord: try self.init("hevc_mp4toannexb,dump_extra=freq=keyframe", track)
        case (.cmaf, AV_CODEC_ID_AAC) where parameters.extradata_size == 0: try self.init("aac_adtstoasc", track)
        default: return nil
        }
    }

    deinit {
        var filter: UnsafeMutablePointer<AVBSFContext>? = filter
        av_bsf_free(&filter)
    }

    func copyParameters(to target: UnsafeMutablePointer<AVCodecParameters>) -> Bool {
        avcodec_parameters_copy(target, filter.pointee.par_out) >= 0
    }

    /// Changes a packet in place. False for a damaged one.
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
