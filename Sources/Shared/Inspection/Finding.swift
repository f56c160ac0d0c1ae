/// What a valid HLS stream keeps to, one case for each group of rules that fail for one reason.
///
/// Sections are those of RFC 8216 and its revision draft-pantos-hls-rfc8216bis; "Apple" is the HLS authoring
/// specification for Apple devices.
package enum Item: String, Hashable, Sendable, CaseIterable {
    /// UTF-8, `#EXTM3U` first, each tag as often and as high a version as it may be (4.1, 4.4).
    case syntax
    /// Present, never exceeded, never changed (4.4.3.1, Apple 7.7).
    case targetDuration = "target-duration"
    /// EXTINF on every segment, and as long as the media is (4.4.4.1, Apple 8.1).
    case segmentDuration = "segment-duration"
    /// Counts what left the front, and never means another segment (4.4.3.2, 6.2.2).
    case mediaSequence = "media-sequence"
    /// At least three target durations, and six segments, in a live playlist (6.2.2, Apple).
    case window
    /// No EXT-X-PLAYLIST-TYPE while live, nothing after EXT-X-ENDLIST (4.4.3.4, 4.4.3.5).
    case ending
    /// A new segment within one and a half target durations; lists only grow at the end (6.2.1, 6.2.2).
    case freshness
    /// Counted when it leaves, announced before it does (4.4.3.3, 4.4.4.3).
    case discontinuity
    /// EXT-X-PROGRAM-DATE-TIME is there, and moves as the segments do (4.4.4.6, Apple 8.4).
    case programTime = "program-date-time"
    /// EXT-X-MAP for fragments, and again where it changes (4.4.4.5).
    case map
    /// What is listed without EXT-X-GAP can be had at once (6.2.1).
    case availability
    /// What left the list can be had for as long as players may still ask (6.2.2).
    case retention
    /// Segments begin with a keyframe, or EXT-X-INDEPENDENT-SEGMENTS is not there (4.4.2.1, Apple 7.4).
    case keyframe
    /// Well-formed MPEG-TS or fragments (3.1).
    case container
    /// Timestamps and continuity counters go on from segment to segment (3.1, 4.4.4.3).
    case continuity
    /// What a variant promises is there and true (4.4.6.2).
    case multivariant
    /// The same boundaries and numbers in all variants (6.2.4).
    case alignment
    /// Content types, CORS, caching, compression, no redirects (4, Apple 8.18).
    case http
    /// Parts keep to what EXT-X-PART-INF and EXT-X-SERVER-CONTROL say (4.4.3.7, 4.4.3.8, 4.4.4.9).
    case parts
}

/// One rule that was broken, where and how.
package struct Finding: Hashable, Sendable, CustomStringConvertible {
    package var item: Item
    /// The playlist or segment, by its URI.
    package var place: String
    package var detail: String

    package init(_ item: Item, at place: String, _ detail: String) {
        self.item = item
        self.place = place
        self.detail = detail
    }

    package var description: String { "\(item.rawValue): \(detail) (\(place))" }
}
