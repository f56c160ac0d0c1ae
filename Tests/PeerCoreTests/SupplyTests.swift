import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `What peers bring` {
    var supply = Supply()

    /// Peers bring `pace` bytes in each of `seconds`, and say that they have `slots`.
    private mutating func watch(_ seconds: Int, from start: Int = 0, pace: Int, slots: Double) {
        for second in start...start + seconds {
            supply.observe(second * pace, slots: slots, at: .zero + .seconds(Double(second)))
        }
    }

    @Test mutating func `has no limit while their slots carry the stream to everybody`() {
        watch(20, pace: 1_000, slots: 9)
        #expect(!supply.isShort)
        #expect(supply.limit(within: .seconds(10)) == nil)
    }

    @Test mutating func `is what they have brought lately when their slots do not`() throws {
        watch(20, pace: 1_000, slots: 2)
        #expect(supply.isShort)
        #expect(abs(try #require(supply.limit(within: .seconds(10))) - 10_000) < 100)
        #expect(supply.limit(within: .seconds(-1)) == 0)
    }

    @Test mutating func `is not judged before it has been seen for a segment or so`() {
        watch(3, pace: 1_000, slots: 2)
        #expect(supply.isShort)
        #expect(supply.limit(within: .seconds(10)) == nil)
    }

    /// Uplinks of nine tenths of the stream: 4 slots where segments are to come early, 6 where all of an uplink counts.
    @Test mutating func `stays short when everybody counts on more of the same uplinks`() {
        watch(5, pace: 1_000, slots: 4)
        #expect(supply.isShort)
        watch(5, from: 6, pace: 1_000, slots: 6)
        #expect(supply.isShort)
        watch(5, from: 12, pace: 1_000, slots: 9)
        #expect(!supply.isShort)
    }
}
