import CLibAVFormat
import Vocabulary

/// An opened input with its best video and best audio stream; one of them may be missing.
///
/// Used by one thread at a time.
final class Demuxer {
    private var context: UnsafeMutablePointer<AVFormatContext>
    private let packet: UnsafeMutablePointer<AVPacket>
    let input: MediaInput
    /// What an encoder pushes; `nil` when libavformat itself opens the input.
    let feed: Feed?
    private let reader: FeedReader?
    private let interrupt: Interrupt
    /// What messages call it.
    let name: String
    /// The video, or the audio where there is none: its times lead.
    let leading: UnsafeMutablePointer<AVStream>
    /// What goes with the video.
    private(set) var audio: UnsafeMutablePointer<AVStream>?
    private var picturesRead: Int64 = 0
    /// When pictures and sound came first under other numbers, if those that are read have not come since.
    private var others: (pictures: Int64?, sound: Int64?)
    /// For how many seconds they are taken to be something else that is sent beside.
    private static let doubt: Int64 = 2
    private var isDescribed = false
    /// Unwraps the sound where it comes as DVB sends it.
    private var latm: LATM?
    /// Pictures of FLV that are H.265, and what has been read to find that out.
    private var h265: Track?
    private var early: [KeptPacket] = []
    /// Milliseconds of Unix time at which what is read first came.
    let begin: Int64
    /// The sound is announced, and what it is nobody knows yet.
    private var isPresumed = false
    private var nextSound: Int64?
    /// Why audio has to be left out.
    private(set) var refusal: String?

    /// - Parameter limit: how long the first of it is waited for, if less than usual.
    convenience init(_ input: MediaInput, within limit: Interval? = nil, interrupt: Interrupt) throws(MediaError) {
        let limits = [limit, input.openLimit].compactMap { $0 }
        try self.init(input, feed: nil, within: limits.min(), interrupt: interrupt)
    }

    convenience init(_ feed: Feed, interrupt: Interrupt) throws(MediaError) {
        try self.init(.encoders, feed: feed, within: MediaInput.encoders.openLimit, interrupt: interrupt)
    }

    private init(
        _ input: MediaInput, feed: Feed?, within limit: Interval?, interrupt: Interrupt
    ) throws(MediaError) {
        self.input = input
        self.feed = feed
        self.interrupt = interrupt
        let name = feed?.name ?? "\(input)"
        self.name = name
        // What matters of its remarks comes back as error codes.
        av_log_set_level(AV_LOG_FATAL)
        var opened = try Self.open(
            input, feed, name, limit, interrupt, patience: input.kind == .file ? 20 : feed.map { _ in 6 })
        begin = opened.begin
        // Sound alone, or pictures before the first keyframe, may be all that an encoder sends at first.
        if let feed, Self.isWithoutPictures(opened.context) {
            var context: UnsafeMutablePointer<AVFormatContext>? = opened.context
            avformat_close_input(&context)
            feed.rewind()
            opened = try Self.open(input, feed, name, limit, interrupt, patience: 20)
        }
        let context = opened.context
        reader = opened.reader
        do throws(MediaError) {
            if context.pointee.flags & AVFMT_FLAG_NOPARSE != 0 {
                (early, h265) = try Self.gather(context, feed, name, interrupt)
            }
            if let video = Self.best(AVMEDIA_TYPE_VIDEO, in: context, near: -1),
                video.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC == 0
            {
                let codec = video.pointee.codecpar.pointee.codec_id
                guard codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC else {
                    throw .unsupportedVideo(name, codec: String(cString: avcodec_get_name(codec)))
                }
                guard
                    h265 != nil || video.pointee.codecpar.pointee.width > 0 && video.pointee.codecpar.pointee.height > 0
                else {
                    if let feed, feed.isOver { throw .gone(name, reason: feed.reason) }
                    throw .cannotOpen(name, reason: "its pictures come too seldom to tell their size")
                }
                leading = video
            } else if let audio = Self.best(AVMEDIA_TYPE_AUDIO, in: context, near: -1), Self.isCarried(audio) {
                leading = audio
            } else {
                throw .noMedia(name)
            }
        } catch {
            var context: UnsafeMutablePointer<AVFormatContext>? = context
            avformat_close_input(&context)
            throw error
        }
        feed?.forget()
        guard let packet = av_packet_alloc() else { preconditionFailure("no memory for a demuxer") }
        self.context = context
        self.packet = packet
        if hasVideo, let audio = Self.best(AVMEDIA_TYPE_AUDIO, in: context, near: leading.pointee.index) {
            if Self.isCarried(audio) {
                self.audio = audio
            } else {
                let codec = String(cString: avcodec_get_name(audio.pointee.codecpar.pointee.codec_id))
                refusal = "HLS cannot carry \(codec)"
            }
        } else if hasVideo,
            let announced = (0..<Int(context.pointee.nb_streams)).lazy.compactMap({ context.pointee.streams[$0] })
                .first(where: { $0.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_AUDIO })
        {
            if feed?.format == .mpegts, announced.pointee.codecpar.pointee.codec_id == AV_CODEC_ID_AAC {
                // Silence stands in for it, and whatever it turns out to be is a change.
                isPresumed = true
                announced.pointee.codecpar.pointee.sample_rate = 48_000
                av_channel_layout_default(&announced.pointee.codecpar.pointee.ch_layout, 2)
                self.audio = announced
            } else {
                refusal = "it is announced, and none came in time"
            }
        }
        if (audio ?? leading).pointee.codecpar.pointee.codec_id == AV_CODEC_ID_AAC_LATM { latm = LATM() }
        isDescribed = latm != nil || audio.map { $0.pointee.codecpar.pointee.extradata_size > 0 } != false
        for index in 0..<Int(context.pointee.nb_streams) {
            guard let stream = context.pointee.streams[index] else { continue }
            stream.pointee.discard = stream == leading || stream == audio ? AVDISCARD_DEFAULT : AVDISCARD_ALL
        }
    }

