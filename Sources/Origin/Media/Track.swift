import CLibAVFormat

/// What a stream consists of, kept apart from whoever reads it.
final class Track {
    let parameters: UnsafeMutablePointer<AVCodecParameters>

    /// - Parameters:
    ///   - isPresumed: no sound has come yet, and AAC will tell what it is.
    ///   - isH265: whatever codec is named.
    init(_ source: UnsafeMutablePointer<AVCodecParameters>, isPresumed: Bool = false, isH265: Bool = false) {
        guard let parameters = avcodec_parameters_alloc(), avcodec_parameters_copy(parameters, source) >= 0 else {
            preconditionFailure("no memory for a track")
        }
        self.parameters = parameters
        parameters.pointee.codec_tag = 0
        if isH265 { parameters.pointee.codec_id = AV_CODEC_ID_HEVC }
        // What comes wrapped is unwrapped before anybody sees it.
        if parameters.pointee.codec_id == AV_CODEC_ID_AAC_LATM { parameters.pointee.codec_id = AV_CODEC_ID_AAC }
        // FLV calls all AAC stereo until it is decoded.
        if parameters.pointee.codec_id == AV_CODEC_ID_AAC, description.count >= 2, let core, core.channels > 0,
            parameters.pointee.frame_size == 0
        {
            setSound(rate: core.rate, channels: core.channels)
        }
        // Low complexity, as a header tells it that has no private bits.
        if isPresumed, let core {
            shown = [[UInt8(1 << 6 | core.rate << 2 | core.channels >> 2), UInt8(core.channels & 3) << 6]]
        }
    }

    deinit {
        var parameters: UnsafeMutablePointer<AVCodecParameters>? = parameters
        avcodec_parameters_free(&parameters)
    }

    var height: Int { Int(parameters.pointee.height) }

    var isVideo: Bool { parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO }

