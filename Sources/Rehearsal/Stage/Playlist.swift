/// An HLS playlist as a player reads it, with everything in it that breaks a rule of RFC 8216.
package struct Playlist: Sendable {
    package struct Segment: Sendable, Hashable {
        package var sequence: Int
        package var uri: String
        /// In seconds.
        package var duration: Double
        package var isGap: Bool
        package var isDiscontinuity: Bool
    }

    /// URIs of media playlists; not empty in a multivariant playlist only.
    package private(set) var variants: [String] = []
    package private(set) var segments: [Segment] = []
    package private(set) var targetDuration = 0
    package private(set) var mediaSequence = 0
    package private(set) var isEnded = false
    /// One sentence for every broken rule.
    package private(set) var faults: [String] = []

    package init(parsing body: [UInt8]) {
        guard let text = String(validating: body, as: UTF8.self) else {
            faults.append("not UTF-8")
            return
        }
        if text.unicodeScalars.contains(where: { ($0.value < 32 && $0 != "\n" && $0 != "\r") || $0.value == 127 }) {
            faults.append("a control character")
        }
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        if lines.first != "#EXTM3U" { faults.append("the first line is not #EXTM3U") }

        var seen: [Substring: Int] = [:]
        var duration: Double?
        var isGap = false
        var isDiscontinuity = false
        var hasTime = false
        var expectsVariant = false
        for line in lines.dropFirst() where !line.isEmpty {
            guard line.hasPrefix("#") else {
                if expectsVariant {
                    variants.append(String(line))
                    expectsVariant = false
                    continue
                }
                if duration == nil { faults.append("\(line) has no EXTINF") }
                segments.append(
                    Segment(
                        sequence: mediaSequence + segments.count, uri: String(line), duration: duration ?? 0,
                        isGap: isGap, isDiscontinuity: isDiscontinuity))
                (duration, isGap, isDiscontinuity) = (nil, false, false)
                continue
            }
            if isEnded, line.hasPrefix("#EXTINF") { faults.append("a segment after EXT-X-ENDLIST") }
            let pair = line.split(separator: ":", maxSplits: 1)
            let value = pair.count == 2 ? pair[1] : ""
            seen[pair[0], default: 0] += 1
            switch pair[0] {
            case "#EXT-X-STREAM-INF":
                expectsVariant = true
                if !value.contains("BANDWIDTH=") { faults.append("EXT-X-STREAM-INF without BANDWIDTH") }
            case "#EXT-X-TARGETDURATION":
                targetDuration = Int(value) ?? 0
                if targetDuration < 1 { faults.append("EXT-X-TARGETDURATION is \(value)") }
            case "#EXT-X-MEDIA-SEQUENCE":
                if !segments.isEmpty { faults.append("EXT-X-MEDIA-SEQUENCE after a segment") }
                if let number = Int(value) {
                    mediaSequence = number
                } else {
                    faults.append("EXT-X-MEDIA-SEQUENCE is \(value)")
                }
            case "#EXTINF":
                duration = value.split(separator: ",", omittingEmptySubsequences: false).first.flatMap { Double($0) }
                if let duration, duration > 0 {
                    if Int(duration.rounded()) > targetDuration {
                        faults.append("EXTINF \(duration) is longer than the target duration \(targetDuration)")
                    }
                } else {
                    faults.append("EXTINF is \(value)")
                }
            case "#EXT-X-PROGRAM-DATE-TIME": hasTime = true
            case "#EXT-X-GAP": isGap = true
            case "#EXT-X-DISCONTINUITY": isDiscontinuity = true
            case "#EXT-X-ENDLIST": isEnded = true
            case "#EXT-X-PLAYLIST-TYPE": faults.append("a live playlist has no EXT-X-PLAYLIST-TYPE")
            default: break
            }
        }
        for tag in ["#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-ENDLIST"] {
            if let count = seen[Substring(tag)], count > 1 { faults.append("\(tag) \(count) times") }
        }
        if variants.isEmpty {
            if seen["#EXT-X-TARGETDURATION"] == nil { faults.append("no EXT-X-TARGETDURATION") }
            if !segments.isEmpty, !hasTime { faults.append("no EXT-X-PROGRAM-DATE-TIME") }
        } else if !segments.isEmpty || seen["#EXT-X-TARGETDURATION"] != nil {
            faults.append("tags of media and multivariant playlists in one")
        }
    }

    /// What may not happen between two readings of one media playlist.
    package func faults(since earlier: Playlist) -> [String] {
        var faults: [String] = []
        if mediaSequence < earlier.mediaSequence {
            faults.append("the media sequence went back from \(earlier.mediaSequence) to \(mediaSequence)")
        }
        if targetDuration != earlier.targetDuration {
            faults.append("the target duration changed from \(earlier.targetDuration) to \(targetDuration)")
        }
        if let last = earlier.segments.last, mediaSequence + segments.count <= last.sequence {
            faults.append("segment \(last.sequence) was taken back")
        }
        let known = Dictionary(uniqueKeysWithValues: earlier.segments.map { ($0.sequence, $0.uri) })
        for segment in segments {
            if let uri = known[segment.sequence], uri != segment.uri {
                faults.append("segment \(segment.sequence) changed from \(uri) to \(segment.uri)")
            }
        }
        if earlier.isEnded, !isEnded || segments.count > earlier.segments.count {
            faults.append("the playlist went on after EXT-X-ENDLIST")
        }
        return faults
    }
}