    /// Opens the input, and reads until all streams are known.
    ///
    /// - Parameter patience: for how many seconds of it they are waited for; libavformat's own bound where it is `nil`.
    private static func open(
        _ input: MediaInput, _ feed: Feed?, _ name: String, _ limit: Interval?, _ interrupt: Interrupt,
        patience: Int64?
    ) throws(MediaError) -> (context: UnsafeMutablePointer<AVFormatContext>, reader: FeedReader?, begin: Int64) {
        guard let allocated = avformat_alloc_context() else { preconditionFailure("no memory for a demuxer") }
        let reader = feed.map { FeedReader($0, interrupt: interrupt) }
        allocated.pointee.interrupt_callback = interrupt.callback
        allocated.pointee.flags |= AVFMT_FLAG_GENPTS
        var opened: UnsafeMutablePointer<AVFormatContext>? = allocated
        var options: OpaquePointer?
        av_dict_set(&options, "protocol_whitelist", input.protocols, 0)
        defer { av_dict_free(&options) }
        if let reader {
            allocated.pointee.pb = reader.context
            allocated.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
            // What is as long as that may be large.
            allocated.pointee.probesize = largestProbe
        }
        // Long enough to meet both streams, which need not come together; a programme without sound would be searched for
        // it for 90 s. Pictures may come seldom, and a file is read at once.
        if let patience { allocated.pointee.max_analyze_duration = patience * 1_000_000 }
        interrupt.arm(limit)
        let format = feed.flatMap { av_find_input_format($0.format.rawValue) }
        let code = avformat_open_input(&opened, input.url, format, &options)
        guard code >= 0, let context = opened else {
            if interrupt.isStopped { throw .stopped }
            if code == av_shim_error_exit() { throw .cannotOpen(name, reason: "nothing came in time") }
            if let feed, feed.isOver { throw .gone(name, reason: feed.reason) }
            throw .cannotOpen(name, reason: reason(code))
        }
        let begin = WallClock.now
        // Its tables have told which streams there are: only those are waited for.
        if feed?.format == .mpegts { context.pointee.ctx_flags &= ~AVFMTCTX_NOHEADER }
        if let feed, feed.format == .flv, feed.pictures(within: firstPicture, interrupt) == .h265 {
            context.pointee.flags |= AVFMT_FLAG_NOPARSE
            return (context, reader, begin)
        }
        do throws(MediaError) {
            interrupt.arm(input.openLimit)
            let found = avformat_find_stream_info(context, nil)
            if interrupt.isStopped { throw .stopped }
            if let feed, feed.isOver, context.pointee.nb_streams == 0 { throw .gone(name, reason: feed.reason) }
            guard found >= 0 else { throw .cannotOpen(name, reason: reason(found)) }
        } catch {
            avformat_close_input(&opened)
            throw error
        }
        return (context, reader, begin)
    }

    /// Bytes that an encoder may send until all of its streams are known.
    private static let largestProbe: Int64 = 32 << 20
    /// Packets of it: those may be empty.
    private static let mostGathered = 1 << 16

    /// How long an encoder may take until its first picture tells whether it is H.265.
    private static let firstPicture = Interval.seconds(2)

