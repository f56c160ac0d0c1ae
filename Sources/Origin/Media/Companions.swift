import CLibAVFormat
import OriginCore
import Vocabulary

/// Smaller renditions that come ready-made from inputs of their own, whose times are those of the source.
///
/// A segment is taken where a keyframe stands where the source has cut. Where none does, or nothing comes in time, the
/// next smaller rendition stands in.
struct Companions: Rungs {
    private struct Part {
        let companion: Companion
        var track: Track
        var follower: Follower
        /// What the follower has not been told of yet.
        var cuts: [(row: Int, time: Int64)] = []
        /// Whether what comes belongs to a segment.
        var isInside = false
        var generation = 0
        /// Nothing came in time; it is not waited for until it has caught up.
        var isAbsent = false
        var hasBeenMissed = false
        /// The pass of the newest picture that was taken, and when that is shown.
        var pass = 0
        var newest: Int64?

        /// Whether it has pictures before the cut, and so has had its chance of a keyframe there.
        func hasReached(_ time: Int64) -> Bool { isInside || newest.map { $0 < time } == true }
    }

    /// Ends their threads when nobody asks for their pictures any more.
    private final class Crew {
        let companions: [Companion]
        init(_ companions: [Companion]) { self.companions = companions }
        deinit { for companion in companions { companion.stop() } }
    }

    /// How far a keyframe may be from the source's, in 1/90000 s: less than half a picture, more than containers round.
    private static let tolerance: Int64 = 450
    /// How far from the source's newest picture a picture may be to belong to the same programme.
    private static let reach: Int64 = 60 * 90_000
    /// How long a segment waits for an input that is read.
    private let patience: Interval

    private let sourceName: String
    private let isPaced: Bool
    private let container: Container
    private var parts: [Part]
    private let crew: Crew
    private var events: [RungEvent] = []
    private var clocks: [SourceClock] = []
    /// The source's newest picture and its newest segment.
    private var position = Int64.min
    private var newestCut = Int64.min
    private var passStart = Int64.min
    /// What is shown is not what the renditions are of.
    private var isSlate = false
    private var finishing: Instant?
    private static let grace = Interval.seconds(5)

    /// Opens them all; one that is live may be left out, with a warning. Blocks.
    init(
        _ settings: MediaSource.Settings, name: String, interrupt: Interrupt, warn: (String) -> Void
    ) throws(MediaError) {
        sourceName = name
        isPaced = settings.isPaced
        container = settings.container
        patience = max(.seconds(8), .microseconds(4 * settings.segmentDuration))
        var entrances = settings.sideEntrances[...]
        let companions = settings.renditions.enumerated().map { number, input in
            Companion(
                input, name: input.kind == .encoders ? "rendition \(number + 1)" : "\(input)",
                isLooping: settings.isLooping, entrance: input.kind == .encoders ? entrances.popFirst() : nil)
        }
        crew = Crew(companions)
        for companion in companions { companion.start() }
        // Meanwhile the source's encoder is held back.
        let end = MonotonicClock.now + (settings.entrance == nil ? .seconds(25) : .seconds(10))
        var parts: [Part] = []
        var failure: MediaError?
        for companion in companions {
            while companion.opened == nil, companion.complaint == nil, MonotonicClock.now < end, !interrupt.isStopped {
                Interrupt.pause()
            }
            if let opened = companion.opened {
                parts.append(
                    Part(
                        companion: companion, track: opened.track,
                        follower: Follower([opened.track], container: container, offset: 0)))
                continue
            }
            let complaint = companion.complaint ?? .cannotOpen(companion.name, reason: "nothing came in time")
            companion.leaveOut()
            if companion.input.isLive {
                warn("a rendition is left out: \(complaint)")
            } else {
                failure = failure ?? complaint
            }
        }
        // Each stands in for the next larger one.
        self.parts = parts.sorted { $0.track.height > $1.track.height }
        if let failure { throw failure }
    }

    var count: Int { parts.count }

    /// By rung.
    ///
    /// - Parameter carried: the sound that each rendition carries itself.
    func descriptions(carried: MediaDescription?) -> [MediaDescription] {
        parts.map { part in
            let opened = part.companion.opened
            var description = MediaDescription(
                [part.track], frameRate: opened?.framesPerKilosecond ?? 0, bitRate: opened?.bitRate ?? 0,
                peakBitRate: opened?.peakBitRate ?? 0)
            guard let carried else { return description }
            description.codecs += carried.codecs
            description.channels = carried.channels
            if opened?.hasSound == false {
                if description.bitRate > 0 { description.bitRate += carried.bitRate }
                if description.peakBitRate > 0 { description.peakBitRate += carried.bitRate * 3 / 2 }
            }
            return description
        }
    }

