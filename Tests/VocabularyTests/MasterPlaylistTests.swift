import Testing
import Vocabulary

@Suite struct `A multivariant playlist` {
    private let video = Rendition(
        bandwidth: 2_000_000, averageBandwidth: 1_500_000, codecs: ["avc1.64001f"], width: 854, height: 480,
        framesPerKilosecond: 29_970)
    private let sound = Rendition(bandwidth: 100_000, averageBandwidth: 96_000, codecs: ["mp4a.40.2"], channels: 2)

    @Test func `says of each rendition all that players choose by`() {
        var both = video
        both.codecs.append("mp4a.40.2")
        #expect(
            MasterPlaylist([both, sound]).text == """
                #EXTM3U
                #EXT-X-VERSION:3
                #EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS="avc1.64001f,mp4a.40.2",\
                RESOLUTION=854x480,FRAME-RATE=29.970
                0/index.m3u8
                #EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=96000,CODECS="mp4a.40.2"
                1/index.m3u8

                """)
    }

    @Test func `names the sound that silent renditions are played with, and counts it`() {
        #expect(
            MasterPlaylist([video, sound]).text == """
                #EXTM3U
                #EXT-X-VERSION:3
                #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",\
                URI="1/index.m3u8"
                #EXT-X-STREAM-INF:BANDWIDTH=2100000,AVERAGE-BANDWIDTH=1596000,CODECS="avc1.64001f,mp4a.40.2",\
                RESOLUTION=854x480,FRAME-RATE=29.970,AUDIO="sound"
                0/index.m3u8
                #EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=96000,CODECS="mp4a.40.2",AUDIO="sound"
                1/index.m3u8

                """)
    }

    @Test func `leaves out what is not known`() {
        let text = MasterPlaylist([Rendition(bandwidth: 2, averageBandwidth: 1, codecs: [])]).text
        #expect(text.contains("#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1\n"))
    }

    @Test(arguments: ["", "avc1\"", "a b", "a,b", "a\n", String(repeating: "a", count: 33), "ä"])
    func `takes no codec that could break it`(text: String) {
        #expect(!Rendition.isCodec(text))
        #expect(Rendition.isCodec("avc1.64001f"))
    }
}

@Suite struct `A DASH manifest` {
    private func manifest(
        _ rows: [DashManifest.Row], isEnded: Bool = false, for userAgent: String? = "Mozilla/5.0"
    ) -> String {
        var told = DashPeriods()
        return manifest(rows, isEnded: isEnded, after: &told, for: userAgent)
    }

    private func manifest(
        _ rows: [DashManifest.Row], width: Int = 4, isEnded: Bool = false, after told: inout DashPeriods,
        for userAgent: String? = nil
    ) -> String {
        DashManifest(
            renditions: [
                Rendition(bandwidth: 2, averageBandwidth: 1, codecs: ["avc1.64001f"], width: width, height: 2),
                Rendition(bandwidth: 2, averageBandwidth: 1, codecs: ["mp4a.40.2"], channels: 2),
            ], rows: rows, targetDuration: 2, isEnded: isEnded, after: &told, for: userAgent
        ).text
    }

    private func row(_ sequence: UInt64, at time: Int64, pictures: Word256 = .zero) -> DashManifest.Row {
        DashManifest.Row(
            sequence: sequence, duration: 2_000_000, programTime: time,
            initializations: [Root(pictures), Root(.zero)])
    }

    @Test func `places live segments in Unix time`() {
        let text = manifest([row(7, at: 10_000), row(8, at: 12_000)])
        #expect(text.contains("type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\""))
        #expect(text.contains("<Period id=\"00000000-00000000\" start=\"PT0.000S\">"))
        #expect(text.contains("presentationTimeOffset=\"0\" startNumber=\"7\""))
        #expect(text.contains("maxSegmentDuration=\"PT2.000S\""))
        #expect(text.contains("<SegmentTimeline><S t=\"10000\" d=\"2000\"/><S d=\"2000\"/>"))
        #expect(text.split(separator: "<AdaptationSet").count == 3)
    }

    // GStreamer waits for as long as lies before the first segment of a timeline.
    @Test func `begins with a millisecond in 1970 for GStreamer while it is live`() {
        let rows = [row(0, at: 10_000), row(1, at: 12_000), row(2, at: 14_000)]
        let player = "GStreamer souphttpsrc 1.22.0 libsoup/3.2.3"
        let text = manifest(rows, for: player)
        #expect(text.contains("startNumber=\"0\""))
        #expect(text.contains("<S t=\"0\" d=\"1\"/><S t=\"12000\" d=\"2000\"/><S d=\"2000\"/>"))
        #expect(manifest(Array(rows.dropFirst()), for: player).contains("startNumber=\"0\""))
        #expect(!manifest(rows, isEnded: true, for: player).contains("<S t=\"0\""))
        #expect(manifest(rows, for: nil).contains("startNumber=\"0\""))
        #expect(!manifest(rows, for: nil).contains("<S t=\"0\""))
    }

    @Test func `has players begin where there is something`() {
        let text = manifest([row(0, at: 10_000), row(1, at: 12_000)])
        #expect(text.contains("timeShiftBufferDepth=\"PT4.000S\" suggestedPresentationDelay=\"PT4.000S\""))
        let longer = manifest((1..<9).map { row(UInt64($0), at: Int64($0) * 2_000) })
        #expect(longer.contains("suggestedPresentationDelay=\"PT6.000S\""))
    }

