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

    @Test mutating func `grows cautious with each stall, to a bound, and forgets it while segments come in time`() {
        var now = Instant.zero
        for sequence in UInt64(5)...15 {
            playhead.complete(sequence, byPlayer: false, at: now, duration: duration)
            now = now + .seconds(2.4)
        }
        #expect(playhead.caution == .seconds(1))
        for sequence in UInt64(16)...60 {
            playhead.complete(sequence, byPlayer: false, at: now, duration: duration)
            now = now + .seconds(2)
        }
        #expect(playhead.caution < .milliseconds(200))
    }

    @Test mutating func `follows the real player once there is one`() {
        playhead.complete(5, byPlayer: false, at: .zero + .seconds(1), duration: duration)
        playhead.ask(9, at: .zero + .seconds(30))
        playhead.complete(9, byPlayer: true, at: .zero + .seconds(30), duration: duration)
        #expect(playhead.need(for: 10, start: 5, duration: duration) == .zero + .seconds(32))
        playhead.complete(10, byPlayer: false, at: .zero + .seconds(50), duration: duration)
        #expect(playhead.stalls == 0)
    }

    @Test mutating func `knows that a player that comes after a long time waits now`() {
        playhead.complete(5, byPlayer: false, at: .zero + .seconds(1), duration: duration)
        let now = Instant.zero + .seconds(1_000)
        playhead.ask(500, at: now)
        #expect(playhead.need(for: 500, start: 5, duration: duration) <= now + .seconds(1))
    }

    @Test mutating func `takes a jump for a new start, as when a player looks at the first segment and then goes live`()
    {
        playhead.ask(5, at: .zero)
        playhead.ask(17, at: .zero + .seconds(1))
        #expect(playhead.need(for: 17, start: 5, duration: duration) == .zero + .seconds(2))
    }

    @Test mutating func `imagines a player again when the real one has gone`() {
        playhead.ask(5, at: .zero)
        playhead.complete(5, byPlayer: true, at: .zero, duration: duration)
        let now = Instant.zero + .seconds(1_000)
        playhead.complete(505, byPlayer: false, at: now, duration: duration)
        #expect(playhead.need(for: 506, start: 5, duration: duration) == now + .seconds(2))
        #expect(playhead.stalls == 0)
    }
}
