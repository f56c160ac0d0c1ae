/// What may not happen from one reading of a media playlist to the next.
package struct History: Sendable {
    package private(set) var last: PlaylistReading?
    /// When a segment was last added, in microseconds of any steady clock.
    private var lastNews: Int64 = 0
    private var uris: [Int: String] = [:]
    /// The longest list that each segment was in, in microseconds.
    private var longest: [Int: Int64] = [:]
    private var firstSeen: [Int: Int64] = [:]
    private var durations: [Int: Int64] = [:]
    private var hasShrunk = false
    private var isLate = false
    /// How much later than the standard allows news may come, in microseconds: readings are not continuous.
    private let tolerance: Int64

    package init(tolerance: Int64 = 500_000) { self.tolerance = tolerance }

    package mutating func add(_ reading: PlaylistReading, at now: Int64) -> [Finding] {
        var findings: [Finding] = []
        func find(_ item: Item, _ detail: String) { findings.append(Finding(item, at: reading.place, detail)) }
        let end = reading.mediaSequence + reading.segments.count
        if let last {
            let lastEnd = last.mediaSequence + last.segments.count
            if reading.targetDuration != last.targetDuration {
                find(.targetDuration, "it changed from \(last.targetDuration) to \(reading.targetDuration)")
            }
            if reading.mediaSequence < last.mediaSequence {
                find(.mediaSequence, "it went back from \(last.mediaSequence) to \(reading.mediaSequence)")
            }
            if end < lastEnd { find(.freshness, "segment \(lastEnd - 1) was taken back") }
            if last.isEnded, !reading.isEnded || end != lastEnd { find(.ending, "it went on after EXT-X-ENDLIST") }
            let gone = reading.mediaSequence - last.mediaSequence
            if gone > 0 {
                hasShrunk = true
                let left = last.segments.prefix(gone).count(where: \.isDiscontinuity)
                let expected = (last.discontinuitySequence ?? 0) + left
                // A whole list that left between two readings may have held more.
                let isKnown = gone <= last.segments.count
                if isKnown
                    ? (reading.discontinuitySequence ?? 0) != expected : (reading.discontinuitySequence ?? 0) < expected
                {
                    find(
                        .discontinuity,
                        "\(left) discontinuities have left, and the sequence went from \(last.discontinuitySequence ?? 0) to "
                            + "\(reading.discontinuitySequence ?? 0)")
                }
            } else if gone == 0, reading.discontinuitySequence ?? 0 != last.discontinuitySequence ?? 0 {
                find(.discontinuity, "the sequence changed, and nothing has left")
            }
            let before = Dictionary(uniqueKeysWithValues: last.segments.map { ($0.sequence, $0) })
            for segment in reading.segments {
                guard let known = before[segment.sequence] else { continue }
                if known.duration != segment.duration || known.isDiscontinuity != segment.isDiscontinuity
                    || known.map != segment.map
                {
                    find(.freshness, "segment \(segment.sequence) has changed")
                }
            }
            if end > lastEnd || reading.isEnded || last.targetDuration == 0 {
                lastNews = now
                isLate = false
            } else if !isLate, now - lastNews > Int64(last.targetDuration) * 1_500_000 + tolerance {
                isLate = true
                find(
                    .freshness,
                    "nothing new for \(PlaylistReading.seconds(now - lastNews)) s, with a target duration of \(last.targetDuration)"
                )
            }
        } else {
            lastNews = now
        }
        if hasShrunk, !reading.isEnded {
            if reading.duration < Int64(reading.targetDuration) * 3_000_000 {
                find(
                    .window,
                    "the list plays \(PlaylistReading.seconds(reading.duration)) s, less than three target durations")
            }
            if reading.segments.count < 6 {
                find(.window, "the list has \(reading.segments.count) segments, and should have six")
            }
        }
        for segment in reading.segments {
            if let known = uris[segment.sequence], known != segment.uri {
                find(.mediaSequence, "segment \(segment.sequence) was \(known) and is \(segment.uri)")
            }
            uris[segment.sequence] = segment.uri
            durations[segment.sequence] = segment.duration
            firstSeen[segment.sequence] = firstSeen[segment.sequence] ?? now
            longest[segment.sequence] = max(longest[segment.sequence] ?? 0, reading.duration)
        }
        last = reading
        return findings
    }

    /// Segments that have left the list and must still be there, for as long as they play and the longest list with
    /// them did after they first appeared (section 6.2.2).
    package func retained(at now: Int64) -> [(sequence: Int, uri: String)] {
        guard let first = last?.mediaSequence else { return [] }
        return uris.filter { sequence, _ in
            sequence < first
                && now < (firstSeen[sequence] ?? 0) + (durations[sequence] ?? 0) + (longest[sequence] ?? 0)
        }.map { ($0.key, $0.value) }.sorted { $0.sequence < $1.sequence }
    }
}

/// What must be the same in all variants of one stream.
package enum Alignment {
    package static func findings(_ readings: [PlaylistReading]) -> [Finding] {
        guard let first = readings.first else { return [] }
        var findings: [Finding] = []
        let known = Dictionary(uniqueKeysWithValues: first.segments.map { ($0.sequence, $0) })
        for other in readings.dropFirst() {
            func find(_ detail: String) { findings.append(Finding(.alignment, at: other.place, detail)) }
            if other.targetDuration != first.targetDuration {
                find("the target duration is \(other.targetDuration), and \(first.targetDuration) in \(first.place)")
            }
            if other.segments.contains(where: { $0.programTime != nil })
                != first.segments.contains(where: { $0.programTime != nil })
            {
                find("not all variants have EXT-X-PROGRAM-DATE-TIME")
            }
            for segment in other.segments {
                guard let twin = known[segment.sequence] else { continue }
                if let a = segment.programTime, let b = twin.programTime, abs(a - b) > 250 {
                    find("segment \(segment.sequence) begins \(a - b) ms off the one of \(first.place)")
                    break
                }
                if segment.discontinuity != twin.discontinuity {
                    find("segment \(segment.sequence) has another discontinuity sequence than in \(first.place)")
                    break
                }
            }
        }
        return findings
    }
}
