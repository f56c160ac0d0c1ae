/// An HLS media playlist (RFC 8216) as a value: what a player is told about one rendition.
///
/// Times are exact integers, so that the same segments always give the same text.
package struct MediaPlaylist: Hashable, Sendable {
    package struct Segment: Hashable, Sendable {
        package var uri: String
        /// In microseconds.
        package var duration: Int64
        /// Milliseconds of Unix time.
        package var programTime: Int64
        package var isDiscontinuity: Bool
        /// The media is lost for good: players skip it instead of asking for it.
        package var isMissing: Bool
        /// It begins without a keyframe.
        package var isDependent: Bool
        /// The URI of its initialization section.
        package var map: String?

        package init(
            uri: String, duration: Int64, programTime: Int64, isDiscontinuity: Bool = false, isMissing: Bool = false,
            isDependent: Bool = false, map: String? = nil
        ) {
            self.uri = uri
            self.duration = duration
            self.programTime = programTime
            self.isDiscontinuity = isDiscontinuity
            self.isMissing = isMissing
            self.isDependent = isDependent
            self.map = map
        }

        package init(_ record: Record, uri: String, map: String? = nil, isMissing: Bool = false) {
            self.init(
                uri: uri, duration: record.duration, programTime: record.programTime,
                isDiscontinuity: record.isDiscontinuity, isMissing: isMissing, isDependent: record.isDependent, map: map
            )
        }
    }

    /// In whole seconds; the same for the whole life of the playlist.
    package var targetDuration: Int
    /// The sequence number of the first segment.
    package var mediaSequence: UInt64
    /// How many discontinuities have left the playlist.
    package var discontinuitySequence: UInt64
    package var segments: [Segment]
    /// Nothing will follow.
    package var isEnded: Bool

    package init(
        targetDuration: Int, mediaSequence: UInt64, discontinuitySequence: UInt64 = 0, segments: [Segment],
        isEnded: Bool
    ) {
        self.targetDuration = targetDuration
        self.mediaSequence = mediaSequence
        self.discontinuitySequence = discontinuitySequence
        self.segments = segments
        self.isEnded = isEnded
    }

    /// The playlist as a server sends it.
    package var text: String {
        // EXT-X-MAP outside of I-frame playlists needs version 6 (RFC 8216, section 7).
        var text = "#EXTM3U\n#EXT-X-VERSION:\(segments.contains { $0.map != nil } ? 6 : 3)\n"
        if !segments.contains(where: \.isDependent) { text += "#EXT-X-INDEPENDENT-SEGMENTS\n" }
        text += """
            #EXT-X-TARGETDURATION:\(targetDuration)
            #EXT-X-MEDIA-SEQUENCE:\(mediaSequence)
            #EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuitySequence)

            """
        var map: String?
        for segment in segments {
            if segment.isDiscontinuity { text += "#EXT-X-DISCONTINUITY\n" }
            if let uri = segment.map, uri != map || segment.isDiscontinuity {
                text += "#EXT-X-MAP:URI=\"\(uri)\"\n"
                map = uri
            }
            text += "#EXT-X-PROGRAM-DATE-TIME:\(CalendarTime(milliseconds: segment.programTime))\n"
            if segment.isMissing { text += "#EXT-X-GAP\n" }
            text += "#EXTINF:\(Self.seconds(segment.duration)),\n\(segment.uri)\n"
        }
        if isEnded { text += "#EXT-X-ENDLIST\n" }
        return text
    }

    private static func seconds(_ microseconds: Int64) -> String {
        let length = max(0, microseconds)
        let fraction = String(length % 1_000_000)
        return "\(length / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}

/// A moment of Unix time as ISO 8601 writes it, in UTC with milliseconds.
package struct CalendarTime: Hashable, Sendable, CustomStringConvertible {
    package let milliseconds: Int64

    /// Moments outside the years 1970 to 9999 are moved to the nearest end.
    package init(milliseconds: Int64) { self.milliseconds = min(max(0, milliseconds), 253_402_300_799_999) }

    package var description: String {
        let day = milliseconds / 86_400_000
        let rest = milliseconds % 86_400_000
        // Howard Hinnant's civil_from_days: years of 400-year eras that begin in March.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let date = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60].map { Self.padded($0, 2) }
        return "\(Self.padded(year, 4))-\(Self.padded(civilMonth, 2))-\(Self.padded(date, 2))T"
            + time.joined(separator: ":") + ".\(Self.padded(rest % 1_000, 3))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
