/// What one segment holds, as far as its container tells.
package struct MediaReading: Sendable {
    package struct Track: Hashable, Sendable {
        package enum Kind: Hashable, Sendable { case video, audio, other }

        /// The packet identifier or track number.
        package var number: Int
        package var kind: Kind
        /// Ticks per second of the times below.
        package var timescale: Int
        /// When the first picture or sound in decoding order is shown.
        package var start: Int64
        package var decodeStart: Int64
        /// Where the next segment's `decodeStart` must be; `nil` where the container does not tell.
        package var decodeEnd: Int64?
        package var samples: Int
        /// From the earliest picture's time to the end of the latest; `nil` where the container does not tell.
        package var shown: Int64?
        /// How long the longest picture or sound is there.
        package var longest: Int64 = 0
        /// The first sample needs no earlier one.
        package var beginsWithKeyframe: Bool
        /// Continuity counters of the first and the last packet (MPEG-TS).
        package var counters: (first: Int, last: Int)?

        package static func == (a: Self, b: Self) -> Bool {
            a.number == b.number && a.kind == b.kind && a.start == b.start
        }
        package func hash(into hasher: inout Hasher) { hasher.combine(number) }
    }

    package internal(set) var tracks: [Track] = []
    /// What is wrong with it by itself: keyframes are judged by whoever knows what the playlist promised.
    package internal(set) var faults: [String] = []

    package var video: Track? { tracks.first { $0.kind == .video } }

    init() {}

    /// Reads a whole segment; `initialization` is the section that its EXT-X-MAP names.
    package init(_ bytes: [UInt8], initialization: InitializationReading?) {
        self = initialization.map { Self(fragments: bytes, $0) } ?? Self(transport: bytes)
    }

    mutating func fault(_ text: String) { if faults.count < 20 { faults.append(text) } }
}

/// What must hold from one segment to the next.
package struct Continuity: Sendable {
    /// A track where it was last: one may pause for a segment, when nothing is to be seen for long.
    private struct Seen {
        var track: MediaReading.Track
        /// How long its segment is.
        var duration: Int64
        /// From the beginning of that segment to the beginning of the next one to come.
        var since: Int64
    }

    private var last: Int?
    private var seen: [Seen] = []

    package init() {}

    /// - Parameters:
    ///   - duration: the segment's EXTINF in microseconds.
    ///   - isNew: a discontinuity lies before it.
    package mutating func add(
        _ reading: MediaReading, sequence: Int, duration: Int64, isNew: Bool, at place: String
    ) -> [Finding] {
        if isNew || last.map({ $0 + 1 }) != sequence { seen = [] }
        defer {
            last = sequence
            seen = seen.filter { old in !reading.tracks.contains { Self.isSame($0, old.track) } }.map {
                Seen(track: $0.track, duration: $0.duration, since: $0.since + duration)
            }
            seen += reading.tracks.map { Seen(track: $0, duration: duration, since: duration) }
        }
        var findings: [Finding] = []
        if let video = reading.video ?? reading.tracks.first, let end = video.decodeEnd, video.timescale > 0 {
            // With pictures of varying length that are sent in another order, what is decoded and what is shown differ.
            let lengths = [end - video.decodeStart, video.shown ?? 0].map { Self.microseconds($0, video.timescale) }
            let frame = Self.microseconds(video.longest, video.timescale)
            if lengths.allSatisfy({ abs($0 - duration) > max(frame, 50_000) }) {
                findings.append(
                    Finding(
                        .segmentDuration, at: place,
                        "EXTINF is \(PlaylistReading.seconds(duration)), and the media plays "
                            + "\(PlaylistReading.seconds(max(0, lengths[0]))) s"))
            }
        }
        guard !seen.isEmpty else { return findings }
        for track in reading.tracks {
            guard let last = seen.first(where: { Self.isSame($0.track, track) }) else {
                findings.append(
                    Finding(
                        .discontinuity, at: place, "track \(track.number) is new, and no EXT-X-DISCONTINUITY says so"))
                continue
            }
            let before = last.track
            if let from = before.counters, let to = track.counters, to.first != (from.last + 1) & 15 {
                findings.append(
                    Finding(
                        .continuity, at: place,
                        "the counter of packet identifier \(track.number) went from \(from.last) to \(to.first)"))
            }
            if let end = before.decodeEnd {
                let gap = Self.microseconds(track.decodeStart - end, track.timescale)
                if abs(gap) > 2_000 {
                    findings.append(
                        Finding(
                            .continuity, at: place,
                            "track \(track.number) begins \(gap) µs after the end of the last segment"))
                }
            } else if track.kind == .video || !seen.contains(where: { $0.track.kind == .video }) {
                // Sound goes along with pictures as loosely as it was sent.
                // Decoding times go on where pictures are shown in another order than they are sent, and pictures where
                // their encoder reorders them as it likes.
                let moved = [track.start - before.start, track.decodeStart - before.decodeStart].map {
                    Self.microseconds(Self.unwrapped($0), track.timescale)
                }
                let frame = last.duration / Int64(max(1, before.samples))
                if let nearest = moved.min(by: { abs($0 - last.since) < abs($1 - last.since) }),
                    abs(nearest - last.since) > max(frame, 50_000)
                {
                    findings.append(
                        Finding(
                            .continuity, at: place,
                            "its timestamps begin \(nearest) µs after the last segment's, whose EXTINF is \(last.since) µs"
                        ))
                }
            }
        }
        return findings
    }

    private static func isSame(_ track: MediaReading.Track, _ other: MediaReading.Track) -> Bool {
        track.number == other.number && track.kind == other.kind
    }

    /// A difference of counters of 33 bits, which may have wrapped in between.
    private static func unwrapped(_ ticks: Int64) -> Int64 {
        let rest = ticks & 0x1_ffff_ffff
        return rest > 0x1_0000_0000 ? rest - 0x2_0000_0000 : rest
    }

    private static func microseconds(_ ticks: Int64, _ timescale: Int) -> Int64 {
        let seconds = ticks / Int64(max(1, timescale))
        guard abs(seconds) < 1_000_000_000 else { return seconds < 0 ? -1_000_000_000_000_000 : 1_000_000_000_000_000 }
        return seconds * 1_000_000 + ticks % Int64(max(1, timescale)) * 1_000_000 / Int64(max(1, timescale))
    }
}
