import CLibAVFormat
import Glibc
import OriginCore
import Vocabulary

/// The loop that reads packets, holds them back to real time, and cuts segments.
///
/// The output's timeline (1/90000 s) never stops growing: each loop of a file, and each new attempt after a break, is
/// shifted to begin where the last one ended.
struct Packaging {
    private let settings: MediaSource.Settings
    private let interrupt: Interrupt
    private let onEvent: @Sendable (MediaSource.Event) -> Void

    private var cutter: SegmentCutter
    private var pacer = Pacer()
    private var delay = RetryDelay(seed: UInt64(Interrupt.now.nanoseconds))
    private var muxer: Muxer?
    private var lineup: Lineup

    /// What is added to the input's timestamps; `nil` until a keyframe has fixed it.
    private var shift: Int64?
    /// The first keyframe's timestamp in the input, where a loop begins again.
    private var inputStart: Int64 = 0
    /// Where the output ends so far.
    private var end: Int64 = 90_000
    private var lastVideo = Int64.min
    private var lastAudio = Int64.min

    /// The first picture of the segment that is being written.
    private var segmentStart: Int64?
    private var isDiscontinuity = false
    /// What program time is counted from.
    private var anchor: (time: Int64, unixMilliseconds: Int64)?

    init(
        settings: MediaSource.Settings, interrupt: Interrupt, onEvent: @escaping @Sendable (MediaSource.Event) -> Void
    ) {
        self.settings = settings
        self.interrupt = interrupt
        self.onEvent = onEvent
        cutter = SegmentCutter(wished: settings.segmentDuration, targetDuration: settings.targetDuration)
        lineup = Lineup(settings: settings, interrupt: interrupt, onEvent: onEvent)
    }

    mutating func run(_ probed: Demuxer?) {
        var next = probed
        var isDescribed = false
        while true {
            do throws(MediaError) {
                let demuxer =
                    if let opened = next { opened } else { try lineup.next() }
                next = nil
                if !isDescribed { describe(demuxer) }
                isDescribed = true
                try broadcast(demuxer)
                if lineup.isRelieved {
                    try finishSegment(at: end, isLast: false)
                    startAnew()
                    continue
                }
                guard try hasEnded(demuxer) else {
                    throw .cannotRead(demuxer.name, reason: "the sender has ended it")
                }
                guard let start = shift, end > inputStart + start else {
                    throw .cannotRead(demuxer.name, reason: "it has no keyframe")
                }
                guard !demuxer.isTruncated else {
                    throw .cannotRead(demuxer.name, reason: "it breaks off before its end")
                }
                guard settings.isLooping || lineup.isSlate, demuxer.input.kind == .file else {
                    try finishSegment(at: end, isLast: true)
                    return onEvent(.ended)
                }
                shift = end - inputStart
            } catch {
                guard breakOff(error) else { return }
            }
        }
    }

    /// Whether the end of what could be read is the end of the programme.
    private func hasEnded(_ demuxer: Demuxer) throws(MediaError) -> Bool {
        guard demuxer.input.canEnd, demuxer.input.isLive else { return demuxer.input.canEnd }
        guard demuxer.isPlaylist else { return demuxer.isFinite }
        // libavformat reports a server that is gone like the end of the playlist, so it has to be looked at again.
        do throws(MediaError) {
            return try Demuxer(settings.input, interrupt: interrupt).isFinite
        } catch {
            if error == .stopped { throw error }
            return false
        }
    }

    /// Returns whether to try again.
    private mutating func breakOff(_ error: MediaError) -> Bool {
        if error == .stopped || interrupt.isStopped {
            // Not the broadcast's end: whoever stops an origin may start it again.
            onEvent(.ended)
            return false
        }
        try? finishSegment(at: end, isLast: !settings.input.isLive)
        guard settings.input.isLive else {
            onEvent(.failed(error))
            return false
        }
        startAnew()
        if settings.entrance != nil {
            lineup.breakOff(error)
            return true
        }
        let pause = delay.draw()
        onEvent(.retrying(error, after: pause.seconds))
        interrupt.sleep(pause)
        return true
    }

    private mutating func describe(_ demuxer: Demuxer) {
        cutter = SegmentCutter(
            wished: settings.segmentDuration, targetDuration: settings.targetDuration,
            longestInterval: demuxer.longestInterval)
        if let codec = demuxer.refusedAudio {
            onEvent(.warned("the sound is left out: HLS in MPEG-TS cannot carry \(codec)"))
        }
        onEvent(.described(MediaDescription(demuxer)))
    }

    private mutating func startAnew() {
        muxer = nil
        pacer = Pacer()
        shift = nil
        segmentStart = nil
        if anchor != nil { isDiscontinuity = true }
        anchor = nil
        lastVideo = .min
        lastAudio = .min
    }

