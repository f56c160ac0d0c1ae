/// An HLS playlist as a strict player reads it, with everything in it that breaks a rule by itself.
package struct PlaylistReading: Sendable {
    package struct Segment: Hashable, Sendable {
        package var sequence: Int
        package var uri: String
        /// In microseconds.
        package var duration: Int64
        /// Milliseconds of Unix time: as written, or reckoned from the last one that was.
        package var programTime: Int64?
        package var isDiscontinuity: Bool
        /// How many discontinuities of the stream lie before it.
        package var discontinuity: Int
        package var isGap: Bool
        /// The URI of its initialization section.
        package var map: String?
    }

    package struct Variant: Hashable, Sendable {
        package var uri: String
        package var bandwidth: Int
        package var codecs: [String]
        package var audioGroup: String?
    }

    package struct Part: Hashable, Sendable {
        package var uri: String
        package var duration: Int64
        package var isIndependent: Bool
        /// It ends the segment that is listed after it.
        package var isLastOfSegment: Bool
    }

    /// Where it came from, for findings.
    package let place: String
    package private(set) var variants: [Variant] = []
    /// URIs and groups of alternative renditions.
    package private(set) var media: [(uri: String, group: String)] = []
    package private(set) var segments: [Segment] = []
    package private(set) var parts: [Part] = []
    /// In whole seconds; 0 when it is missing.
    package private(set) var targetDuration = 0
    package private(set) var mediaSequence = 0
    package private(set) var discontinuitySequence: Int?
    package private(set) var isEnded = false
    package private(set) var isIndependent = false
    package private(set) var findings: [Finding] = []

    package var isMultivariant: Bool { !variants.isEmpty || !media.isEmpty }
    /// Microseconds that all segments play together.
    package var duration: Int64 { segments.reduce(0) { $0 + $1.duration } }

    private var counts: [Substring: Int] = [:]
    private var version = 1
    private var neededVersion = (version: 1, reason: "")
    private var serverControl: AttributeList?
    private var partTarget: Int64?
    private var hasPreloadHint = false

    private static let onlyOnce: Set<Substring> = [
        "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE",
        "#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE", "#EXT-X-I-FRAMES-ONLY", "#EXT-X-PART-INF", "#EXT-X-SERVER-CONTROL",
        "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-START",
    ]
    private static let ofMedia: Set<Substring> = [
        "#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE",
        "#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE", "#EXT-X-KEY", "#EXT-X-MAP", "#EXT-X-GAP",
        "#EXT-X-BYTERANGE", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-PART", "#EXT-X-PART-INF", "#EXT-X-SERVER-CONTROL",
        "#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT", "#EXT-X-SKIP",
    ]
    private static let ofMultivariant: Set<Substring> = [
        "#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-SESSION-DATA", "#EXT-X-SESSION-KEY",
    ]

    package init(parsing body: [UInt8], at place: String) {
        self.place = place
        guard let text = String(validating: body, as: UTF8.self) else {
            find(.syntax, "it is not UTF-8")
            return
        }
        if body.starts(with: [0xef, 0xbb, 0xbf]) { find(.syntax, "it begins with a byte order mark") }
        if text.unicodeScalars.contains(where: {
            ($0.value < 32 && $0 != "\n" && $0 != "\r") || (127..<160).contains($0.value)
        }) {
            find(.syntax, "it holds control characters")
        }
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        if lines.first != "#EXTM3U" { find(.syntax, "the first line is not #EXTM3U") }
        var reader = SegmentReader()
        for line in lines.dropFirst() where !line.isEmpty {
            if line.first == "#" {
                if line.hasPrefix("#EXT") { read(tag: line, &reader) }
            } else {
                read(uri: line, &reader)
            }
        }
        finish(reader)
    }

    /// What the tags since the last URI say of the next one.
    private struct SegmentReader {
        var duration: Int64?
        var variant: AttributeList?
        var isGap = false
        var isDiscontinuity = false
        var map: String?
        var explicitTime: Int64?
        var time: Int64?
        var hasMapAfterDiscontinuity = true
        var discontinuities = 0
        var isAfterEnd = false
        var hasTime = false
        var isIndependentPartNext = false
    }

    private mutating func find(_ item: Item, _ detail: String) {
        guard findings.count < 100 else { return }
        findings.append(Finding(item, at: place, detail))
    }

    private mutating func need(_ version: Int, for reason: String) {
        if version > neededVersion.version { neededVersion = (version, reason) }
    }

    private mutating func read(tag line: Substring, _ reader: inout SegmentReader) {
        let colon = line.firstIndex(of: ":") ?? line.endIndex
        let tag = line[..<colon]
        let value = colon == line.endIndex ? "" : line[line.index(after: colon)...]
        counts[tag, default: 0] += 1
        switch tag {
        case "#EXTM3U": find(.syntax, "#EXTM3U comes again")
        case "#EXT-X-VERSION":
            version = Decimals.integer(value) ?? 0
            if version < 1 { find(.syntax, "EXT-X-VERSION is \(value)") }
        case "#EXT-X-INDEPENDENT-SEGMENTS": isIndependent = true
        case "#EXT-X-STREAM-INF":
            let attributes = AttributeList(parsing: value)
            if attributes.isMalformed { find(.syntax, "EXT-X-STREAM-INF has no attribute list") }
            if reader.variant != nil { find(.syntax, "EXT-X-STREAM-INF is followed by no URI") }
            reader.variant = attributes
        case "#EXT-X-MEDIA": read(media: AttributeList(parsing: value))
        case "#EXT-X-TARGETDURATION":
            targetDuration = Decimals.integer(value).map { $0 < 1_000_000 ? $0 : 0 } ?? 0
            if targetDuration < 1 { find(.targetDuration, "EXT-X-TARGETDURATION is \(value)") }
        case "#EXT-X-MEDIA-SEQUENCE":
            guard let number = Decimals.integer(value) else {
                return find(.mediaSequence, "EXT-X-MEDIA-SEQUENCE is \(value)")
            }
            // Segments that have their numbers keep them: no two may have the same.
            guard segments.isEmpty else {
                return find(.mediaSequence, "EXT-X-MEDIA-SEQUENCE comes after a segment")
            }
            mediaSequence = number
        case "#EXT-X-DISCONTINUITY-SEQUENCE":
            if !segments.isEmpty || reader.discontinuities > 0 {
                find(.discontinuity, "EXT-X-DISCONTINUITY-SEQUENCE comes after a segment or a discontinuity")
            }
            guard let number = Decimals.integer(value) else {
                return find(.discontinuity, "EXT-X-DISCONTINUITY-SEQUENCE is \(value)")
            }
            discontinuitySequence = number
        case "#EXT-X-DISCONTINUITY":
            reader.isDiscontinuity = true
            reader.discontinuities += 1
        case "#EXT-X-GAP":
            reader.isGap = true
        case "#EXTINF":
            if reader.duration != nil { find(.segmentDuration, "EXTINF is followed by no URI") }
            if isEnded { reader.isAfterEnd = true }
            let number = value.prefix { $0 != "," }
            if number.contains(".") { need(3, for: "decimal EXTINF") }
            reader.duration = Decimals.microseconds(number)
            if reader.duration == nil || reader.duration == 0 { find(.segmentDuration, "EXTINF is \(value)") }
        case "#EXT-X-BYTERANGE": need(4, for: "EXT-X-BYTERANGE")
        case "#EXT-X-MAP":
            let attributes = AttributeList(parsing: value)
            // Outside of I-frame playlists (section 7).
            need(6, for: "EXT-X-MAP")
            reader.map = attributes["URI"]
            if attributes.isMalformed || reader.map == nil { find(.map, "EXT-X-MAP has no URI") }
        case "#EXT-X-PROGRAM-DATE-TIME":
            reader.hasTime = true
            reader.explicitTime = Decimals.time(value)
            if reader.explicitTime == nil { find(.programTime, "EXT-X-PROGRAM-DATE-TIME is \(value)") }
        case "#EXT-X-PLAYLIST-TYPE":
            if value != "VOD", value != "EVENT" { find(.ending, "EXT-X-PLAYLIST-TYPE is \(value)") }
        case "#EXT-X-ENDLIST": isEnded = true
        case "#EXT-X-PART-INF":
            partTarget = AttributeList(parsing: value)["PART-TARGET"].flatMap { Decimals.microseconds($0) }
        case "#EXT-X-SERVER-CONTROL": serverControl = AttributeList(parsing: value)
        case "#EXT-X-PRELOAD-HINT": hasPreloadHint = true
        case "#EXT-X-PART":
            let attributes = AttributeList(parsing: value)
            guard let uri = attributes["URI"],
                let duration = attributes["DURATION"].flatMap({ Decimals.microseconds($0) })
            else { return find(.parts, "EXT-X-PART has no URI or DURATION") }
            parts.append(
                Part(
                    uri: uri, duration: duration, isIndependent: attributes["INDEPENDENT"] == "YES",
                    isLastOfSegment: false))
        default: break
        }
    }

    private mutating func read(media attributes: AttributeList) {
        if attributes.isMalformed || attributes["TYPE"] == nil || attributes["NAME"] == nil
            || attributes["GROUP-ID"] == nil
        {
            find(.multivariant, "EXT-X-MEDIA lacks TYPE, GROUP-ID or NAME")
        }
        media.append((attributes["URI"] ?? "", attributes["GROUP-ID"] ?? ""))
    }

    private mutating func read(uri line: Substring, _ reader: inout SegmentReader) {
        if let attributes = reader.variant {
            reader.variant = nil
            return read(variant: attributes, uri: String(line))
        }
        if reader.duration == nil { find(.segmentDuration, "\(line) has no EXTINF") }
        if reader.isAfterEnd { find(.ending, "a segment comes after EXT-X-ENDLIST") }
        let duration = reader.duration ?? 0
        if targetDuration > 0, (duration + 500_000) / 1_000_000 > Int64(targetDuration) {
            find(.targetDuration, "EXTINF \(Self.seconds(duration)) exceeds the target duration \(targetDuration)")
        }
        if let explicit = reader.explicitTime {
            if let reckoned = reader.time, !reader.isDiscontinuity, abs(explicit - reckoned) > 200 {
                find(
                    .programTime,
                    "the time of segment \(mediaSequence + segments.count) is \(explicit - reckoned) ms off its EXTINFs"
                )
            }
            if let reckoned = reader.time, explicit < reckoned - 200 {
                find(.programTime, "the time goes back at segment \(mediaSequence + segments.count)")
            }
            reader.time = explicit
        } else if reader.isDiscontinuity, reader.hasTime {
            find(.programTime, "a discontinuity has no EXT-X-PROGRAM-DATE-TIME")
        }
        if let last = parts.indices.last { parts[last].isLastOfSegment = true }
        segments.append(
            Segment(
                sequence: mediaSequence + segments.count, uri: String(line), duration: duration,
                programTime: reader.time,
                isDiscontinuity: reader.isDiscontinuity,
                discontinuity: (discontinuitySequence ?? 0) + reader.discontinuities, isGap: reader.isGap,
                map: reader.map))
        reader.time = reader.time.map { $0 + duration / 1_000 }
        (reader.duration, reader.isGap, reader.isDiscontinuity, reader.explicitTime) = (nil, false, false, nil)
    }

    private mutating func read(variant attributes: AttributeList, uri: String) {
        let bandwidth = attributes.integer("BANDWIDTH") ?? 0
        let codecs = attributes["CODECS"]?.split(separator: ",").map { $0.trimming(" ") } ?? []
        if bandwidth < 1 { find(.multivariant, "\(uri) has no BANDWIDTH") }
        if codecs.isEmpty { find(.multivariant, "\(uri) has no CODECS") }
        if let average = attributes.integer("AVERAGE-BANDWIDTH") {
            if average > bandwidth { find(.multivariant, "\(uri) has an AVERAGE-BANDWIDTH above its BANDWIDTH") }
        } else {
            find(.multivariant, "\(uri) has no AVERAGE-BANDWIDTH")
        }
        if codecs.contains(where: { Codec($0) == .video }) {
            let sides = attributes["RESOLUTION"]?.split(separator: "x").map { Decimals.integer($0) ?? 0 } ?? []
            if sides.count != 2 || sides.contains(0) { find(.multivariant, "\(uri) has video and no RESOLUTION") }
            if attributes["FRAME-RATE"].flatMap({ Decimals.microseconds($0) }) ?? 0 <= 0 {
                find(.multivariant, "\(uri) has video and no FRAME-RATE")
            }
        }
        if let group = attributes["AUDIO"], !media.contains(where: { $0.group == group }) {
            find(.multivariant, "\(uri) names the group \(group), which does not exist")
        }
        variants.append(Variant(uri: uri, bandwidth: bandwidth, codecs: codecs, audioGroup: attributes["AUDIO"]))
    }

    private mutating func finish(_ reader: SegmentReader) {
        for tag in Self.onlyOnce.sorted() where counts[tag, default: 0] > 1 {
            find(.syntax, "\(tag.dropFirst()) comes \(counts[tag] ?? 0) times")
        }
        let media = Self.ofMedia.filter { counts[$0] != nil }.sorted()
        let multivariant = Self.ofMultivariant.filter { counts[$0] != nil }.sorted()
        if let first = media.first, let second = multivariant.first {
            find(.syntax, "\(first.dropFirst()) and \(second.dropFirst()) do not belong into one playlist")
        }
        if version < neededVersion.version {
            find(.syntax, "EXT-X-VERSION is \(version), and \(neededVersion.reason) needs \(neededVersion.version)")
        }
        if reader.variant != nil || reader.duration != nil { find(.syntax, "it ends before a URI") }
        guard multivariant.isEmpty else { return }
        if targetDuration == 0, counts["#EXT-X-TARGETDURATION"] == nil {
            find(.targetDuration, "there is no EXT-X-TARGETDURATION")
        }
        if !isEnded, counts["#EXT-X-PLAYLIST-TYPE"] != nil {
            find(.ending, "a live playlist has an EXT-X-PLAYLIST-TYPE")
        }
        if !segments.isEmpty, !reader.hasTime, !isEnded { find(.programTime, "there is no EXT-X-PROGRAM-DATE-TIME") }
        if segments.contains(where: \.isDiscontinuity), discontinuitySequence == nil, !isEnded {
            find(.discontinuity, "discontinuities will leave the list, and there is no EXT-X-DISCONTINUITY-SEQUENCE")
        }
        for segment in segments where segment.map == nil && Self.isFragment(segment.uri) {
            find(.map, "\(segment.uri) is a fragment without EXT-X-MAP")
            break
        }
        checkParts()
    }

    private mutating func checkParts() {
        guard !parts.isEmpty else { return }
        guard let partTarget, partTarget > 0 else { return find(.parts, "there are parts and no EXT-X-PART-INF") }
        let holdBack = serverControl?["PART-HOLD-BACK"].flatMap { Decimals.microseconds($0) } ?? 0
        if holdBack < 2 * partTarget { find(.parts, "PART-HOLD-BACK is less than two parts") }
        if serverControl?["CAN-BLOCK-RELOAD"] != "YES" { find(.parts, "there are parts and no CAN-BLOCK-RELOAD=YES") }
        for part in parts where part.duration > partTarget { find(.parts, "\(part.uri) is longer than PART-TARGET") }
        for part in parts.dropLast()
        where !part.isLastOfSegment && !part.isIndependent && part.duration * 100 < partTarget * 85 {
            find(.parts, "\(part.uri) is shorter than 85 % of PART-TARGET")
        }
        if isEnded, hasPreloadHint { find(.parts, "EXT-X-PRELOAD-HINT stays after the end") }
    }

    static func isFragment(_ uri: String) -> Bool {
        let path = uri.prefix { $0 != "?" }
        return [".m4s", ".mp4", ".m4v", ".m4a", ".cmfv", ".cmfa"].contains { path.hasSuffix($0) }
    }

    static func seconds(_ microseconds: Int64) -> String {
        let fraction = String(microseconds % 1_000_000 / 1_000)
        return "\(microseconds / 1_000_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}

/// What a codec's name in CODECS stands for (RFC 6381).
package enum Codec: Hashable, Sendable {
    case video, audio, other

    package init(_ name: String) {
        let kind = name.prefix { $0 != "." }
        switch kind {
        case "avc1", "avc3", "hvc1", "hev1", "dvh1", "av01", "vp09": self = .video
        case "mp4a", "ac-3", "ec-3", "Opus", "opus", "fLaC": self = .audio
        default: self = .other
        }
    }
}

extension Substring {
    fileprivate func trimming(_ character: Character) -> String {
        var text = self
        while text.first == character { text = text.dropFirst() }
        while text.last == character { text = text.dropLast() }
        return String(text)
    }
}
