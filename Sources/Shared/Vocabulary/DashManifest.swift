/// The MPEG-DASH manifest (ISO/IEC 23009-1) of a broadcast in fragments: the same segments as in its HLS playlists.
///
/// The fragments' timeline is Unix time, so that the manifest follows from the records alone: media time, the time of
/// day and the presentation's time are one. Other initialization sections, or a number that is missing, begin a new period; a
/// discontinuity alone does not, and the hole before it belongs to the segment after it, so that every moment lies in one.
/// The first period of all begins where all periods do.
///
/// GStreamer adds the time of a timeline's first segment to where it looks within a segment
/// (`gst_mpd_client2_stream_seek`, as of 1.22), and waits for as long before the first picture. What is live is told to it
/// after a millisecond in 1970, which it does not ask for. Others would take that for a segment of 56 years.
///
/// It is live again only in the first period: of later ones GStreamer leaves presentationTimeOffset out of account when a
/// manifest changes (`gst_dash_demux_update_manifest_data`), and waits until theirs is the first.
package struct DashManifest: Sendable {
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
    private let periods: [(period: DashPeriods.Period, rows: ArraySlice<Row>)]

    /// - Parameters:
    ///   - told: what was told before of this broadcast.
    ///   - userAgent: who asks, in its own words.
    package init(
        renditions: [Rendition], rows: [Row], targetDuration: Int, isEnded: Bool, after told: inout DashPeriods,
        for userAgent: String?
    ) {
        let beginsInThePast = !isEnded && Self.isMisled(userAgent)
        self.beginsInThePast = beginsInThePast
        self.renditions = renditions
        // The millisecond has the number before the first one's.
        self.rows = beginsInThePast ? Array(rows.drop { $0.sequence == 0 }) : rows
        self.targetDuration = targetDuration
        self.isEnded = isEnded
        told.tell(rows, renditions)
        periods = told.divide(self.rows)
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
        var last: Row?
        for (period, rows) in periods {
            guard let first = rows.first else { continue }
            let time = min(first.programTime, last.map { Self.end(of: $0) } ?? first.programTime)
            let isFirst = last == nil
            // GStreamer follows only where there is no offset.
            let offset = isEnded ? time : isFirst && beginsInThePast ? 0 : period.start
            let start = isEnded ? time - begin : offset
            text += "<Period id=\"\(period.name)\" start=\"PT\(Self.seconds(start))S\">\n"
            let isAfterAll = isFirst && beginsInThePast
            let template = Template(
                offset: offset, startNumber: isAfterAll ? first.sequence - 1 : first.sequence,
                timeline: (isAfterAll ? "<S t=\"0\" d=\"1\"/>" : "") + timeline(of: rows, from: time),
                initializations: first.initializations)
            for video in [true, false] { text += adaptation(period.renditions, video: video, template) }
            text += "</Period>\n"
            last = rows.last
        }
        // Relative, so that it is asked for wherever the manifest came from.
        if !isEnded { text += "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"time\"/>\n" }
        return text + "</MPD>\n"
    }

    /// What the representations of a period have in common.
    private struct Template {
        var offset: Int64
        var startNumber: UInt64
        var timeline: String
        var initializations: [Root]
    }

    private func adaptation(_ renditions: [Rendition], video: Bool, _ template: Template) -> String {
        let members = zip(renditions.indices, zip(renditions, template.initializations)).filter {
            ($0.1.0.videoCodec != nil) == video
        }
        guard !members.isEmpty else { return "" }
        var text = "<AdaptationSet id=\"\(video ? 1 : 2)\" contentType=\"\(video ? "video" : "audio")\""
        text += " mimeType=\"\(video ? "video" : "audio")/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\">\n"
        for (number, (rendition, initialization)) in members {
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
            text += "<SegmentTemplate timescale=\"1000\" presentationTimeOffset=\"\(template.offset)\""
            text += " startNumber=\"\(template.startNumber)\" initialization=\"segments/\(initialization).mp4\""
            text += " media=\"\(number)/$Number$.m4s\">\n<SegmentTimeline>\(template.timeline)</SegmentTimeline>\n"
            text += "</SegmentTemplate>\n</Representation>\n"
        }
        return text + "</AdaptationSet>\n"
    }

    /// Where each segment begins, in milliseconds, and how long it is: to the next one, so that nothing adds up.
    private func timeline(of period: ArraySlice<Row>, from begin: Int64) -> String {
        var text = ""
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

    fileprivate static func end(of row: Row) -> Int64 { row.programTime + (row.duration + 500) / 1_000 }

    private static func seconds(_ milliseconds: Int64) -> String {
        let length = max(0, milliseconds)
        let fraction = String(length % 1_000)
        return "\(length / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}

/// What players have been told of periods, which stays as it is while other rows leave the list and others join it (ISO/IEC
/// 23009-1, 5.4): names, beginnings, and what the renditions were made of.
package struct DashPeriods: Sendable {
    fileprivate struct Period: Hashable, Sendable {
        var name: String
        /// Milliseconds from where all periods begin, and of media time too.
        var start: Int64
        var renditions: [Rendition]
    }

    /// By the sequence numbers of rows that were listed last.
    private var periods: [UInt64: Period] = [:]

    package init() {}

    fileprivate mutating func tell(_ rows: [DashManifest.Row], _ renditions: [Rendition]) {
        var listed: [UInt64: Period] = [:]
        var names = Set(periods.values.map(\.name))
        var last: DashManifest.Row?
        for row in rows {
            defer { last = row }
            if let known = periods[row.sequence] {
                listed[row.sequence] = known
            } else if let last, last.initializations == row.initializations, last.sequence + 1 == row.sequence {
                listed[row.sequence] = listed[last.sequence]
            } else {
                var name = row.initializations.map { String("\($0)".prefix(8)) }.joined(separator: "-")
                if !names.insert(name).inserted { name += "-\(row.sequence)" }
                let time = min(row.programTime, last.map { DashManifest.end(of: $0) } ?? row.programTime)
                listed[row.sequence] = Period(
                    name: name, start: periods.isEmpty && last == nil ? 0 : time, renditions: renditions)
            }
        }
        periods = listed
    }

    fileprivate func divide(
        _ rows: [DashManifest.Row]
    ) -> [(period: Period, rows: ArraySlice<DashManifest.Row>)] {
        var division: [(period: Period, rows: ArraySlice<DashManifest.Row>)] = []
        for (place, row) in rows.enumerated() {
            guard let period = periods[row.sequence] else { continue }
            if let last = division.indices.last, division[last].period == period {
                division[last].rows = rows[division[last].rows.startIndex...place]
            } else {
                division.append((period, rows[place...place]))
            }
        }
        return division
    }
}
