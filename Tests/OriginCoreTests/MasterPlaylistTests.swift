import OriginCore
import Testing

@Suite struct `A master playlist` {
    @Test func `says of each variant all that players choose by`() {
        let text = MasterPlaylist(variants: [
            MasterPlaylist.Variant(
                uri: "0/index.m3u8", bandwidth: 2_000_000, averageBandwidth: 1_500_000,
                codecs: ["avc1.64001f", "mp4a.40.2"], width: 854, height: 480, framesPerKilosecond: 29_970)
        ]).text
        #expect(
            text == """
                #EXTM3U
                #EXT-X-VERSION:3
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS="avc1.64001f,mp4a.40.2",\
                RESOLUTION=854x480,FRAME-RATE=29.970
                0/index.m3u8

                """)
    }

    @Test func `leaves out what is not known`() {
        let text = MasterPlaylist(variants: [
            MasterPlaylist.Variant(
                uri: "0/index.m3u8", bandwidth: 2, averageBandwidth: 1, codecs: [], width: 0, height: 0,
                framesPerKilosecond: 0)
        ]).text
        #expect(text.contains("#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1\n"))
    }
}

@Suite struct `A promised bandwidth` {
    private let segment = (bytes: 250_000, duration: Int64(2_000_000))

    @Test func `is made at once when the container knows its peak`() {
        let bandwidth = Bandwidth(after: [segment], declared: 900_000, known: 1_800_000, isClosed: false)
        #expect(bandwidth == Bandwidth(peak: 1_800_000, average: 1_000_000))
    }

    @Test func `waits for a few segments otherwise, and leaves a margin`() {
        for count in 0...2 {
            let some = Array(repeating: segment, count: count)
            #expect(Bandwidth(after: some, declared: 900_000, known: 0, isClosed: false) == nil)
        }
        let dense = [segment, (bytes: 500_000, duration: Int64(2_000_000)), segment]
        let bandwidth = Bandwidth(after: dense, declared: 900_000, known: 0, isClosed: false)
        #expect(bandwidth?.peak == 3_000_000)
        #expect(bandwidth?.average == 1_333_333)
        #expect(Bandwidth(after: dense, declared: 4_000_000, known: 0, isClosed: false)?.peak == 5_000_000)
    }

    @Test func `is exact when nothing follows`() {
        let bandwidth = Bandwidth(after: [segment], declared: 0, known: 0, isClosed: true)
        #expect(bandwidth == Bandwidth(peak: 1_000_000, average: 1_000_000))
    }
}
