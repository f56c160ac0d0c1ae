import Testing
import Vocabulary

@Suite struct `A media playlist` {
    private func playlist(
        from first: UInt64 = 0, count: UInt64 = 8, isEnded: Bool = false, discontinuityAt: UInt64? = nil,
        missing: UInt64? = nil
    ) -> MediaPlaylist {
        MediaPlaylist(
            targetDuration: 2, mediaSequence: first,
            discontinuitySequence: discontinuityAt.map { $0 < first ? 1 : 0 } ?? 0,
            segments: (first..<first + count).map { sequence in
                MediaPlaylist.Segment(
                    uri: "../segments/\(sequence).ts", duration: 2_002_000,
                    programTime: 1_800_000_000_000 + Int64(sequence) * 2_002,
                    isDiscontinuity: sequence == discontinuityAt, isMissing: sequence == missing)
            }, isEnded: isEnded)
    }

    private func lines(_ playlist: MediaPlaylist) -> [Substring] { playlist.text.split(separator: "\n") }

    private func value(_ tag: String, in playlist: MediaPlaylist) -> String? {
        lines(playlist).first { $0.hasPrefix(tag + ":") }.map { String($0.dropFirst(tag.count + 1)) }
    }

    @Test func `begins with EXTM3U, has each of its tags once, and nothing but printable UTF-8`() {
        let lines = lines(playlist())
        #expect(lines.first == "#EXTM3U")
        for tag in [
            "#EXTM3U", "#EXT-X-VERSION:", "#EXT-X-TARGETDURATION:", "#EXT-X-MEDIA-SEQUENCE:",
            "#EXT-X-DISCONTINUITY-SEQUENCE:", "#EXT-X-INDEPENDENT-SEGMENTS",
        ] {
            #expect(lines.count { $0.hasPrefix(tag) } == 1, "\(tag)")
        }
        #expect(!lines.contains { $0.hasPrefix("#EXT-X-STREAM-INF") || $0.hasPrefix("#EXT-X-PLAYLIST-TYPE") })
        let text = playlist().text.utf8
        #expect(text.allSatisfy { $0 == 10 || (32..<127).contains($0) })
        #expect(text.last == 10)
    }

    @Test func `gives every segment a decimal length that rounds to no more than the target`() throws {
        let lengths = lines(playlist()).filter { $0.hasPrefix("#EXTINF:") }
        #expect(lengths.count == 8)
        for length in lengths {
            #expect(length == "#EXTINF:2.002000,")
            #expect(try #require(Double(length.dropFirst(8).dropLast())).rounded() <= 2)
        }
        #expect(value("#EXT-X-TARGETDURATION", in: playlist()) == "2")
    }

    @Test func `writes lengths exactly, short ones too`() {
        for (duration, text) in [
            (Int64(1), "0.000001"), (999_999, "0.999999"), (60_000_000, "60.000000"), (-3, "0.000000"),
        ] {
            let one = MediaPlaylist(
                targetDuration: 60, mediaSequence: 0,
                segments: [MediaPlaylist.Segment(uri: "a", duration: duration, programTime: 0)], isEnded: false)
            #expect(lines(one).contains("#EXTINF:\(text),"))
        }
    }

    @Test func `moves on at the front by one number for each segment that leaves`() {
        let earlier = playlist()
        let later = playlist(from: 3)
        #expect(value("#EXT-X-MEDIA-SEQUENCE", in: earlier) == "0")
        #expect(value("#EXT-X-MEDIA-SEQUENCE", in: later) == "3")
        #expect(later.text.contains("../segments/3.ts"))
        #expect(!later.text.contains("../segments/2.ts"))
    }

    @Test func `marks a discontinuity before its segment and counts it when it has left`() throws {
        let lines = lines(playlist(discontinuityAt: 4))
        let mark = try #require(lines.firstIndex(of: "#EXT-X-DISCONTINUITY"))
        let uri = try #require(lines[mark...].first { !$0.hasPrefix("#") })
        #expect(uri == "../segments/4.ts")
        #expect(value("#EXT-X-DISCONTINUITY-SEQUENCE", in: playlist(discontinuityAt: 4)) == "0")
        let later = playlist(from: 5, discontinuityAt: 4)
        #expect(value("#EXT-X-DISCONTINUITY-SEQUENCE", in: later) == "1")
        #expect(!later.text.contains("#EXT-X-DISCONTINUITY\n"))
    }

    @Test func `dates every segment, one length after the other`() {
        let times = lines(playlist()).filter { $0.hasPrefix("#EXT-X-PROGRAM-DATE-TIME:") }
        #expect(times.count == 8)
        #expect(times[0] == "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z")
        #expect(times[1] == "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.002Z")
    }

    @Test func `lists what is lost as a gap, not as a hole`() throws {
        let lines = lines(playlist(missing: 2))
        let gap = try #require(lines.firstIndex(of: "#EXT-X-GAP"))
        #expect(lines[gap...].first { !$0.hasPrefix("#") } == "../segments/2.ts")
        #expect(lines.count { $0 == "#EXT-X-GAP" } == 1)
    }

    @Test func `says nothing after its end`() {
        #expect(lines(playlist(isEnded: true)).last == "#EXT-X-ENDLIST")
        #expect(!playlist().text.contains("ENDLIST"))
    }
}

@Suite struct `A calendar time` {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (-1, "1970-01-01T00:00:00.000Z"), (.max, "9999-12-31T23:59:59.999Z"),
    ])
    func `is written as ISO 8601 has it`(milliseconds: Int64, text: String) {
        #expect(CalendarTime(milliseconds: milliseconds).description == text)
    }
}