    var description: [UInt8] {
        guard let start = parameters.pointee.extradata else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: Int(max(0, parameters.pointee.extradata_size))))
    }

    /// Whether a picture is told how it is to be read beside the stream (`avcC`, `hvcC`), not in it.
    private var isRecord: Bool { description.count > 6 && description[0] == 1 }

    /// The sequence parameter sets that a byte stream has shown last, or the header of its sound.
    private var shown: [[UInt8]] = []

    /// The track as it is from this keyframe or piece of sound on; `nil` while it is what it was.
    func changed(by packet: UnsafeMutablePointer<AVPacket>) -> Track? {
        var size = 0
        if let side = av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size), size > 0 {
            let fresh = Array(UnsafeBufferPointer(start: side, count: size))
            return fresh == description ? nil : replacing(fresh, packet)
        }
        guard isVideo else { return changedSound(by: packet) }
        guard let start = packet.pointee.data else { return nil }
        let bytes = UnsafeBufferPointer(start: start, count: Int(packet.pointee.size))
        let isHEVC = parameters.pointee.codec_id == AV_CODEC_ID_HEVC
        let units = !isRecord ? Self.parameterSets(packet, isHEVC: isHEVC) : isHEVC ? [] : recordedParameterSets(bytes)
        // Some say them twice before a picture, and mean the same.
        var sequence: [[UInt8]] = []
        for unit in units where unit.isSequence && !sequence.contains(unit.bytes) { sequence.append(unit.bytes) }
        guard !sequence.isEmpty, sequence != shown else { return nil }
        let isFirst = shown.isEmpty
        shown = sequence
        guard !isFirst else { return nil }
        let stream: [UInt8] = units.flatMap { [0, 0, 0, 1] + $0.bytes }
        guard let fresh = isRecord ? record(of: stream) : stream else { return nil }
        let track = replacing(fresh, packet)
        track.shown = sequence
        return track
    }

    /// AAC that tells before each piece how it is to be read (ADTS, ISO 13818-7, 6.2).
    private func changedSound(by packet: UnsafeMutablePointer<AVPacket>) -> Track? {
        guard parameters.pointee.codec_id == AV_CODEC_ID_AAC, parameters.pointee.extradata_size == 0,
            let start = packet.pointee.data, packet.pointee.size > 7, start[0] == 0xff, start[1] & 0xf0 == 0xf0
        else { return nil }
        let header = [[start[2] & 0xfd, start[3] & 0xc0]]
        guard header != shown else { return nil }
        guard !shown.isEmpty else {
            shown = header
            return nil
        }
        // This one stays as it is: until the other begins, silence of its kind may be wanted.
        let track = Track(parameters)
        track.setSound(
            rate: Int(start[2] >> 2) & 15, channels: Int(start[2] & 1) << 2 | Int(start[3] >> 6))
        track.shown = header
        return track
    }

    /// As AAC numbers them.
    static let rates: [Int32] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ]

    /// The rate and the channels of AAC itself, as it numbers them, without what a decoder may add to them (4.6.18: bandwidth
    /// replication, 8.6.4: parametric stereo); `nil` where they are not told as numbers.
    var core: (rate: Int, channels: Int)? {
        guard description.count < 2 else {
            return (Int(description[0] & 7) << 1 | Int(description[1] >> 7), Int(description[1] >> 3) & 15)
        }
        if let header = shown.first { return (Int(header[0] >> 2) & 15, Int(header[0] & 1) << 2 | Int(header[1] >> 6)) }
        guard let rate = Self.rates.firstIndex(of: parameters.pointee.sample_rate) else { return nil }
        let channels = Int(parameters.pointee.ch_layout.nb_channels)
        return (rate, channels == 8 ? 7 : channels)
    }

    /// - Parameters: as AAC numbers them.
    private func setSound(rate: Int, channels: Int) {
        if Self.rates.indices.contains(rate) { parameters.pointee.sample_rate = Self.rates[rate] }
        guard (1...7).contains(channels) else { return }
        av_channel_layout_uninit(&parameters.pointee.ch_layout)
        av_channel_layout_default(&parameters.pointee.ch_layout, channels == 7 ? 8 : Int32(channels))
    }

    /// Whether a keyframe and what follows it need no picture before it: one of H.264 may only be where a decoder recovers,
    /// and one of H.265 may be followed by pictures that are shown before it (CRA, 7.4.2.2).
    func isClosed(_ packet: UnsafeMutablePointer<AVPacket>) -> Bool {
        guard isVideo, let start = packet.pointee.data else { return true }
        let isHEVC = parameters.pointee.codec_id == AV_CODEC_ID_HEVC
        let bytes = UnsafeBufferPointer(start: start, count: Int(max(0, packet.pointee.size)))
        /// What the header of a picture's slice says; other units say nothing.
        func isClosed(_ header: UInt8) -> Bool? {
            let type = isHEVC ? header >> 1 & 0x3f : header & 0x1f
            return isHEVC ? (type < 32 ? (16...20).contains(type) : nil) : type == 5 ? true : type == 1 ? false : nil
        }
        if isRecord {
            guard description.count > (isHEVC ? 21 : 4) else { return true }
            let width = Int(description[isHEVC ? 21 : 4] & 3) + 1
            var index = 0
            while index + width < bytes.count {
                if let answer = isClosed(bytes[index + width]) { return answer }
                index += width + bytes[index..<index + width].reduce(0) { $0 << 8 | Int($1) }
            }
            return true
        }
        for unit in AnnexB(packet) {
            if let answer = isClosed(unit[0]) { return answer }
        }
        return true
    }

    private func setDescription(_ description: [UInt8]) {
        av_free(parameters.pointee.extradata)
        let memory = av_mallocz(description.count + Int(AV_INPUT_BUFFER_PADDING_SIZE))?
            .assumingMemoryBound(to: UInt8.self)
        memory?.update(from: description, count: description.count)
        parameters.pointee.extradata = memory
        parameters.pointee.extradata_size = Int32(description.count)
    }

    private func replacing(_ description: [UInt8], _ packet: UnsafeMutablePointer<AVPacket>) -> Track {
        let track = Track(parameters)
        track.setDescription(description)
        guard isVideo else {
            // An AudioSpecificConfig (ISO 14496-3, 1.6.2.1): 5 bits of kind, 4 of rate, 4 of channels.
            if parameters.pointee.codec_id == AV_CODEC_ID_AAC, let core = track.core {
                track.setSound(rate: core.rate, channels: core.channels)
            }
            return track
        }
        // The pictures' size follows from the parameter sets.
        var context = avcodec_alloc_context3(avcodec_find_decoder(parameters.pointee.codec_id))
        defer { avcodec_free_context(&context) }
        guard let context, avcodec_parameters_to_context(context, track.parameters) >= 0,
            let parser = av_parser_init(Int32(parameters.pointee.codec_id.rawValue))
        else { return track }
        defer { av_parser_close(parser) }
        parser.pointee.flags |= PARSER_FLAG_COMPLETE_FRAMES
        var output: UnsafeMutablePointer<UInt8>?
        var length: Int32 = 0
        av_parser_parse2(
            parser, context, &output, &length, packet.pointee.data, packet.pointee.size, packet.pointee.pts,
            packet.pointee.dts, 0)
        if parser.pointee.width > 0, parser.pointee.height > 0 {
            track.parameters.pointee.width = parser.pointee.width
            track.parameters.pointee.height = parser.pointee.height
        }
        return track
    }

    /// With the size that its parameter sets tell.
    func measured(by packet: UnsafeMutablePointer<AVPacket>) -> Track { replacing(description, packet) }

    /// The parameter sets that some senders leave before a picture of H.264 although the record beside the stream has them.
    private func recordedParameterSets(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> [(isSequence: Bool, bytes: [UInt8])] {
        let width = Int(description[4] & 3) + 1
        var units: [(isSequence: Bool, bytes: [UInt8])] = []
        var index = 0
        while index + width < bytes.count {
            let length = bytes[index..<index + width].reduce(0) { $0 << 8 | Int($1) }
            index += width
            guard length > 0, length <= bytes.count - index else { break }
            let type = bytes[index] & 0x1f
            if (1...5).contains(type) { break }
            if type == 7 || type == 8 { units.append((type == 7, Array(bytes[index..<index + length]))) }
            index += length
        }
        return units
    }

    /// A byte stream's track as fragments want it; `nil` for any other.
    var recorded: Track? {
        guard isVideo, !isRecord, let record = record(of: description) else { return nil }
        let track = Track(parameters)
        track.setDescription(record)
        return track
    }

    /// The record that stands beside pictures in place of a byte stream's parameter sets (ISO 14496-15, `avcC` in 5.3.3.1,
    /// `hvcC` in 8.3.3.1): libavformat makes it, but only as part of a file's header.
    private func record(of stream: [UInt8]) -> [UInt8]? {
        var made: UnsafeMutablePointer<AVFormatContext>?
        guard avformat_alloc_output_context2(&made, nil, "mp4", nil) >= 0, let context = made else { return nil }
        defer { avformat_free_context(context) }
        let track = Track(parameters)
        track.setDescription(stream)
        guard let target = avformat_new_stream(context, nil),
            avcodec_parameters_copy(target.pointee.codecpar, track.parameters) >= 0,
            avio_open_dyn_buf(&context.pointee.pb) >= 0
        else { return nil }
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        av_dict_set(&options, "movflags", "empty_moov", 0)
        let code = avformat_write_header(context, &options)
        var start: UnsafeMutablePointer<UInt8>?
        let count = avio_close_dyn_buf(context.pointee.pb, &start)
        defer { av_free(start) }
        let header = Array(UnsafeBufferPointer(start: start, count: Int(count)))
        let isHEVC = parameters.pointee.codec_id == AV_CODEC_ID_HEVC
        guard code >= 0, let name = header.firstRange(of: Array((isHEVC ? "hvcC" : "avcC").utf8)), name.lowerBound >= 4
        else { return nil }
        let begin = name.lowerBound - 4
        let length = header[begin..<name.lowerBound].reduce(0) { $0 << 8 | Int($1) }
        guard length > 8 + 6, length <= header.count - begin else { return nil }
        var record = Array(header[name.upperBound..<begin + length])
        // What already counts its units goes on with as many bytes.
        if isRecord, !isHEVC { record[4] = record[4] & 0xfc | description[4] & 3 }
        return record
    }

    /// The parameter sets before the first picture of a byte stream.
    private static func parameterSets(
        _ packet: UnsafeMutablePointer<AVPacket>, isHEVC: Bool
    ) -> [(isSequence: Bool, bytes: [UInt8])] {
        var units: [(isSequence: Bool, bytes: [UInt8])] = []
        for unit in AnnexB(packet) {
            let type = isHEVC ? unit[0] >> 1 & 0x3f : unit[0] & 0x1f
            if isHEVC ? type < 32 : (1...5).contains(type) { break }
            if isHEVC ? type <= 34 : type == 7 || type == 8 { units.append((type == (isHEVC ? 33 : 7), Array(unit))) }
        }
        return units
    }
}

/// A packet that is kept beyond the next read.
final class KeptPacket {
    let packet: UnsafeMutablePointer<AVPacket>

    init(_ source: UnsafeMutablePointer<AVPacket>) {
        guard let packet = av_packet_clone(source) else { preconditionFailure("no memory for a packet") }
        self.packet = packet
    }

    /// Takes what is in it without another reference, and leaves it empty.
    init(emptying source: UnsafeMutablePointer<AVPacket>) {
        guard let packet = av_packet_alloc() else { preconditionFailure("no memory for a packet") }
        av_packet_move_ref(packet, source)
        self.packet = packet
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&packet)
    }
}
