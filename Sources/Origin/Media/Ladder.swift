import CLibAVFormat
import OriginCore
import Vocabulary

/// The smaller renditions of a source, made by the ffmpeg program and cut where the source is cut.
///
/// When the machine is too slow for all of them the tallest is given up, and so on; whoever watches it gets the next
/// smaller one from then on. The source itself never waits for long.
struct Ladder: Rungs {
    private let rungs: [LadderPlan.Rung]
    private let segmentDuration: Int64
    private let isPaced: Bool
    private let container: Container
    private let source: MediaDescription
    private let sound: MediaDescription?
    /// The sound that each rendition carries itself.
    private let carried: MediaDescription?

    /// How many of the tallest are given up.
    private var dropped = 0
    private var transcoder: Transcoder?
    private var health: LadderHealth
    private var followers: [Follower] = []
    private var accompanying: Track?
    private var offset: Int64 = 0
    /// Segments that have begun since the transcoder was started, until it tells what it makes.
    private var begun: [(row: Int, time: Int64)] = []
    private var sounds: [KeptPacket] = []
    private var generation = 0
    private var isDescribed = false
    private var failures = 0
    private var events: [RungEvent] = []

    /// How long what is under way may take once the source has ended.
    private static let grace = Interval.seconds(10)
    private var finishing: Instant?
    private var sourceEnd: Int64?

    init(
        _ rungs: [LadderPlan.Rung], _ settings: MediaSource.Settings, source: MediaDescription,
        sound: MediaDescription?, carried: MediaDescription?
    ) {
        self.rungs = rungs
        segmentDuration = settings.segmentDuration
        isPaced = settings.isPaced
        container = settings.container
        self.source = source
        self.sound = sound
        self.carried = carried
        health = LadderHealth(segmentDuration: segmentDuration, at: MonotonicClock.now)
    }

    private var active: ArraySlice<LadderPlan.Rung> { rungs.dropFirst(dropped) }

    /// Where the source has a keyframe the transcoder may be started.
    mutating func begin(_ beginning: SegmentBeginning) throws(MediaError) {
        let (row, time) = (beginning.row, beginning.time)
        offset = beginning.offset
        accompanying = beginning.accompanying
        guard !active.isEmpty else { return events.append(.gaveUp(rung: nil)) }
        if transcoder == nil {
            guard beginning.isKeyframe else { return events.append(.gaveUp(rung: nil)) }
            do throws(MediaError) {
                transcoder = try Transcoder(beginning.video, Array(active))
            } catch {
                events.append(.warned("smaller renditions are not made: \(error)"))
                dropped = rungs.count
                return abandon()
            }
            health = LadderHealth(segmentDuration: segmentDuration, at: MonotonicClock.now)
            generation += 1
            finishing = nil
        }
        begun.append((row, time))
        for follower in followers { follower.begin(row, at: time) }
    }

    mutating func feed(_ packet: UnsafeMutablePointer<AVPacket>, _ clock: SourceClock) throws(MediaError) {
        guard let transcoder else { return }
        try transcoder.feed(KeptPacket(packet))
        health.feed(at: MonotonicClock.now)
        // A source that is not held back to real time waits for the encoder.
        guard !isPaced else { return }
        while !transcoder.isOver, transcoder.backlog > 1 << 20 { Interrupt.pause() }
    }

    mutating func accompany(_ packet: UnsafeMutablePointer<AVPacket>) {
        guard transcoder != nil, accompanying != nil else { return }
        if followers.isEmpty {
            if sounds.count < 4_096 { sounds.append(KeptPacket(packet)) }
        } else {
            for follower in followers { follower.accompany(packet) }
        }
    }

    mutating func finish(at end: Int64) {
        transcoder?.finish()
        sourceEnd = end
        finishing = MonotonicClock.now
    }

    var isBusy: Bool {
        guard let transcoder, let finishing else { return false }
        return !transcoder.isOver && (!isPaced || MonotonicClock.now - finishing < Self.grace)
    }

    /// The next segment starts a new encoder.
    mutating func end() throws(MediaError) {
        try collect()
        for (number, follower) in followers.enumerated() {
            try follower.finish(at: sourceEnd)
            take(from: follower, number)
        }
        stop()
        if !isDescribed { abandon() }
    }

    mutating func settle(waitingSince: Instant?, at now: Instant) throws(MediaError) -> [RungEvent] {
        try collect()
        if let transcoder, finishing == nil {
            if transcoder.isOver {
                failures += 1
                events.append(.warned("the ffmpeg program has ended; it is started again"))
                stop()
                events.append(.gaveUp(rung: nil))
                if failures >= 3 { drop("it keeps ending") }
            } else if isPaced,
                transcoder.isFlooded
                    || health.isTooSlow(hasOutput: !followers.isEmpty, waitingSince: waitingSince, at: now)
            {
                stop()
                events.append(.gaveUp(rung: nil))
                drop("this machine is too slow")
            }
        }
        defer { events = [] }
        return events
    }

    private mutating func drop(_ reason: String) {
        guard let rung = active.first else { return }
        dropped += 1
        failures = 0
        let rest = active.map { "\($0.height)p" }.joined(separator: ", ")
        events.append(
            .warned(
                "the \(rung.height)p rendition is given up, because \(reason); "
                    + (rest.isEmpty ? "only the source is left" : "its viewers get \(rest) from now on")))
        if active.isEmpty { abandon() }
    }

    private mutating func abandon() {
        events.append(.gaveUp(rung: nil))
        guard !isDescribed else { return }
        isDescribed = true
        dropped = rungs.count
        events.append(.neverCame([source] + [sound].compactMap { $0 }))
    }

    private mutating func stop() {
        transcoder = nil
        followers = []
        begun = []
        sounds = []
    }

    private mutating func collect() throws(MediaError) {
        guard let transcoder else { return }
        let packets = transcoder.take()
        if followers.isEmpty, let tracks = transcoder.tracks, tracks.count == active.count { start(tracks) }
        for (rung, packet) in packets where followers.indices.contains(rung) {
            try followers[rung].lead(packet)
            take(from: followers[rung], rung)
        }
    }

    private mutating func take(from follower: Follower, _ number: Int) {
        for (row, media) in follower.take() {
            events.append(.finished(row: row, rung: dropped + number, media, generation: generation))
        }
    }

    private mutating func start(_ tracks: [Track]) {
        followers = tracks.map { track in
            Follower([track] + (accompanying.map { [$0] } ?? []), container: container, offset: offset)
        }
        for follower in followers {
            for (row, time) in begun { follower.begin(row, at: time) }
            for packet in sounds { follower.accompany(packet.packet) }
        }
        sounds = []
        guard !isDescribed else { return }
        isDescribed = true
        let all = zip(tracks, active).map { track, rung in
            var description = MediaDescription(
                [track], frameRate: source.framesPerKilosecond, bitRate: Int64(rung.bitRate * 11 / 10), peakBitRate: 0)
            if let carried {
                description.codecs += carried.codecs
                description.channels = carried.channels
                description.bitRate += carried.bitRate
            }
            return description
        }
        events.append(.described([source] + all + [sound].compactMap { $0 }))
    }
}
