import Testing
import Vocabulary

@Suite struct `Rendezvous hashing` {
    private static let three = ["udp://a:6969", "udp://b:6969", "udp://c:6969"]

    private func broadcast(_ number: UInt64) -> BroadcastID {
        BroadcastID(Word256(Randomness.mix(number), Randomness.mix(~number), number, 7))
    }

    /// For whoever writes another client: names, the last word of an otherwise empty id, and the score.
    @Test(arguments: [
        ("", 0 as UInt64, vector0), ("udp://tracker.example:6969", 0, vector1),
        ("udp://tracker.example:6969", 1, vector2),
        ("http://[::1]:7070", 0xFFFF_FFFF_FFFF_FFFF, vector3),
    ])
    func `gives everybody the same score`(name: String, word: UInt64, score: UInt64) {
        #expect(Rendezvous.score(of: name, for: BroadcastID(Word256(0, 0, 0, word))) == score)
    }

    private static let vector0: UInt64 = 0x5D35_C075_360E_D291
    private static let vector1: UInt64 = 0xC3AC_AB20_8ABD_9BD5
    private static let vector2: UInt64 = 0xEC48_6F40_CD20_B7D1
    private static let vector3: UInt64 = 0x8306_1C01_B885_3AC7

    @Test func `spreads broadcasts evenly, whatever the order in the link`() {
        var counts: [String: Int] = [:]
        for number: UInt64 in 0..<3_000 {
            let ranking = Rendezvous.ranking(of: Self.three, for: broadcast(number))
            #expect(ranking == Rendezvous.ranking(of: Self.three.reversed(), for: broadcast(number)))
            counts[ranking[0][0], default: 0] += 1
        }
        // A standard error is 26.
        #expect(counts.values.allSatisfy { (870...1_130).contains($0) }, "\(counts)")
    }

    @Test func `moves only the broadcasts of the tracker that goes, each to its next one`() {
        for number: UInt64 in 0..<500 {
            let all = Rendezvous.ranking(of: Self.three, for: broadcast(number))
            for gone in Self.three {
                let rest = Rendezvous.ranking(of: Self.three.filter { $0 != gone }, for: broadcast(number))
                #expect(rest == all.filter { $0 != [gone] })
            }
        }
    }

    @Test(arguments: [
        (["udp://a:1", "http://a:2"], [["udp://a:1", "http://a:2"]]),
        (["udp://a:1", "udp://a:2"], [["udp://a:1"], ["udp://a:2"]]),
        (
            ["udp://a:1", "http://a:2", "udp://a:3", "http://a:4"],
            [["udp://a:1", "http://a:2"], ["udp://a:3", "http://a:4"]]
        ),
        (["udp://a:1", "http://b:2"], [["udp://a:1"], ["http://b:2"]]),
        (
            ["udp://[::1]:1", "https://[::1]/x", "http://[::2]:1"],
            [["udp://[::1]:1", "https://[::1]/x"], ["http://[::2]:1"]]
        ),
        (["udp://a:1", "udp://a:1"], [["udp://a:1"]]), ([], []), (["", "x", "://"], [["", "x"], ["://"]]),
    ])
    func `takes addresses that follow each other for one tracker's`(urls: [String], groups: [[String]]) {
        #expect(Set(Rendezvous.ranking(of: urls, for: broadcast(1))) == Set(groups))
    }

    @Test func `looks at so many trackers and no more`() {
        let urls = (0..<1_000).map { "udp://t\($0):1" }
        #expect(Rendezvous.ranking(of: urls, for: broadcast(1)).count == Limits.trackers)
    }
}