    // GStreamer fails where the time that is live lies in no segment or period.
    @Test func `gives the hole before a segment to that segment`() {
        let text = manifest([row(7, at: 10_000), row(8, at: 15_000), row(9, at: 17_000)])
        #expect(text.contains("<S t=\"10000\" d=\"2000\"/><S d=\"5000\"/><S d=\"2000\"/>"))
        #expect(text.split(separator: "<Period").count == 2)
        #expect(text.contains("maxSegmentDuration=\"PT5.000S\""))
    }

    @Test func `begins a period with other initialization sections, to which the hole before it belongs`() {
        let other = Word256(hex: String(repeating: "f", count: 64))!
        let rows = [row(7, at: 10_000), row(8, at: 15_000, pictures: other), row(9, at: 17_000)]
        let text = manifest(rows)
        #expect(text.contains("<Period id=\"00000000-00000000\" start=\"PT0.000S\">"))
        #expect(text.contains("<Period id=\"ffffffff-00000000\" start=\"PT12.000S\">"))
        #expect(text.contains("presentationTimeOffset=\"12000\" startNumber=\"8\""))
        #expect(text.contains("<SegmentTimeline><S t=\"12000\" d=\"5000\"/></SegmentTimeline>"))
        #expect(text.contains("<Period id=\"00000000-00000000-9\" start=\"PT17.000S\">"))
        let ended = manifest(rows, isEnded: true)
        #expect(ended.contains("mediaPresentationDuration=\"PT9.000S\""))
        #expect(ended.contains("<Period id=\"ffffffff-00000000\" start=\"PT2.000S\">"))
        #expect(ended.contains("presentationTimeOffset=\"12000\" startNumber=\"8\""))
        #expect(ended.contains("<SegmentTimeline><S t=\"12000\" d=\"5000\"/></SegmentTimeline>"))
    }

    // ISO/IEC 23009-1, 5.4: what a manifest says of a period holds in all that follow.
    @Test func `says of a period what it has said before, while rows leave and join the list`() {
        let other = Word256(hex: String(repeating: "f", count: 64))!
        let rows =
            [row(7, at: 10_000), row(8, at: 12_000), row(9, at: 14_000, pictures: other)]
            + [row(10, at: 16_000, pictures: other), row(11, at: 18_000), row(12, at: 20_000)]
        var told = DashPeriods()
        let first = "<Period id=\"00000000-00000000\" start=\"PT0.000S\">"
        let second = "<Period id=\"ffffffff-00000000\" start=\"PT14.000S\">"
        let third = "<Period id=\"00000000-00000000-11\" start=\"PT18.000S\">"
        func periods(_ rows: ArraySlice<DashManifest.Row>, width: Int) -> [String] {
            manifest(Array(rows), width: width, after: &told).split(separator: "\n").map(String.init).filter {
                $0.hasPrefix("<Period")
            }
        }
        #expect(periods(rows[0...1], width: 4) == [first])
        #expect(periods(rows[0...2], width: 8) == [first, second])
        let both = manifest(Array(rows[1...3]), width: 8, after: &told)
        #expect(both.contains("width=\"4\"") && both.contains("width=\"8\""))
        #expect(periods(rows[1...4], width: 4) == [first, second, third])
        let left = manifest(Array(rows[3...5]), after: &told)
        #expect(left.contains(second) && left.contains(third) && !left.contains(first))
        #expect(left.contains("presentationTimeOffset=\"14000\" startNumber=\"10\""))
        #expect(left.contains("<S t=\"16000\" d=\"2000\"/>"))
        #expect(periods(rows[5...5], width: 4) == [third])
        // Nothing of what was told is listed any more.
        #expect(
            periods([row(90, at: 90_000, pictures: other)], width: 4)
                == ["<Period id=\"ffffffff-00000000\" start=\"PT90.000S\">"])
    }

    @Test func `says where to ask for the time while it is live`() {
        let rows = [row(7, at: 10_000)]
        let timing = "</Period>\n<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"time\"/>\n</MPD>"
        #expect(manifest(rows).contains(timing))
        #expect(!manifest(rows, isEnded: true).contains("UTCTiming"))
    }

    // What lies before a period is not in its timeline; in a first one GStreamer wants it.
    @Test func `has no millisecond in 1970 in later periods`() {
        let other = Word256(hex: String(repeating: "f", count: 64))!
        let rows = [row(7, at: 10_000), row(8, at: 12_000, pictures: other), row(9, at: 14_000, pictures: other)]
        var told = DashPeriods()
        let both = manifest(rows, after: &told, for: "GStreamer")
        #expect(both.split(separator: "<S t=\"0\" d=\"1\"/>").count == 3)
        #expect(both.contains("presentationTimeOffset=\"12000\" startNumber=\"8\""))
        let left = manifest(Array(rows.dropFirst()), after: &told, for: "GStreamer")
        #expect(left.contains("presentationTimeOffset=\"0\" startNumber=\"7\""))
        #expect(left.contains("<S t=\"0\" d=\"1\"/><S t=\"12000\" d=\"2000\"/>"))
    }

    @Test func `begins a period where a number is missing, because segments are found by counting`() {
        let text = manifest([row(7, at: 10_000), row(9, at: 14_000)])
        #expect(text.contains("<Period id=\"00000000-00000000-9\" start=\"PT12.000S\">"))
        #expect(text.contains("presentationTimeOffset=\"12000\" startNumber=\"9\""))
    }

    @Test func `begins at nothing once it has ended`() {
        let text = manifest([row(7, at: 10_000), row(8, at: 12_000)], isEnded: true)
        #expect(text.contains("type=\"static\" mediaPresentationDuration=\"PT4.000S\""))
        #expect(text.contains("presentationTimeOffset=\"10000\" startNumber=\"7\""))
        #expect(!text.contains("<S t=\"0\""))
    }
}
