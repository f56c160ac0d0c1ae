import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `The origin as a viewer sees it` {
    var random = Randomness(seed: 1)
    var health = OriginHealth()
    let piece = PieceID.length

    private mutating func fetch(
        _ bytes: Int, in time: Interval, with others: Int = 0, behind queueing: Interval = .zero, isFull: Bool = true,
        at now: Instant
    ) {
        health.fetched(
            bytes, in: time, arrived: bytes + others, queueing: queueing, isShare: false, isFull: isFull, at: now,
            using: &random)
    }

    @Test mutating func `is asked for more while what is late comes at once, and is quick then`() {
        #expect(!health.isQuick(at: .zero))
        for step in 1...6 { fetch(4 * piece, in: .milliseconds(60), at: .zero + .milliseconds(Int64(step) * 60)) }
        #expect(health.isQuick(at: .zero + .milliseconds(400)))
    }

    @Test mutating func `is asked for half, and left alone for a moment, when answers wait`() {
        for step in 1...6 { fetch(4 * piece, in: .milliseconds(60), at: .zero + .milliseconds(Int64(step) * 60)) }
        let before = health.window(at: .zero + .milliseconds(400))
        fetch(4 * piece, in: .seconds(2), at: .zero + .milliseconds(500))
        #expect(health.window(at: .zero + .milliseconds(500)) == before / 2)
        #expect(health.restsUntil > .zero + .milliseconds(500))
    }

    @Test mutating func `is not blamed for the wait in the viewer's own queue`() {
        for step in 1...6 { fetch(4 * piece, in: .milliseconds(60), at: .zero + .milliseconds(Int64(step) * 60)) }
        fetch(4 * piece, in: .seconds(2), behind: .milliseconds(450), at: .zero + .milliseconds(500))
        #expect(health.restsUntil == .zero)
    }

    @Test mutating func `takes a long answer for a long one and not for a slow one`() {
        for step in 1...6 { fetch(32 * piece, in: .milliseconds(1_000), at: .zero + .seconds(Double(step))) }
        #expect(health.restsUntil == .zero)
    }

    @Test mutating func `is trusted less the longer nothing was asked of it`() {
        for step in 1...8 { fetch(4 * piece, in: .milliseconds(60), at: .zero + .milliseconds(Int64(step) * 60)) }
        #expect(health.isQuick(at: .zero + .milliseconds(500)))
        #expect(health.isQuick(at: .zero + .seconds(12)))
        #expect(!health.isQuick(at: .zero + .seconds(20)))
        #expect(health.window(at: .zero + .seconds(60)) == 2)
    }

    @Test mutating func `is not taken for quick because it gave a little quickly`() {
        for step in 1...20 {
            fetch(piece, in: .milliseconds(60), isFull: false, at: .zero + .milliseconds(Int64(step) * 60))
        }
        #expect(health.window(at: .zero + .milliseconds(1_300)) == 1)
    }

    @Test mutating func `is plentiful when it is quick at several times the rate of the stream`() {
        let stream = Double(4 * piece)
        for step in 1...6 {
            fetch(4 * piece, in: .milliseconds(500), at: .zero + .seconds(Double(step)))
            #expect(!health.isPlentiful(for: stream, at: .zero + .seconds(Double(step))))
        }
        #expect(health.isQuick(at: .zero + .seconds(6)), "twice the rate, and nobody else asks")
        fetch(4 * piece, in: .milliseconds(500), with: 4 * piece, at: .zero + .seconds(7))
        #expect(health.isPlentiful(for: stream, at: .zero + .seconds(7)))
        for step in 1...2 { fetch(4 * piece, in: .seconds(3), at: .zero + .seconds(7 + Double(step))) }
        #expect(!health.isPlentiful(for: stream, at: .zero + .seconds(9)), "others ask it, too")
    }
}