    mutating func begin(_ beginning: SegmentBeginning) throws(MediaError) {
        finishing = nil
        newestCut = beginning.time
        isSlate = beginning.isSlate
        for index in parts.indices {
            guard !isSlate else {
                nothing(of: beginning.row, index)
                continue
            }
            if !parts[index].isInside, parts[index].cuts.isEmpty {
                let tracks = [parts[index].track] + [beginning.accompanying].compactMap { $0 }
                parts[index].follower = Follower(tracks, container: container, offset: beginning.offset)
            }
            if parts[index].isAbsent { parts[index].cuts = [] }
            parts[index].cuts.append((beginning.row, beginning.time))
        }
    }

    mutating func feed(_ packet: UnsafeMutablePointer<AVPacket>, _ clock: SourceClock) throws(MediaError) {
        if clocks.last != clock {
            if clocks.last?.pass != clock.pass { passStart = packet.pointee.pts }
            clocks = clocks.suffix(1) + [clock]
        }
        position = packet.pointee.dts
        guard !isSlate else {
            for part in parts { part.companion.removeAll() }
            return
        }
        try collect()
        // A source that is not held back to real time waits for the others.
        while !isPaced, parts.contains(where: { $0.companion.first == nil && !$0.companion.isOver }) {
            Interrupt.pause()
            try collect()
        }
    }

    mutating func accompany(_ packet: UnsafeMutablePointer<AVPacket>) {
        for part in parts { part.follower.accompany(packet) }
    }

    mutating func finish(at end: Int64) {
        position = end - 1
        finishing = MonotonicClock.now
    }

    var isBusy: Bool {
        guard let finishing, MonotonicClock.now - finishing < Self.grace else { return false }
        return parts.contains { part in
            guard !part.companion.isOver, !part.isAbsent, part.isInside || !part.cuts.isEmpty else { return false }
            guard let first = part.companion.first else { return true }
            return isBefore(position, first)
        }
    }

    mutating func end() throws(MediaError) {
        try collect()
        for index in parts.indices {
            try parts[index].follower.finish()
            take(index)
            for cut in parts[index].cuts { nothing(of: cut.row, index) }
            parts[index].cuts = []
            parts[index].isInside = false
            parts[index].generation += 1
        }
        position = .min
    }

    mutating func settle(waitingSince: Instant?, at now: Instant) throws(MediaError) -> [RungEvent] {
        try collect()
        let isLate = waitingSince.map { now - $0 > patience } ?? false
        for index in parts.indices where parts[index].isInside || !parts[index].cuts.isEmpty {
            let companion = parts[index].companion
            if companion.isOver, companion.first == nil {
                try leave(index, before: position + 1)
                for cut in parts[index].cuts { nothing(of: cut.row, index) }
                parts[index].cuts = []
            } else if isPaced, finishing == nil, !parts[index].isAbsent, companion.first == nil,
                !companion.isReading || isLate && !parts[index].cuts.isEmpty
            {
                parts[index].isAbsent = true
                let reason = companion.complaint.map { "\($0)" } ?? "\(companion.name) is late"
                events.append(.warned("\(reason); the next smaller rendition stands in for it"))
            }
            if parts[index].isAbsent { events.append(.gaveUp(rung: index)) }
        }
        defer { events = [] }
        return events
    }

    /// The picture's times in the output; `nil` while the source has not come to its pass.
    private func moved(_ picture: Companion.Picture, _ input: MediaInput) -> Int64? {
        guard let newest = clocks.last else { return nil }
        guard !input.isLive else {
            // Both count in 33 bits, and one of them may have begun before they wrapped.
            let away = position - (picture.packet.packet.pointee.pts + newest.shift)
            let turns = (away + (away < 0 ? -Self.turn : Self.turn) / 2) / Self.turn
            return newest.shift + turns * Self.turn
        }
        return clocks.last(where: { $0.pass == picture.pass })?.shift
            ?? (picture.pass < newest.pass ? newest.shift : nil)
    }

    private static let turn: Int64 = 1 << 33

    private func isBefore(_ time: Int64, _ picture: Companion.Picture) -> Bool {
        guard let newest = clocks.last else { return true }
        return picture.packet.packet.pointee.dts + newest.shift < time
    }

