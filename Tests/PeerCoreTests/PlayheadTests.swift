import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `A playhead` {
    var playhead = Playhead(joined: .zero, patience: .seconds(1))
    let duration: (UInt64) -> Interval = { _ in .seconds(2) }

    @Test func `needs the first segment soon and each later one when those before have played`() {
        #expect(playhead.need(for: 5, start: 5, duration: duration) == .zero + .seconds(1))
        #expect(playhead.need(for: 7, start: 5, duration: duration) == .zero + .seconds(5))
    }

    @Test mutating func `counts a stall when a segment comes late, and waits for it`() {
        playhead.complete(5, byPlayer: false, at: .zero + .seconds(1), duration: duration)
        playhead.complete(6, byPlayer: false, at: .zero + .seconds(2), duration: duration)
        #expect(playhead.stalls == 0)
        playhead.complete(7, byPlayer: false, at: .zero + .seconds(6), duration: duration)
        #expect(playhead.stalls == 1)
        #expect(playhead.stalled == .seconds(1))
        #expect(playhead.need(for: 8, start: 5, duration: duration) == .zero + .seconds(8))
    }

    @Test mutating func `follows the real player once there is one`() {
        playhead.complete(5, byPlayer: false, at: .zero + .seconds(1), duration: duration)
        playhead.complete(9, byPlayer: true, at: .zero + .seconds(30), duration: duration)
        #expect(playhead.need(for: 10, start: 5, duration: duration) == .zero + .seconds(32))
        playhead.complete(10, byPlayer: false, at: .zero + .seconds(60), duration: duration)
        #expect(playhead.stalls == 0)
    }
}
