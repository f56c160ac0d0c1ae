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
    private func manifest(_ rows: [DashManifest.Row], isEnded: Bool = false) -> String {
        DashManifest(
            renditions: [
                Rendition(bandwidth: 2, averageBandwidth: 1, codecs: ["avc1.64001f"], width: 4, height: 2),
                Rendition(bandwidth: 2, averageBandwidth: 1, codecs: ["mp4a.40.2"], channels: 2),
            ], rows: rows, targetDuration: 2, isEnded: isEnded
        ).text
    }

    private func row(_ sequence: UInt64, at time: Int64, discontinuity: UInt64 = 0) -> DashManifest.Row {
        DashManifest.Row(
            sequence: sequence, duration: 2_000_000, programTime: time, discontinuity: discontinuity,
            initializations: [Root(.zero), Root(.zero)])
    }

    @Test func `places live segments in Unix time`() {
        let text = manifest([row(7, at: 10_000), row(8, at: 12_000)])
        #expect(text.contains("type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\""))
        #expect(text.contains("<Period id=\"0\" start=\"PT0.000S\">"))
        #expect(text.contains("presentationTimeOffset=\"0\" startNumber=\"7\""))
        #expect(text.contains("<S t=\"10000\" d=\"2000\"/><S d=\"2000\"/>"))
        #expect(text.split(separator: "<AdaptationSet").count == 3)
    }

    // GStreamer fails where the time that is live lies in no period, or in one that has ended.
    @Test func `begins a period at each discontinuity, to which the hole before it belongs`() {
        let rows = [row(7, at: 10_000), row(8, at: 15_000, discontinuity: 1), row(9, at: 17_000, discontinuity: 2)]
        let text = manifest(rows)
        #expect(text.contains("<Period id=\"1\" start=\"PT12.000S\">"))
        #expect(text.contains("presentationTimeOffset=\"12000\" startNumber=\"8\""))
        #expect(text.contains("<SegmentTimeline><S t=\"15000\" d=\"2000\"/></SegmentTimeline>"))
        #expect(text.contains("<Period id=\"2\" start=\"PT17.000S\">"))
        let ended = manifest(rows, isEnded: true)
        #expect(ended.contains("mediaPresentationDuration=\"PT9.000S\""))
        #expect(ended.contains("<Period id=\"1\" start=\"PT2.000S\">"))
        #expect(ended.contains("presentationTimeOffset=\"12000\" startNumber=\"8\""))
    }

    @Test func `begins at nothing once it has ended`() {
        let text = manifest([row(7, at: 10_000), row(8, at: 12_000)], isEnded: true)
        #expect(text.contains("type=\"static\" mediaPresentationDuration=\"PT4.000S\""))
        #expect(text.contains("presentationTimeOffset=\"10000\""))
    }
}
