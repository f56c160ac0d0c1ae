import CLibAVFormat
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
    private var delay = RetryDelay(seed: UInt64(MonotonicClock.now.nanoseconds))
    private var muxer: Muxer?
    private var lineup: Lineup
    private var timeline = Timeline()

    /// What the programme consists of; it stays once the first segment is out.
    private var board = RowBoard(rungs: 0, hasSound: false)
    private var smaller: (any Rungs)?
    private var sound: Follower?
    /// The pictures, or the sound alone where there are none.
    private var leading: Track?
    private var accompanying: Track?
    private var row: Int?
    /// Counts the beginnings of the source: what comes after each is a discontinuity.
    private var generation = 0
    /// Reordering delay of the pictures, to tell when one that is no keyframe is shown.
    private var reordering: Int64 = 0
    private var hasWarnedOfKeyframes = false
    private var hasWarnedOfOpenGroups = false
    private var hasWarnedOfHoles = false
    private var hasWarnedOfSilence = false
    private var hasWarnedOfStill = false
    /// What the sound has changed to; it comes again with the next keyframe.
    private var newSound: Track?
    /// What the pictures have changed to, and those that wait until the sound tells whether it has changed with them.
    private var newPictures: Track?
    private var waiting: [KeptPacket] = []
    /// How long they wait for it, in 1/90000 s.
    private static let joint: Int64 = 90_000
    /// What was told last of the renditions.
    private var described: [MediaDescription] = []
    /// Why sound was left out last.
    private var refusal: String?
    /// What messages call the source.
    private var name = ""

    /// Counts how often the input was read from its beginning.
    private var pass = 0
    /// What is added to the input's timestamps; `nil` until a keyframe has fixed it.
    private var shift: Int64?
    /// The first keyframe's timestamp in the input, where a loop begins again.
    private var inputStart: Int64?
    /// In this pass something else came, or a hole.
    private var hasBegunAnew = false
    /// Where the output ends so far.
    private var end: Int64 = 90_000
    private var lastVideo = Int64.min
    /// Sound that came before the first keyframe, at most so many packets.
    private var early: [KeptPacket] = []
    private static let earliest = 512
    /// Sound that the pictures have not come to yet.
    private var ahead: [KeptPacket] = []
    private static let farthest = 4_096
    /// Their bytes, which no segment counts yet.
    private var aheadBytes = 0
    private static let largestAhead = 4 << 20
    /// How far ahead of the pictures sound may be before they are taken to be late: senders weave them loosely.
    private static let looseness: Int64 = 3 * 90_000
    /// A picture is shown at most so long after it is decoded: encoders look ahead by some dozens of pictures.
    private static let reorder: Int64 = 10 * 90_000
    /// One of a file that is shown later: its stamp is damaged, unless the next is shown late, too.
    private var doubtful: KeptPacket?
    /// In milliseconds.
    private static let longestAnalysis: Int64 = 30_000
    /// A picture of a file may stand for so long.
    private static let standing: Int64 = 60 * 90_000
    /// When the newest picture begins.
    private var shown = Int64.min
    private var lastAudio = Int64.min
    private var lastAudioLength: Int64 = 0
    /// What stands in for sound that does not come.
    private var silence: Silence?
    /// How long sound is waited for where the sender weaves it loosely, or has not shown how.
    private static let longestPatience: Int64 = 3 * 90_000
    /// libavformat itself reads MP4 as it lies in the file where tracks are apart by less.
    private static let shortestPatience: Int64 = 90_000
    /// How far behind the pictures sound has come so far, and how much of it has shown that.
    private var lag: Int64 = 0
    private var heard = 0
    private static let acquaintance = 100
    /// A hole in the sound that no loose counting of an encoder makes.
    private static let pause: Int64 = 9_000
    /// The newest keyframe that needs no other picture, of who sends live.
    private var still: KeptPacket?
    /// The pictures have stopped and the sound goes on: that keyframe is shown until the next comes.
    private var isStandingStill = false
    /// How often it is shown again; 1/90000 s.
    private static let pulse: Int64 = 45_000

    /// The first picture of the segment that is being written.
    private var segmentStart: Int64?
    /// Milliseconds of Unix time at which the programme ends so far.
    private var programEnd: Int64 = 0
    /// The decoding time of the first packet, in the input, of who sends as time passes, and milliseconds of Unix time at
    /// which it came: it is read some seconds later, when all streams are known.
    private var arrival: (time: Int64, unixMilliseconds: Int64)?
    /// What program time is counted from.
    private var anchor: (time: Int64, unixMilliseconds: Int64)?

    init(
        settings: MediaSource.Settings, interrupt: Interrupt, onEvent: @escaping @Sendable (MediaSource.Event) -> Void
    ) {
        self.settings = settings
        self.interrupt = interrupt
        self.onEvent = onEvent
        cutter = SegmentCutter(wished: settings.segmentDuration, targetDuration: settings.targetDuration)
        programEnd = settings.programEnd
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
                if !isDescribed || lineup.isNewProgramme { try describe(demuxer) }
                isDescribed = true
                try broadcast(demuxer)
                if lineup.isRelieved {
                    try finishSegment(at: end, isLast: false)
                    startAnew()
                    continue
                }
                if let feed = demuxer.feed { throw .gone(demuxer.name, reason: feed.reason) }
                guard try hasEnded(demuxer) else {
                    throw .cannotRead(demuxer.name, reason: "the sender has ended it")
                }
                guard let inputStart else { throw .cannotRead(demuxer.name, reason: "it has no keyframe") }
                guard !demuxer.isTruncated else {
                    throw .cannotRead(demuxer.name, reason: "it breaks off before its end")
                }
                guard settings.isLooping || lineup.isSlate, demuxer.input.kind == .file else {
                    try finishSegment(at: end, isLast: true)
                    return onEvent(.ended)
                }
                pass += 1
                // The next round begins with what the first began with, whatever came of it in the middle.
                if hasBegunAnew {
                    try finishSegment(at: end, isLast: false)
                    startAnew()
                } else {
                    shift = end - inputStart
                }
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
        lineup.breakOff()
        let pause = delay.draw()
        onEvent(.retrying(error, after: pause.seconds))
        interrupt.sleep(pause)
        return true
    }

    /// The programme's renditions follow from the first source that it has.
    private mutating func describe(_ demuxer: Demuxer) throws(MediaError) {
        cutter = SegmentCutter(
            wished: settings.segmentDuration, targetDuration: lineup.isNewProgramme ? nil : settings.targetDuration,
            longestInterval: demuxer.longestInterval)
        smaller = nil
        if demuxer.isTurned {
            onEvent(
                .warned(
                    "\(demuxer.name) wants its pictures turned, which segments do not tell: turn them with an encoder"))
        }
        let tracks = demuxer.tracks
        let video = tracks.first(where: \.isVideo)
        let audio = tracks.first { !$0.isVideo }
        let isApart = settings.container == .cmaf
        let companions =
            video == nil || settings.renditions.isEmpty
            ? nil
            : try Companions(settings, name: demuxer.name, interrupt: interrupt) { onEvent(.warned($0)) }
        let rungs = video.map {
            LadderPlan(
                heights: settings.renditions.isEmpty ? settings.ladder : [], sourceHeight: $0.height,
                framesPerKilosecond: demuxer.framesPerKilosecond
            ).rungs
        }
        let hasSound = video != nil && audio != nil && (isApart || settings.hasSoundAlone)
        board = RowBoard(rungs: companions?.count ?? rungs?.count ?? 0, hasSound: hasSound)
        let source = MediaDescription(
            isApart ? [video ?? audio].compactMap { $0 } : tracks, frameRate: demuxer.framesPerKilosecond,
            bitRate: demuxer.bitRate, peakBitRate: demuxer.peakBitRate)
        let alone = audio.map {
            MediaDescription([$0], frameRate: 0, bitRate: $0.parameters.pointee.bit_rate, peakBitRate: 0)
        }
        if let rungs, !rungs.isEmpty {
            smaller = Ladder(
                rungs, settings, source: source, sound: hasSound ? alone : nil, carried: isApart ? nil : alone)
        } else {
            smaller = companions
            board.isOpen = true
            let ready = companions?.descriptions(carried: isApart ? nil : alone) ?? []
            tell([source] + ready + (hasSound ? [alone].compactMap { $0 } : []))
        }
    }

    private mutating func tell(_ descriptions: [MediaDescription]) {
        described = descriptions
        onEvent(.described(descriptions))
    }

    /// What is sent now may be made of something else: who comes later chooses by that.
    ///
    /// - Parameter frameRate: frames per thousand seconds; 0 when unknown.
    private mutating func tellAnew(frameRate: Int = 0) {
        guard !lineup.isSlate, let leading, described.count == board.count else { return }
        var all = described
        all[0].adopt(settings.container == .cmaf ? [leading] : [leading, accompanying].compactMap { $0 }, frameRate)
        if board.count > board.rungs.upperBound, let accompanying { all[all.count - 1].adopt([accompanying], 0) }
        if all != described { tell(all) }
    }

    private mutating func startAnew() {
        hasBegunAnew = true
        muxer = nil
        pacer = Pacer()
        sound = nil
        shift = nil
        segmentStart = nil
        row = nil
        anchor = nil
        timeline.reset()
        early = []
        ahead = []
        aheadBytes = 0
        accompanying = newSound ?? accompanying
        newSound = nil
        silence = nil
        (lag, heard) = (0, 0)
        still = nil
        isStandingStill = false
        shown = .min
        lastVideo = .min
        lastAudio = .min
    }

    /// Reads to the end of the input.
    private mutating func broadcast(_ demuxer: Demuxer) throws(MediaError) {
        let tracks = demuxer.tracks
        name = demuxer.name
        leading = tracks.first
        // A programme that had sound goes on with silence when what comes now has none.
        accompanying = tracks.dropFirst().first ?? (leading?.isVideo == true ? accompanying : nil)
        newSound = nil
        (newPictures, waiting, doubtful) = (nil, [], nil)
        // A file may hold a picture that stands for long.
        timeline = Timeline(ahead: demuxer.input.kind == .file ? Self.standing : 10 * 90_000)
        if settings.container == .cmaf, leading?.isVideo == true, board.count == board.rungs.upperBound,
            accompanying != nil
        {
            accompanying = nil
            refuse("the programme has begun without it, and fragments have a track each")
        }
        tellAnew(frameRate: demuxer.framesPerKilosecond)
        reordering = 0
        if shift == nil { inputStart = nil }
        hasBegunAnew = false
        var watch = KeyframeWatch()
        var hasRead = false
        while !lineup.isRelieved, let packet = try demuxer.read() {
            if let refusal = demuxer.refusal { refuse(refusal) }
            let isLeading = packet.pointee.stream_index == demuxer.leading.pointee.index
            guard let stream = isLeading ? demuxer.leading : demuxer.audio, isLeading || accompanying != nil else {
                continue
            }
            stamp(packet, from: stream.pointee.time_base, isVideo: isLeading)
            guard Muxer.plausible.contains(packet.pointee.pts), Muxer.plausible.contains(packet.pointee.dts) else {
                continue
            }
            if isLeading, let kept = doubtful {
                defer { withExtendedLifetime(kept) {} }
                doubtful = nil
                if packet.pointee.pts - kept.packet.pointee.dts > Self.reorder {
                    try take(kept.packet, demuxer, isLeading: true, &watch)
                }
            }
            let delay = packet.pointee.pts - packet.pointee.dts
            guard abs(delay) <= Self.reorder else {
                if isLeading, demuxer.input.kind == .file, (0...Self.standing).contains(delay) {
                    doubtful = KeptPacket(packet)
                }
                continue
            }
            if !hasRead, demuxer.input.isLive, !demuxer.input.isPaced { arrival = (packet.pointee.dts, demuxer.begin) }
            hasRead = true
            packet.pointee.duration = min(max(0, packet.pointee.duration), 90_000 * 60)
            if !isLeading, shift == nil {
                // It may belong to the first pictures although it comes before them.
                if early.count >= Self.earliest { early.removeFirst(Self.earliest / 2) }
                early.append(KeptPacket(packet))
                continue
            }
            if try isHeldBack(packet, demuxer, isLeading: isLeading, &watch) { continue }
            try take(packet, demuxer, isLeading: isLeading, &watch)
            guard let shift, let segmentStart, !early.isEmpty else { continue }
            let first = early
            early = []
            for kept in first where kept.packet.pointee.pts + shift >= segmentStart {
                try take(kept.packet, demuxer, isLeading: false, &watch)
            }
        }
        try takeWaiting(demuxer, &watch)
    }

    /// Pictures that have changed wait for the sound that goes with them: if that has changed too, one discontinuity is enough.
    private mutating func isHeldBack(
        _ packet: UnsafeMutablePointer<AVPacket>, _ demuxer: Demuxer, isLeading: Bool, _ watch: inout KeyframeWatch
    ) throws(MediaError) -> Bool {
        guard let first = waiting.first?.packet.pointee.dts else {
            guard isLeading, packet.pointee.flags & AV_PKT_FLAG_KEY != 0, shift != nil, newSound == nil,
                demuxer.audio != nil, accompanying != nil, silence == nil, let changed = leading?.changed(by: packet)
            else { return false }
            newPictures = changed
            waiting.append(KeptPacket(packet))
            return true
        }
        if isLeading, abs(packet.pointee.dts &- first) < Self.joint {
            waiting.append(KeptPacket(packet))
            return true
        }
        if !isLeading {
            newSound = accompanying?.changed(by: packet)
            // What belongs to the pictures before may come after these.
            guard newSound != nil || packet.pointee.dts >= first else { return false }
        }
        try takeWaiting(demuxer, &watch)
        return false
    }

    private mutating func takeWaiting(_ demuxer: Demuxer, _ watch: inout KeyframeWatch) throws(MediaError) {
        let pictures = waiting
        waiting = []
        for kept in pictures { try take(kept.packet, demuxer, isLeading: true, &watch) }
    }

    /// Says once why sound is left out.
    private mutating func refuse(_ reason: String) {
        guard reason != refusal else { return }
        refusal = reason
        onEvent(.warned("the sound is left out: \(reason)"))
    }

    private mutating func take(
        _ packet: UnsafeMutablePointer<AVPacket>, _ demuxer: Demuxer, isLeading: Bool, _ watch: inout KeyframeWatch
    ) throws(MediaError) {
        let isKeyframe = isLeading && packet.pointee.flags & AV_PKT_FLAG_KEY != 0
        if isLeading, demuxer.hasVideo, demuxer.input.isLive,
            watch.misses(isKeyframe: isKeyframe, at: MonotonicClock.now)
        {
            guard shift != nil else { throw .noKeyframe(demuxer.name, seconds: watch.patience) }
            onEvent(.warned("\(MediaError.noKeyframe(demuxer.name, seconds: watch.patience))"))
        }
        switch timeline.judge(packet.pointee.dts, isLeading: isLeading, isKeyframe: isKeyframe) {
        case .fits(let correction):
            packet.pointee.pts += correction
            packet.pointee.dts += correction
        case .stray: return
        case .jumped:
            onEvent(.warned("the input's timestamps jump; players see a discontinuity"))
            try finishSegment(at: end, isLast: false)
            startAnew()
            _ = timeline.judge(packet.pointee.dts, isLeading: true)
        }
        if !isLeading {
            if let changed = (newSound ?? accompanying)?.changed(by: packet) {
                onEvent(.warned("the encoder has changed its sound; players see a discontinuity"))
                newSound = changed
            }
            // What cannot be read as what came before waits for pictures that begin anew.
            guard newSound == nil else { return }
        }
        // A picture that others refer to in both directions is shown late; its place in the row is what counts.
        // What follows a keyframe of an open group may be shown before it, and belongs to the same segment.
        let isFirstShown = isKeyframe && (reordering == 0 || leading?.isClosed(packet) != false)
        let place =
            isFirstShown ? max(packet.pointee.pts, packet.pointee.dts) : packet.pointee.dts + reordering
        if isLeading, let seam = try seam(before: packet, at: place, isKeyframe: isKeyframe) {
            try finishSegment(at: seam, isLast: false)
            startAnew()
            tellAnew()
            _ = timeline.judge(packet.pointee.dts, isLeading: true)
            // Who has seen what was before a hole can go on without a keyframe, and others must wait for one anyway.
            shift = end - place
        }
        if shift == nil {
            guard isKeyframe else { return }
            shift = end - place
            inputStart = inputStart ?? place
        }
        guard let shift else { return }
        // libavformat gives the last picture before a hole when the next one has come, and sound has gone on without it.
        if isLeading, cutter.isBridged, let segmentStart, place + shift < segmentStart { return }
        // What came before it has been forgotten since.
        if isLeading, isStandingStill {
            guard isKeyframe else { return }
            try bridge(to: place + shift)
            try standStill(until: place + shift)
        }
        packet.pointee.pts += shift
        packet.pointee.dts += shift
        if !isLeading {
            guard anchor.map({ packet.pointee.pts >= $0.time }) != false else { return }
            if lastVideo != .min {
                lag = max(lag, lastVideo - packet.pointee.dts)
                heard += 1
            }
            if !isHole(until: packet.pointee.dts) { try fallSilent(until: packet.pointee.dts, after: Self.pause) }
            silence = nil
        }
        guard isInOrder(packet, isVideo: isLeading && demuxer.hasVideo) else { return }
        try pace(packet.pointee.dts, of: demuxer.input)
        if isLeading {
            try cutIfDue(packet, at: place + shift, isKeyframe: isKeyframe)
            // Of what has changed nothing more will come as it was.
            try fallSilent(until: packet.pointee.dts, after: newSound == nil ? patience : 0)
        }
        try write(packet, isLeading: isLeading)
        try settle()
    }

    /// Where the segment ends if all begins anew with the packet whose place in the row is `place`: because it is made of
    /// something else, or because no picture came before it for longer than a segment may last.
    private mutating func seam(
        before packet: UnsafeMutablePointer<AVPacket>, at place: Int64, isKeyframe: Bool
    ) throws(MediaError) -> Int64? {
        if isKeyframe, try mendTrack(packet) { return end }
        guard !isBridging, let shift, let segmentStart else { return nil }
        let next = Self.microseconds(place + shift)
        guard let latest = cutter.mustEnd(before: next) else { return nil }
        // In fragments the newest picture is still held back, and may begin a segment in which it stands until the next.
        let (start, last) = (Self.microseconds(segmentStart), Self.microseconds(max(shown, segmentStart)))
        if settings.container == .cmaf, last > start, next - last <= latest - start,
            cutter.mustBegin(at: last, length: next - last)
        {
            try begin(at: shown, before: lastVideo, isKeyframe: false, isDependent: true)
            guard cutter.mustEnd(before: next) != nil else { return nil }
        }
        if !hasWarnedOfHoles {
            hasWarnedOfHoles = true
            onEvent(.warned("nothing came to be shown for longer than a segment may last; players see a discontinuity"))
        }
        return end
    }

    /// Whether the encoder has changed what its pictures are made of.
    private mutating func mendTrack(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Bool {
        guard let leading else { return false }
        guard let changed = newPictures ?? leading.changed(by: packet) else { return newSound != nil }
        newPictures = nil
        self.leading = changed
        guard shift != nil else { return false }
        onEvent(
            .warned(
                "the encoder has changed its \(changed.isVideo ? "pictures" : "sound"); players see a discontinuity"))
        return true
    }

    /// Twice as far behind the pictures as sound has ever come, it will not come any more.
    private var patience: Int64 {
        heard < Self.acquaintance
            ? Self.longestPatience : min(Self.longestPatience, Self.shortestPatience + 2 * lag)
    }

    /// Neither sound nor pictures have come for long: that is left out when the pictures go on, and needs no silence.
    private func isHole(until time: Int64) -> Bool {
        guard leading?.isVideo == true, silence == nil, lastAudio != .min, lastVideo != .min else { return false }
        return time - max(lastVideo, lastAudio + lastAudioLength) > Self.longestPatience
    }

    /// Sound must go on when the sender's does not: players wait for it, and a track of its own would have no segments.
    private mutating func fallSilent(until time: Int64, after patience: Int64) throws(MediaError) {
        guard let accompanying, let anchor else { return }
        let last = silence?.start ?? (lastAudio == .min ? anchor.time : lastAudio + lastAudioLength)
        guard silence != nil || time - last > patience else { return }
        if silence == nil { silence = Silence(accompanying, from: last) }
        if time - last > Self.longestPatience, !hasWarnedOfSilence {
            hasWarnedOfSilence = true
            let rest = silence == nil ? "and libavcodec has no silence of its kind" : "silence stands in for it"
            onEvent(.warned("no sound has come for 3 s; \(rest)"))
        }
        guard silence != nil else { return board.giveUp(board.rungs.upperBound..<board.count) }
        while let kept = silence?.next(before: time) {
            defer { withExtendedLifetime(kept) {} }
            (lastAudio, lastAudioLength) = (kept.packet.pointee.dts, kept.packet.pointee.duration)
            try write(kept.packet, isLeading: false)
        }
    }

    private func stamp(_ packet: UnsafeMutablePointer<AVPacket>, from base: AVRational, isVideo: Bool) {
        let none = av_shim_nopts()
        av_packet_rescale_ts(packet, base, Muxer.timeBase)
        packet.pointee.time_base = Muxer.timeBase
        packet.pointee.stream_index = isVideo ? 0 : 1
        if packet.pointee.dts == none {
            let last = isVideo && lastVideo != .min ? lastVideo : lastAudio
            packet.pointee.dts =
                packet.pointee.pts == none
                ? last == .min ? 0 : last + 1 - (shift ?? 0) : isVideo ? decodeTime(of: packet) : packet.pointee.pts
        }
        if packet.pointee.pts == none { packet.pointee.pts = packet.pointee.dts }
    }

    /// Matroska tells only when pictures are shown; libavformat reckons from when the first of them have come.
    private func decodeTime(of packet: UnsafeMutablePointer<AVPacket>) -> Int64 {
        let length = max(1, packet.pointee.duration)
        let delay = Int64(leading?.parameters.pointee.video_delay ?? 0)
        guard let shift, lastVideo != .min else { return packet.pointee.pts - delay * length }
        return min(packet.pointee.pts, lastVideo - shift + length)
    }

    /// Video is nudged where two stamps collide; sound that overlaps what was sent (at a loop's seam) is dropped.
    private mutating func isInOrder(_ packet: UnsafeMutablePointer<AVPacket>, isVideo: Bool) -> Bool {
        if isVideo {
            if packet.pointee.dts <= lastVideo { packet.pointee.dts = lastVideo + 1 }
            lastVideo = packet.pointee.dts
        } else {
            // Less than a millisecond apart they may be the same to a fragment, which counts in samples.
            guard lastAudio == .min || packet.pointee.dts - lastAudio >= 90 else { return false }
            (lastAudio, lastAudioLength) = (packet.pointee.dts, min(packet.pointee.duration, Self.pause))
        }
        packet.pointee.pts = max(packet.pointee.pts, packet.pointee.dts)
        return true
    }

    private mutating func pace(_ time: Int64, of input: MediaInput) throws(MediaError) {
        guard settings.isPaced, input.isPaced else { return }
        interrupt.sleep(pacer.delay(of: Self.microseconds(time), at: MonotonicClock.now))
        if interrupt.isStopped { throw .stopped }
    }

    private mutating func cutIfDue(
        _ packet: UnsafeMutablePointer<AVPacket>, at time: Int64, isKeyframe: Bool
    ) throws(MediaError) {
        if isKeyframe { reordering = time - packet.pointee.dts }
        try bridge(to: time)
        let isSoundAlone = cutter.isBridged && !isStandingStill
        isStandingStill = false
        defer { shown = max(shown, time) }
        let isFirst = segmentStart == nil
        let begins =
            isKeyframe || isFirst
            ? cutter.begins(at: Self.microseconds(time))
            : cutter.mustBegin(at: Self.microseconds(time), length: Self.microseconds(length(of: packet, at: time)))
        if !hasWarnedOfKeyframes, cutter.hasWideKeyframes || begins && !isKeyframe && !isFirst && !isSoundAlone {
            hasWarnedOfKeyframes = true
            onEvent(
                .warned(
                    "keyframes are too far apart for segments of \(settings.segmentDuration / 1_000_000) s: viewers wait longer. "
                        + "In OBS: Settings, Output, Streaming, Keyframe Interval: 2 s"))
        }
        guard begins else { return }
        delay.reset()
        let isOpen = isKeyframe && leading?.isClosed(packet) == false
        if isOpen, !hasWarnedOfOpenGroups {
            hasWarnedOfOpenGroups = true
            onEvent(
                .warned(
                    "pictures after a keyframe refer to pictures before it, so that who begins there sees errors: switch "
                        + "the encoder's open GOP off (x264 and x265: open-gop=0)"))
        }
        // Of what is left out for want of sound none is wanted any more.
        if isSoundAlone, lastAudio != .min, silence == nil, let segmentStart, lastAudio < segmentStart {
            lastAudio = max(lastAudio, time - lastAudioLength)
        }
        // After a hole a picture is decoded long before it is shown.
        let next = isSoundAlone ? max(packet.pointee.dts, time) : packet.pointee.dts
        try begin(at: time, before: next, isKeyframe: isKeyframe, isDependent: !isKeyframe || isOpen)
    }

    /// How long a picture will be shown, as far as it is known: a live one that comes late stands for as long as the one
    /// before, but a single hole is no rate.
    private func length(of packet: UnsafeMutablePointer<AVPacket>, at time: Int64) -> Int64 {
        max(packet.pointee.duration, 3_000, shown == .min ? 0 : min(time - shown, Self.pulse))
    }

    private var isBridging: Bool {
        (settings.container == .ts || isStandingStill) && accompanying != nil && leading?.isVideo == true
    }

    /// Where no picture comes for long, the last keyframe of who sends live stands still, and of a file MPEG-TS has segments
    /// of sound alone: that keeps what the playlist promises. Pictures without sound have nothing to put there.
    private mutating func bridge(to time: Int64) throws(MediaError) {
        guard isBridging, shown != .min else { return }
        while let boundary = cutter.mustBegin(between: Self.microseconds(shown), and: Self.microseconds(time)) {
            let boundary = boundary * 9 / 100
            if isStandingStill, let still {
                try stand(still, at: boundary)
            } else {
                try begin(at: boundary, before: boundary, isKeyframe: false, isDependent: true)
            }
        }
    }

    private mutating func stand(_ still: KeptPacket, at time: Int64) throws(MediaError) {
        try standStill(until: time)
        try begin(at: time, before: max(time - reordering, lastVideo + 1), isKeyframe: true, isDependent: false)
        try show(still, at: time)
        guard !hasWarnedOfStill else { return }
        hasWarnedOfStill = true
        onEvent(
            .warned("the pictures have stopped and the sound goes on: the last keyframe is shown until another comes"))
    }

    /// Browsers take a picture in MPEG-TS that stands for more than a second for a hole.
    private mutating func standStill(until time: Int64) throws(MediaError) {
        while isStandingStill, let still, time - shown > Self.pulse { try show(still, at: shown + Self.pulse) }
    }

    private mutating func show(_ still: KeptPacket, at time: Int64) throws(MediaError) {
        let copy = KeptPacket(still.packet)
        defer { withExtendedLifetime(copy) {} }
        (copy.packet.pointee.pts, copy.packet.pointee.dts) = (time, time - reordering)
        copy.packet.pointee.duration = 0
        guard isInOrder(copy.packet, isVideo: true) else { return }
        shown = time
        try write(copy.packet, isLeading: true)
    }

    /// Ends the segment that is being written, and begins another. Sound belongs to the one that ends until
    /// `next`, in MPEG-TS, and for fragments that is the decode time of the packet that follows.
    private mutating func begin(
        at time: Int64, before next: Int64, isKeyframe: Bool, isDependent: Bool
    ) throws(MediaError) {
        if let start = segmentStart {
            // Players look for the tracks in the first segment.
            if lastAudio == .min { try fallSilent(until: time, after: 0) }
            if settings.container == .ts { try release(before: next) }
            let media = try muxer?.cut(before: next)
            close(media, from: start, until: time, isLast: false)
        }
        if anchor == nil {
            let now = WallClock.now
            let came = arrival.map { $0.unixMilliseconds + (time - (shift ?? 0) - $0.time) / 90 } ?? now
            // What comes faster than it plays has no time of its own, nor what has jumped.
            anchor = (time, max((now - Self.longestAnalysis...now).contains(came) ? came : now, programEnd))
            arrival = nil
            generation += 1
        }
        segmentStart = time
        let row = board.begin(programTime: programTime(of: time), isDependent: isDependent)
        self.row = row
        if board.count > board.rungs.upperBound { follow(row, at: time) }
        guard smaller != nil, let leading else { return }
        let beginning = SegmentBeginning(
            row: row, time: time, isKeyframe: isKeyframe, isSlate: lineup.isSlate, video: leading,
            accompanying: settings.container == .ts ? accompanying : nil, offset: offset)
        try smaller?.begin(beginning)
    }

    private mutating func follow(_ row: Int, at time: Int64) {
        if sound == nil, let accompanying {
            sound = Follower([accompanying], container: settings.container, offset: offset)
        }
        sound?.begin(row, at: time)
        if sound == nil { board.giveUp(board.count - 1..<board.count) }
    }

    /// What fragments' times are ahead of the packets': they count in Unix time, so that records tell their times.
    private var offset: Int64 {
        guard settings.container == .cmaf, let anchor else { return 0 }
        return anchor.unixMilliseconds * 90 - anchor.time
    }

    private func programTime(of time: Int64) -> Int64 {
        guard let anchor else { return 0 }
        return anchor.unixMilliseconds + (time - anchor.time) / 90
    }

    /// Takes a packet; it is consumed.
    private mutating func write(
        _ packet: UnsafeMutablePointer<AVPacket>, isLeading: Bool
    ) throws(MediaError) {
        guard let segmentStart, let leading else { return }
        let length = max(packet.pointee.duration, isLeading ? 1 : 0)
        // One picture that is to be shown long after all others is not where they end.
        end = max(end, (isLeading ? packet.pointee.dts + reordering : packet.pointee.pts) + length)
        if isLeading {
            if settings.input.isLive, packet.pointee.flags & AV_PKT_FLAG_KEY != 0, leading.isVideo,
                leading.isClosed(packet)
            {
                still = KeptPacket(packet)
            }
            try smaller?.feed(packet, SourceClock(pass: pass, shift: shift ?? 0))
            try release(before: packet.pointee.dts)
            try mux(packet, leading, to: 0)
        } else {
            // What is so far ahead belongs to a hole that is left out.
            guard ahead.count < Self.farthest, aheadBytes < Self.largestAhead else { return }
            if settings.container == .ts { smaller?.accompany(packet) }
            let reached = packet.pointee.pts - Self.looseness
            aheadBytes += Int(packet.pointee.size)
            ahead.append(KeptPacket(emptying: packet))
            if still != nil, cutter.mustEnd(before: Self.microseconds(reached)) != nil { isStandingStill = true }
            try bridge(to: reached)
            try standStill(until: reached)
        }
        let size = muxer?.length ?? 0
        guard size <= Limits.segmentLength - (1 << 20) else {
            let playing = Self.microseconds(end - (self.segmentStart ?? segmentStart))
            throw .segmentTooLarge(name, seconds: Int(playing / 1_000_000), bytes: size)
        }
    }

    private mutating func mux(
        _ packet: UnsafeMutablePointer<AVPacket>, _ leading: Track, to stream: Int
    ) throws(MediaError) {
        let muxer: Muxer
        if let current = self.muxer {
            muxer = current
        } else {
            let tracks = settings.container == .ts ? [leading, accompanying].compactMap { $0 } : [leading]
            muxer = try Muxer(tracks, container: settings.container, offset: offset)
            self.muxer = muxer
        }
        try muxer.write(packet, to: stream)
    }

    /// Sound that is ahead of the pictures waits for them: the next may begin a segment.
    private mutating func release(before time: Int64) throws(MediaError) {
        let due = ahead.prefix { $0.packet.pointee.dts < time }
        ahead.removeFirst(due.count)
        aheadBytes -= due.reduce(0) { $0 + Int($1.packet.pointee.size) }
        for kept in due {
            if settings.container == .ts, let leading {
                let copy = sound == nil ? kept : KeptPacket(kept.packet)
                defer { withExtendedLifetime(copy) {} }
                try mux(copy.packet, leading, to: 1)
            }
            try sound?.lead(kept)
        }
    }

    /// Closes the segment that is being written, if there is one, and waits for its copies. What would make it longer than
    /// the playlist allows is left out.
    private mutating func finishSegment(at time: Int64, isLast: Bool) throws(MediaError) {
        try bridge(to: time)
        guard let start = segmentStart else { return }
        let time = cutter.mustEnd(before: Self.microseconds(time)).map { $0 * 9 / 100 } ?? time
        try standStill(until: time)
        // A track of its own must be as long as the others.
        try fallSilent(until: time, after: 0)
        end = time
        cutter.finish(at: Self.microseconds(time))
        try release(before: time)
        let media = try muxer?.finish(at: time - reordering)
        muxer = nil
        close(media, from: start, until: time, isLast: isLast)
        try sound?.finish()
        try settle()
        sound = nil
        segmentStart = nil
        guard smaller != nil else { return }
        smaller?.finish(at: time)
        while smaller?.isBusy == true, !interrupt.isStopped {
            try settle()
            interrupt.sleep(.milliseconds(20))
        }
        try smaller?.end()
        try settle()
        board.giveUp(board.rungs)
        try settle()
    }

    private mutating func close(_ media: CutSegment.Media?, from start: Int64, until time: Int64, isLast: Bool) {
        guard let row, let targetDuration = cutter.targetDuration else { return }
        self.row = nil
        programEnd = programTime(of: time)
        board.fill(row, 0, media, generation: generation)
        board.close(
            row,
            // Both ends are rounded alike, so that the sum of durations never drifts from the media.
            duration: Self.microseconds(time) - Self.microseconds(start), targetDuration: targetDuration,
            isLast: isLast,
            at: MonotonicClock.now)
    }

    /// Takes what the followers have finished, and lets go what is complete.
    private mutating func settle() throws(MediaError) {
        for (row, media) in sound?.take() ?? [] {
            board.fill(row, board.count - 1, media, generation: generation)
        }
        if smaller != nil {
            for event in try smaller?.settle(waitingSince: board.waitingSince, at: MonotonicClock.now) ?? [] {
                switch event {
                case .described(let all):
                    board.isOpen = true
                    tell(all)
                case .finished(let row, let rung, let media, let generation):
                    board.fill(row, board.rungs.lowerBound + rung, media, generation: generation)
                case .gaveUp(let rung):
                    board.giveUp(
                        rung.map { board.rungs.lowerBound + $0..<board.rungs.lowerBound + $0 + 1 } ?? board.rungs)
                case .warned(let text): onEvent(.warned(text))
                case .neverCame(let all):
                    board.removeRungs()
                    board.isOpen = true
                    tell(all)
                    smaller = nil
                }
            }
        }
        for segment in board.take() { onEvent(.cut(segment)) }
    }

    private static func microseconds(_ time: Int64) -> Int64 { (time * 100 + 4) / 9 }
}