    /// Reads until both streams have told what they are: of pictures in FLV that are H.265 libavformat believes that they are
    /// H.264, and could find out nothing.
    private static func gather(
        _ context: UnsafeMutablePointer<AVFormatContext>, _ feed: Feed?, _ name: String, _ interrupt: Interrupt
    ) throws(MediaError) -> (kept: [KeptPacket], video: Track) {
        interrupt.arm(MediaInput.encoders.openLimit)
        var kept: [KeptPacket] = []
        var made = av_packet_alloc()
        defer { av_packet_free(&made) }
        guard let packet = made else { preconditionFailure("no memory for a packet") }
        var (first, bytes): (Int64?, Int64) = (nil, 0)
        while true {
            let code = av_read_frame(context, packet)
            if interrupt.isStopped { throw .stopped }
            guard code >= 0 else {
                if let feed, feed.isOver { throw .gone(name, reason: feed.reason) }
                throw .cannotOpen(name, reason: reason(code))
            }
            bytes += Int64(packet.pointee.size)
            let start = first ?? packet.pointee.dts
            first = start
            let length = packet.pointee.dts &- start
            kept.append(KeptPacket(emptying: packet))
            let isHeard = best(AVMEDIA_TYPE_AUDIO, in: context, near: -1) != nil
            let video = best(AVMEDIA_TYPE_VIDEO, in: context, near: -1)
            // FLV counts in milliseconds.
            guard let video, video.pointee.codecpar.pointee.extradata_size > 0, length >= (isHeard ? 1_000 : 6_000)
            else {
                guard length < 20_000, bytes < largestProbe, kept.count < mostGathered else {
                    throw .cannotOpen(name, reason: "its pictures come too seldom to tell their size")
                }
                continue
            }
            let pictures = kept.lazy.map(\.packet).filter { $0.pointee.stream_index == video.pointee.index }
            if video.pointee.avg_frame_rate.num == 0 {
                let spread = (pictures.map(\.pointee.dts).max() ?? 0) - (pictures.map(\.pointee.dts).min() ?? 0)
                video.pointee.avg_frame_rate = av_shim_rational(
                    Int32(clamping: (pictures.count - 1) * 1_000), Int32(clamping: max(1, spread)))
            }
            video.pointee.r_frame_rate = video.pointee.avg_frame_rate
            guard let picture = pictures.first else { continue }
            let track = Track(video.pointee.codecpar, isH265: true).measured(by: picture)
            guard track.height > 0 else {
                throw .cannotOpen(name, reason: "its pictures come too seldom to tell their size")
            }
            return (kept, track)
        }
    }

