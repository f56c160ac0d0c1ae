/// The MPEG-DASH manifest (ISO/IEC 23009-1) of a broadcast in fragments: the same segments as in its HLS playlists.
///
/// The fragments' timeline is Unix time, so that the manifest follows from the records alone: media time, the time of
/// day and the presentation's time are one. Other initialization sections, or a number that is missing, begin a new period; a
/// discontinuity alone does not, and the hole before it belongs to the segment after it, so that every moment lies in one.
///
/// GStreamer adds the time of a timeline's first segment to where it looks within a segment
/// (`gst_mpd_client2_stream_seek`, as of 1.22), and waits for as long before the first picture. What is live is told to it
/// after a millisecond in 1970, which it does not ask for. Others would take that for a segment of 56 years.
package struct DashManifest: Hashable, Sendable {
    /// One sequence number in all renditions.
    package struct Row: Hashable, Sendable {
        package var sequence: UInt64
        /// In microseconds.
        package var duration: Int64
        /// Milliseconds of Unix time.
        package var programTime: Int64
        /// The initialization section of each rendition.
        package var initializations: [Root]

        package init(sequence: UInt64, duration: Int64, programTime: Int64, initializations: [Root]) {
            self.sequence = sequence
            self.duration = duration
            self.programTime = programTime
            self.initializations = initializations
        }

        package init(_ record: Record, initializations: [Root]) {
            self.init(
                sequence: record.segment.sequence, duration: record.duration, programTime: record.programTime,
                initializations: initializations)
        }
    }

    package var renditions: [Rendition]
    package var rows: [Row]
    package var targetDuration: Int
    package var isEnded: Bool
    private let beginsInThePast: Bool

    /// - Parameter userAgent: who asks, in its own words.
    package init(renditions: [Rendition], rows: [Row], targetDuration: Int, isEnded: Bool, for userAgent: String?) {
        beginsInThePast = !isEnded && Self.isMisled(userAgent)
        self.renditions = renditions
        // The millisecond has the number before the first one's.
        self.rows = beginsInThePast ? Array(rows.drop { $0.sequence == 0 }) : rows
        self.targetDuration = targetDuration
        self.isEnded = isEnded
    }

    /// It is told another manifest than others.
    package static func isMisled(_ userAgent: String?) -> Bool { userAgent?.hasPrefix("GStreamer") == true }

    package var text: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\""
        let longest = zip(rows.dropFirst(), rows).map { Self.end(of: $0) - Self.end(of: $1) }.max() ?? 0
        text += " minBufferTime=\"PT\(2 * targetDuration)S\""
        text += " maxSegmentDuration=\"PT\(Self.seconds(max(longest, 1_000 * Int64(targetDuration))))S\""
        let begin = rows.first?.programTime ?? 0
        let end = rows.last.map { Self.end(of: $0) } ?? 0
        if isEnded {
            text += " type=\"static\" mediaPresentationDuration=\"PT\(Self.seconds(end - begin))S\">\n"
        } else {
            text += " type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\""
            text += " publishTime=\"\(CalendarTime(milliseconds: end))\" minimumUpdatePeriod=\"PT\(targetDuration)S\""
            text += " timeShiftBufferDepth=\"PT\(Self.seconds(end - begin))S\""
            // Players begin as far from the end: there must be something.
            text +=
                " suggestedPresentationDelay=\"PT\(Self.seconds(min(end - begin, 3_000 * Int64(targetDuration))))S\">\n"
        }
        // What lies before the first listed row is no longer there; its period begins where all periods do.
        var last: Row?
        var names: Set<String> = []
        for period in periods {
            guard let first = period.first else { continue }
            let time = min(first.programTime, last.map { Self.end(of: $0) } ?? first.programTime)
            let isFirst = last == nil
            let start = isFirst ? 0 : time - (isEnded ? begin : 0)
            let offset = isEnded || !isFirst ? time : 0
            // It must not change while other rows leave the list.
            var name = first.initializations.map { String("\($0)".prefix(8)) }.joined(separator: "-")
            if !names.insert(name).inserted { name += "-\(first.sequence)" }
            text += "<Period id=\"\(name)\" start=\"PT\(Self.seconds(start))S\">\n"
            let timeline = timeline(of: period, from: time)
            text +=
                adaptation(period, video: true, offset, timeline) + adaptation(period, video: false, offset, timeline)
            text += "</Period>\n"
            last = period.last
        }
        return text + "</MPD>\n"
    }

    private var periods: [ArraySlice<Row>] {
        var periods: [ArraySlice<Row>] = []
        var start = rows.startIndex
        for index in rows.indices.dropFirst()
        where rows[index].initializations != rows[index - 1].initializations
            || rows[index].sequence != rows[index - 1].sequence + 1
        {
            periods.append(rows[start..<index])
            start = index
        }
        return rows.isEmpty ? [] : periods + [rows[start...]]
    }

    private func adaptation(_ period: ArraySlice<Row>, video: Bool, _ offset: Int64, _ timeline: String) -> String {
        let members = renditions.enumerated().filter { ($0.element.videoCodec != nil) == video }
        guard !members.isEmpty, let first = period.first else { return "" }
        var text = "<AdaptationSet id=\"\(video ? 1 : 2)\" contentType=\"\(video ? "video" : "audio")\""
        text += " mimeType=\"\(video ? "video" : "audio")/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\">\n"
        for (number, rendition) in members where first.initializations.indices.contains(number) {
            text += "<Representation id=\"\(number)\" bandwidth=\"\(rendition.bandwidth)\""
            text += " codecs=\"\(rendition.codecs.joined(separator: ","))\""
            if rendition.width > 0 { text += " width=\"\(rendition.width)\" height=\"\(rendition.height)\"" }
            if rendition.framesPerKilosecond > 0 { text += " frameRate=\"\(rendition.framesPerKilosecond)/1000\"" }
            text += ">\n"
            if rendition.channels > 0 {
                text += "<AudioChannelConfiguration"
                text += " schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\""
                text += " value=\"\(rendition.channels)\"/>\n"
            }
            text += "<SegmentTemplate timescale=\"1000\" presentationTimeOffset=\"\(offset)\""
            text +=
                " startNumber=\"\(beginsInThePast ? first.sequence - 1 : first.sequence)\" initialization=\"segments/\(first.initializations[number]).mp4\""
            text += " media=\"\(number)/$Number$.m4s\">\n<SegmentTimeline>\(timeline)</SegmentTimeline>\n"
            text += "</SegmentTemplate>\n</Representation>\n"
        }
        return text + "</AdaptationSet>\n"
    }

    /// Where each segment begins, in milliseconds, and how long it is: to the next one, so that nothing adds up.
    private func timeline(of period: ArraySlice<Row>, from begin: Int64) -> String {
        var text = beginsInThePast ? "<S t=\"0\" d=\"1\"/>" : ""
        var begin = begin
        for (row, next) in zip(period, period.dropFirst().map(Optional.some) + [nil]) {
            let end =
                next.map(\.programTime).flatMap { abs($0 - Self.end(of: row)) <= 1 ? $0 : nil } ?? Self.end(of: row)
            text += row == period.first ? "<S t=\"\(begin)\"" : "<S"
            text += " d=\"\(max(1, end - begin))\"/>"
            begin = max(begin + 1, end)
        }
        return text
    }

    private static func end(of row: Row) -> Int64 { row.programTime + (row.duration + 500) / 1_000 }

    private static func seconds(_ milliseconds: Int64) -> String {
        let length = max(0, milliseconds)
        let fraction = String(length % 1_000)
        return "\(length / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