    /// Takes what belongs before the source's newest picture.
    private mutating func collect() throws(MediaError) {
        guard position != .min else { return }
        for index in parts.indices {
            let companion = parts[index].companion
            while let picture = companion.first, let shift = moved(picture, companion.input) {
                let packet = picture.packet.packet.pointee
                if companion.input.isLive, picture.pass != parts[index].pass { try beginPass(picture.pass, index) }
                // Where the source has a keyframe, and perhaps cuts, is known once it has come to when that is shown.
                let time = (packet.flags & AV_PKT_FLAG_KEY != 0 ? packet.pts : packet.dts) + shift
                if time > position {
                    // Of a file, what is left of the pass before says nothing of this one.
                    if companion.input.isLive || picture.pass == clocks.last?.pass {
                        try skip(index, before: packet.dts + shift)
                    }
                    // Nothing of what a session has left behind, or of another clock, will be waited for.
                    guard companion.input.isLive, time > position + Self.reach || picture.pass < companion.pass else {
                        break
                    }
                    if time > position + Self.reach { miss(index, "times") }
                    companion.removeFirst()
                    continue
                }
                companion.removeFirst()
                // It is longer than the source, which has begun again.
                let isSurplus = picture.pass < clocks.last?.pass ?? 0 && packet.pts + shift >= passStart
                guard companion.input.isLive || !isSurplus else { continue }
                try place(picture.packet, shift, index)
            }
        }
    }

    /// A live input has begun again, perhaps with other pictures.
    private mutating func beginPass(_ pass: Int, _ index: Int) throws(MediaError) {
        try leave(index, before: .max)
        parts[index].pass = pass
        parts[index].newest = nil
        parts[index].hasBeenMissed = false
        guard let opened = parts[index].companion.opened else { return }
        parts[index].track = opened.track
        let follower = parts[index].follower
        parts[index].follower = Follower(
            [opened.track] + follower.accompanying, container: container, offset: follower.offset)
    }

    /// Nothing that comes from now on is decoded before `time`: it is too late for earlier cuts.
    private mutating func skip(_ index: Int, before time: Int64) throws(MediaError) {
        while let cut = parts[index].cuts.first, time > cut.time + Self.tolerance {
            if parts[index].hasReached(cut.time) { miss(index, "keyframes") }
            try leave(index, before: time)
            nothing(of: cut.row, index)
            parts[index].cuts.removeFirst()
        }
    }

    private mutating func place(_ kept: KeptPacket, _ shift: Int64, _ index: Int) throws(MediaError) {
        let packet = kept.packet
        packet.pointee.pts += shift
        packet.pointee.dts += shift
        let time = packet.pointee.pts
        let isKeyframe = packet.pointee.flags & AV_PKT_FLAG_KEY != 0
        if isKeyframe, let changed = parts[index].track.changed(by: packet) {
            try leave(index, before: packet.pointee.dts)
            let tracks = [changed] + parts[index].follower.accompanying
            parts[index].track = changed
            parts[index].follower = Follower(tracks, container: container, offset: parts[index].follower.offset)
        }
        while let cut = parts[index].cuts.first, time >= cut.time - Self.tolerance {
            if isKeyframe, time <= cut.time + Self.tolerance {
                if !parts[index].isInside { parts[index].generation += 1 }
                parts[index].isInside = true
                parts[index].follower.begin(cut.row, at: time)
                parts[index].cuts.removeFirst()
                break
            }
            // Rows that it was too late for are no fault of its keyframes.
            if parts[index].hasReached(cut.time) { miss(index, "keyframes") }
            try leave(index, before: packet.pointee.dts)
            nothing(of: cut.row, index)
            parts[index].cuts.removeFirst()
        }
        if time >= newestCut { parts[index].isAbsent = false }
        if parts[index].companion.input.isLive { parts[index].newest = time }
        guard parts[index].isInside else { return }
        try parts[index].follower.lead(kept)
        take(index)
    }

    private mutating func miss(_ index: Int, _ what: String) {
        guard !parts[index].hasBeenMissed else { return }
        parts[index].hasBeenMissed = true
        events.append(
            .warned(
                "the \(what) of \(parts[index].companion.name) are not where those of \(sourceName) are, so that the "
                    + "next smaller rendition stands in for it: encode all renditions at once, with the same keyframe "
                    + "interval and no keyframes at changes of scene"))
    }

    /// What comes next belongs to no segment until another one begins.
    private mutating func leave(_ index: Int, before time: Int64) throws(MediaError) {
        guard parts[index].isInside else { return }
        try parts[index].follower.leave(before: time)
        take(index)
        parts[index].isInside = false
    }

    private mutating func nothing(of row: Int, _ index: Int) {
        events.append(.finished(row: row, rung: index, nil, generation: parts[index].generation))
    }

    private mutating func take(_ index: Int) {
        for (row, media) in parts[index].follower.take() {
            events.append(.finished(row: row, rung: index, media, generation: parts[index].generation))
        }
    }
}