    /// Pictures are announced, and none has come that tells what they are.
    private static func isWithoutPictures(_ context: UnsafeMutablePointer<AVFormatContext>) -> Bool {
        best(AVMEDIA_TYPE_VIDEO, in: context, near: -1)?.pointee.codecpar.pointee.width == 0
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&packet)
        var context: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&context)
    }

    /// Sound that HLS can carry.
    private static func isCarried(_ stream: UnsafeMutablePointer<AVStream>) -> Bool {
        let parameters = stream.pointee.codecpar
        if parameters?.pointee.codec_id == AV_CODEC_ID_AAC_LATM {
            return parameters.map { LATM.carries(Track($0).description) } == true
        }
        return [AV_CODEC_ID_AAC, AV_CODEC_ID_MP3, AV_CODEC_ID_AC3, AV_CODEC_ID_EAC3]
            .contains(parameters?.pointee.codec_id)
    }

    var hasVideo: Bool { leading.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO }

    /// The leading one first.
    var tracks: [Track] {
        [h265 ?? Track(leading.pointee.codecpar)]
            + (audio.map { [Track($0.pointee.codecpar, isPresumed: isPresumed)] } ?? [])
    }

    /// 0 when unknown, and without video.
    var framesPerKilosecond: Int {
        guard hasVideo, let rate else { return 0 }
        let counted = Int(min(Int64(rate.num) * 1_000 / Int64(rate.den), 10_000_000))
        // Containers that count in milliseconds blur it, that of NTSC too.
        let whole = (counted + 500) / 1_000 * 1_000
        return [whole, (whole * 1_000 + 500) / 1_001].first { abs($0 - counted) * 5_000 < counted } ?? counted
    }

    /// Pictures a second. libavformat's average rounds how long each lasts down to the container's unit, so that 60 a second
    /// are 62.5 where that is a millisecond; its other guess fits the times of many, and may be that of fields instead.
    private var rate: AVRational? {
        let (average, guess) = (leading.pointee.avg_frame_rate, leading.pointee.r_frame_rate)
        guard average.num > 0, average.den > 0 else { return nil }
        guard guess.num > 0, guess.den > 0 else { return average }
        let unit = av_q2d(leading.pointee.time_base)
        return abs(1 / av_q2d(guess) - 1 / av_q2d(average)) < unit ? guess : average
    }

    /// The container wants the pictures turned before they are shown, which is in none of them.
    var isTurned: Bool {
        guard let matrix = av_stream_get_side_data(leading, AV_PKT_DATA_DISPLAYMATRIX, nil) else { return false }
        return matrix.withMemoryRebound(to: Int32.self, capacity: 9) { $0[0] <= 0 || $0[1] != 0 || $0[4] <= 0 }
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
            let code = early.isEmpty ? av_read_frame(context, packet) : again()
            if interrupt.isStopped { throw .stopped }
            // A reader that was interrupted looks like the end to some of libavformat's demuxers.
            let isSilent = code == av_shim_error_exit() || code < 0 && feed?.isOver == false && interrupt.isDue
            if code == av_shim_error_eof(), !isSilent { return nil }
            guard code >= 0 else {
                throw .cannotRead(name, reason: isSilent ? "nothing came for 10 s" : reason(code))
            }
            // Under which number MPEG-TS had it nobody asks, and each reference would copy it.
            if packet.pointee.side_data_elems == 1,
                packet.pointee.side_data.pointee.type == AV_PKT_DATA_MPEGTS_STREAM_ID
            {
                av_packet_free_side_data(packet)
            }
            let index = packet.pointee.stream_index
            if input.isLive { try noteChange() }
            if index == leading.pointee.index {
                picturesRead += 1
                if hasVideo { return packet }
            }
            if index == (audio ?? leading).pointee.index, unwrap() {
                describe()
                reckon()
                return packet
            }
            if audio == nil, hasVideo, refusal == nil,
                context.pointee.streams[Int(index)]?.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_AUDIO
            {
                refusal = "it has come too long after the pictures; whoever begins again with both is heard"
            }
            av_packet_unref(packet)
        }
    }

    /// Who sends live may begin to send something else, under the same number, which libavformat does not notice, or under
    /// another one.
    private func noteChange() throws(MediaError) {
        guard let stream = context.pointee.streams[Int(packet.pointee.stream_index)],
            let parameters = stream.pointee.codecpar
        else { return }
        let isVideo = parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO
        // Captions and cues come at any time, and go on while sound pauses.
        guard isVideo || parameters.pointee.codec_type == AVMEDIA_TYPE_AUDIO else { return }
        let what = isVideo ? "pictures" : "sound"
        guard stream != leading, stream != audio else {
            if isVideo { others.pictures = nil } else { others.sound = nil }
            guard isTransportStream else { return }
            let isOther =
                isVideo
                ? AnnexB.isOther(than: parameters.pointee.codec_id == AV_CODEC_ID_HEVC, packet)
                : parameters.pointee.codec_id == AV_CODEC_ID_AAC && isMPEGAudio
            if isOther { throw .changed(name, what) }
            return
        }
        let time = packet.pointee.dts
        guard time != av_shim_nopts(), isVideo ? hasVideo : audio != nil else { return }
        let first = (isVideo ? others.pictures : others.sound) ?? time
        if isVideo { others.pictures = first } else { others.sound = first }
        let base = stream.pointee.time_base
        guard av_rescale_q(time &- first, base, av_shim_rational(1, 1)) >= Self.doubt else { return }
        throw .changed(name, what)
    }

    /// Its layer is one that AAC does not have (ISO 13818-7, 6.2.1).
    private var isMPEGAudio: Bool {
        guard let start = packet.pointee.data, packet.pointee.size > 1 else { return false }
        return start[0] == 0xff && start[1] & 0xe0 == 0xe0 && start[1] & 6 != 0
    }

    /// libavformat has not learned the rate of sound that came so late, and knows one time for each PES packet.
    private func reckon() {
        guard isPresumed, let start = packet.pointee.data, packet.pointee.size > 7,
            case let rate = Int(start[2] >> 2) & 15, Track.rates.indices.contains(rate)
        else { return }
        // MPEG-TS counts in 1/90000 s, and ADTS frames of 1024 samples (ISO 13818-7, 6.2.1).
        packet.pointee.duration = Int64(start[6] & 3 + 1) * 1_024 * 90_000 / Int64(Track.rates[rate])
        if packet.pointee.dts == av_shim_nopts(), let nextSound {
            (packet.pointee.pts, packet.pointee.dts) = (nextSound, nextSound)
        }
        nextSound = packet.pointee.dts == av_shim_nopts() ? nil : packet.pointee.dts &+ packet.pointee.duration
    }

    /// What has been read already.
    private func again() -> Int32 {
        let kept = early.removeFirst()
        withExtendedLifetime(kept) { av_packet_move_ref(packet, kept.packet) }
        return 0
    }

    /// How sound is to be read may come with the first of it, long after the tracks were told, and beside the packets.
    private func describe() {
        guard let audio, let bytes = audio.pointee.codecpar.pointee.extradata, !isDescribed else { return }
        isDescribed = true
        let size = Int(audio.pointee.codecpar.pointee.extradata_size)
        av_packet_new_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, size)?.update(from: bytes, count: size)
    }

    /// Whether the packet holds sound as tracks tell it; a damaged one does not.
    private func unwrap() -> Bool {
        guard var latm, let data = packet.pointee.data else { return latm == nil }
        defer { self.latm = latm }
        let known = latm.configuration
        let frame = UnsafeBufferPointer(start: data, count: Int(packet.pointee.size))
        guard let piece = try? latm.unwrap(frame), av_packet_make_writable(packet) >= 0 else { return false }
        packet.pointee.data.update(from: piece, count: piece.count)
        av_shrink_packet(packet, Int32(piece.count))
        guard let known, let fresh = latm.configuration, fresh != known,
            let side = av_packet_new_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, fresh.count)
        else { return true }
        side.update(from: fresh, count: fresh.count)
        return true
    }

    /// The pictures from one keyframe to the next, as the container's index has them: microseconds, and bytes with what
    /// MPEG-TS adds to each picture, its header and the rest of its last packet.
    private lazy var groups: [(duration: Int64, bytes: Int64)] = {
        var groups: [(duration: Int64, bytes: Int64)] = []
        var start: Int64?
        var bytes: Int64 = 0
        func close(at time: Int64) {
            guard let start, time > start else { return }
            let duration = av_rescale_q(time &- start, leading.pointee.time_base, av_shim_rational(1, 1_000_000))
            groups.append((min(max(0, duration), 60_000_000), bytes))
        }
        for position in 0..<max(0, avformat_index_get_entries_count(leading)) {
            guard let entry = avformat_index_get_entry(leading, position) else { continue }
            if entry.pointee.flags & AVINDEX_KEYFRAME != 0 {
                close(at: entry.pointee.timestamp)
                start = entry.pointee.timestamp
                bytes = 0
            }
            bytes += Int64(max(0, entry.pointee.size)) + 188
        }
        if leading.pointee.duration > 0 {
            let first = leading.pointee.start_time == av_shim_nopts() ? 0 : leading.pointee.start_time
            close(at: first &+ leading.pointee.duration)
        }
        return groups
    }()

    /// The widest spacing of keyframes in microseconds, if the container keeps an index; 0 otherwise.
    var longestInterval: Int64 { !hasVideo ? 0 : groups.map(\.duration).max() ?? 0 }

    /// Bits per second of the two tables that MPEG-TS repeats ten times a second, and of the clock.
    private static let tables: Int64 = 36_000

    /// Bits per second of the densest stretch between two keyframes with its sound and the cost of MPEG-TS, if the
    /// container's index lists every picture; 0 otherwise.
    var peakBitRate: Int64 {
        guard picturesListed > 0 else { return 0 }
        // A stretch shorter than a segment's smallest part would overstate.
        let densest = groups.filter { $0.duration >= 200_000 }.map { $0.bytes * 8_000_000 / $0.duration }.max() ?? 0
        guard densest > 0 else { return 0 }
        // Sound comes in small packets, which cost more of the transport stream than pictures do.
        let sound = max(0, audio.map { $0.pointee.codecpar.pointee.bit_rate } ?? 0)
        return densest + densest / 16 + min(sound, 10_000_000) * 3 / 2 + Self.tables
    }

    /// Pictures in the container's index if it lists all of them; 0 otherwise.
    private var picturesListed: Int64 {
        let pictures = leading.pointee.nb_frames
        return pictures > 0 && Int64(avformat_index_get_entries_count(leading)) >= pictures ? pictures : 0
    }

    /// At the end: the container lists pictures that the file does not hold.
    var isTruncated: Bool { picturesRead < picturesListed }

    var bitRate: Int64 { max(0, context.pointee.bit_rate) }

    private lazy var isTransportStream = String(cString: context.pointee.iformat.pointee.name) == "mpegts"

    /// A playlist that names other files.
    var isPlaylist: Bool { String(cString: context.pointee.iformat.pointee.name).hasPrefix("hls") }

    /// It knows how long it is: nothing will be added to it.
    var isFinite: Bool { context.pointee.duration != av_shim_nopts() && context.pointee.duration > 0 }
}