    /// Reads to the end of the input.
    private mutating func broadcast(_ demuxer: Demuxer) throws(MediaError) {
        var watch = KeyframeWatch()
        while !lineup.isRelieved, let packet = try demuxer.read() {
            let isVideo = packet.pointee.stream_index == demuxer.video.pointee.index
            guard let stream = isVideo ? demuxer.video : demuxer.audio else { continue }
            stamp(packet, from: stream.pointee.time_base, isVideo: isVideo)
            guard Self.plausible.contains(packet.pointee.pts), Self.plausible.contains(packet.pointee.dts) else {
                continue
            }
            packet.pointee.duration = min(max(0, packet.pointee.duration), 90_000 * 60)
            let isKeyframe = isVideo && packet.pointee.flags & AV_PKT_FLAG_KEY != 0
            if isVideo, demuxer.input.isLive, watch.misses(isKeyframe: isKeyframe, at: Interrupt.now) {
                guard shift != nil else { throw .noKeyframe(demuxer.name, seconds: watch.patience) }
                onEvent(.warned("\(MediaError.noKeyframe(demuxer.name, seconds: watch.patience))"))
            }
            if let shift, isVideo, demuxer.input.kind != .file, lastVideo != .min,
                !(-90_000...900_000).contains(packet.pointee.dts + shift - lastVideo)
            {
                onEvent(.warned("the input's timestamps jump; players see a discontinuity"))
                try finishSegment(at: end, isLast: false)
                startAnew()
            }
            if shift == nil {
                guard isKeyframe else { continue }
                shift = end - packet.pointee.pts
                inputStart = packet.pointee.pts
            }
            guard let shift else { continue }
            packet.pointee.pts += shift
            packet.pointee.dts += shift
            guard isInOrder(packet, isVideo: isVideo) else { continue }
            try pace(packet.pointee.dts, of: demuxer.input)
            if isKeyframe { try cutIfDue(at: packet.pointee.pts) }
            try write(packet, demuxer, isVideo: isVideo)
        }
    }

    private func stamp(_ packet: UnsafeMutablePointer<AVPacket>, from base: AVRational, isVideo: Bool) {
        let none = av_shim_nopts()
        av_packet_rescale_ts(packet, base, Muxer.timeBase)
        packet.pointee.time_base = Muxer.timeBase
        packet.pointee.stream_index = isVideo ? 0 : 1
        if packet.pointee.dts == none {
            let last = isVideo ? lastVideo : lastAudio
            packet.pointee.dts =
                packet.pointee.pts != none ? packet.pointee.pts : last == .min ? 0 : last + 1 - (shift ?? 0)
        }
        if packet.pointee.pts == none { packet.pointee.pts = packet.pointee.dts }
    }

    /// Video is nudged where two stamps collide; sound that overlaps what was sent (at a loop's seam) is dropped.
    private mutating func isInOrder(_ packet: UnsafeMutablePointer<AVPacket>, isVideo: Bool) -> Bool {
        if isVideo {
            if packet.pointee.dts <= lastVideo { packet.pointee.dts = lastVideo + 1 }
            lastVideo = packet.pointee.dts
        } else {
            guard packet.pointee.dts > lastAudio else { return false }
            lastAudio = packet.pointee.dts
        }
        packet.pointee.pts = max(packet.pointee.pts, packet.pointee.dts)
        return true
    }

    private mutating func pace(_ time: Int64, of input: MediaInput) throws(MediaError) {
        guard settings.isPaced, input.isPaced else { return }
        interrupt.sleep(pacer.delay(of: Self.microseconds(time), at: Interrupt.now))
        if interrupt.isStopped { throw .stopped }
    }

    private mutating func cutIfDue(at time: Int64) throws(MediaError) {
        guard cutter.begins(at: Self.microseconds(time)) else { return }
        if segmentStart != nil, let muxer { try emit(try muxer.cut(), until: time, isLast: false) }
        segmentStart = time
        delay.reset()
        if anchor == nil { anchor = (time, Self.unixMilliseconds) }
    }

    private mutating func write(
        _ packet: UnsafeMutablePointer<AVPacket>, _ demuxer: Demuxer, isVideo: Bool
    ) throws(MediaError) {
        let muxer: Muxer
        if let current = self.muxer {
            muxer = current
        } else {
            muxer = try Muxer(video: demuxer.video, audio: demuxer.audio)
            self.muxer = muxer
        }
        let length = max(packet.pointee.duration, isVideo ? 1 : 0)
        end = max(end, packet.pointee.pts + length)
        try muxer.write(packet)
        guard let segmentStart else { return }
        let playing = Self.microseconds(end - segmentStart)
        guard muxer.length <= Limits.segmentLength, playing <= Limits.duration.upperBound else {
            throw .segmentTooLarge(demuxer.name, seconds: Int(playing / 1_000_000), bytes: muxer.length)
        }
    }

    /// Closes the segment that is being written, if there is one.
    private mutating func finishSegment(at time: Int64, isLast: Bool) throws(MediaError) {
        guard segmentStart != nil else { return }
        cutter.finish(at: Self.microseconds(time))
        let bytes = try muxer?.finish() ?? []
        muxer = nil
        try emit(bytes, until: time, isLast: isLast)
        segmentStart = nil
    }

    private mutating func emit(_ bytes: [UInt8], until time: Int64, isLast: Bool) throws(MediaError) {
        guard !bytes.isEmpty, let start = segmentStart, let anchor, let targetDuration = cutter.targetDuration else {
            return
        }
        guard bytes.count <= Limits.segmentLength else {
            throw .segmentTooLarge(
                "\(settings.input)", seconds: Int(Self.microseconds(time - start) / 1_000_000), bytes: bytes.count)
        }
        onEvent(
            .cut(
                CutSegment(
                    bytes: bytes,
                    // Both ends are rounded alike, so that the sum of durations never drifts from the media.
                    duration: Self.microseconds(time) - Self.microseconds(start),
                    programTime: anchor.unixMilliseconds + Self.microseconds(start - anchor.time) / 1_000,
                    isDiscontinuity: isDiscontinuity, isLast: isLast, targetDuration: targetDuration)))
        isDiscontinuity = false
    }

    /// Timestamps that can be reckoned with, some hundred years around the start.
    private static let plausible = -(Int64(1) << 48)...(Int64(1) << 48)

    private static func microseconds(_ time: Int64) -> Int64 { (time * 100 + 4) / 9 }

    private static var unixMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
