import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `An uplink` {
    /// Sends for `time` over a line that takes `pieceTime` for each piece and `trip` for the way; a link's shortest time is
    /// what its first piece took, and each piece goes over a new link. Returns the longest wait in the queue once its rate
    /// has been measured.
    private func longestWait(pieceTime: Interval, trip: Interval, for time: Interval) -> Interval {
        var uplink = Uplink()
        var now = Instant.zero
        var free = now
        var flying: [(sent: Instant, arrives: Instant, ahead: Int)] = []
        var longest = Interval.zero
        while now < .zero + time {
            while uplink.hasRoom {
                free = max(free, now) + pieceTime
                if now > .zero + .seconds(5) { longest = max(longest, free - now) }
                flying.append((now, free + trip, uplink.inFlight))
                uplink.sent()
            }
            uplink.saturated(true, at: now)
            let first = flying.removeFirst()
            now = first.arrives
            if first.ahead == 0 { uplink.travelled(for: now - first.sent) }
            uplink.acknowledged(PieceID.length, queueing: .zero, at: now)
        }
        return longest
    }

    /// Routers drop what waits for longer than a tenth of a second or two.
    @Test(arguments: [(4, 40, 200), (16, 40, 200), (62, 40, 400)])
    func `never lets its own queue grow long, even when every link takes the queue for its way`(
        pieceTime: Int64, trip: Int64, bound: Int64
    ) {
        let longest = longestWait(
            pieceTime: .milliseconds(pieceTime), trip: .milliseconds(trip), for: .seconds(60))
        #expect(longest < .milliseconds(bound))
    }

    @Test(arguments: [(8, 40), (62, 40), (125, 40), (16, 400), (8, 600)])
    func `is filled, however slow it is and however long the way is`(pieceTime: Int64, trip: Int64) {
        var uplink = Uplink()
        uplink.reaches(after: .milliseconds(trip))
        var now = Instant.zero
        var free = now
        var flying: [(sent: Instant, arrives: Instant, waits: Interval)] = []
        var sent = 0
        while now < .zero + .seconds(60) {
            while uplink.hasRoom {
                let waits = max(.zero, free - now)
                free = max(free, now) + .milliseconds(pieceTime)
                flying.append((now, free + .milliseconds(trip), waits))
                uplink.sent()
            }
            uplink.saturated(true, at: now)
            let first = flying.removeFirst()
            now = first.arrives
            sent += 1
            uplink.acknowledged(PieceID.length, queueing: first.waits, at: now)
        }
        #expect(Double(sent) > 0.95 * 60_000 / Double(pieceTime))
    }

    /// Packets that come late by chance, 200 ms at most, hold each piece up, a piece alone most: TCP's window opens again.
    @Test func `is filled where packets come late by chance, although it is never empty again`() {
        var uplink = Uplink()
        let (alone, among, pieceTime) = (
            Interval.milliseconds(400), Interval.milliseconds(160), Interval.milliseconds(16)
        )
        uplink.sent()
        uplink.travelled(for: alone)
        uplink.acknowledged(PieceID.length, queueing: .zero, at: .zero + alone)
        var now = Instant.zero + alone
        var free = now
        var flying: [Instant] = []
        var late = 0
        while now < .zero + .seconds(60) {
            while uplink.hasRoom {
                free = max(free, now) + pieceTime
                flying.append(free + among)
                uplink.sent()
            }
            uplink.saturated(true, at: now)
            now = flying.removeFirst()
            if now > .zero + .seconds(50) { late += 1 }
            // At first all seem to wait in a queue.
            uplink.acknowledged(
                PieceID.length, queueing: now < .zero + .seconds(10) ? .milliseconds(150) : .zero, at: now)
        }
        #expect(late > 560, "of 625 in ten seconds")
    }

    @Test func `is believed to be slow once its first piece has been`() {
        var (slow, quick) = (Uplink(), Uplink())
        slow.shows(PieceID.length, after: .milliseconds(600), ahead: 0)
        quick.shows(PieceID.length, after: .milliseconds(60), ahead: 0)
        #expect(slow.rate(of: 500_000) < 150_000 && quick.rate(of: 500_000) > 500_000)
    }

    @Test func `is believed to be slow while its first piece does not arrive`() {
        var uplink = Uplink()
        uplink.waits(for: .seconds(1))
        #expect(uplink.rate(of: 500_000) < 100_000)
    }

    /// Two ways for a piece over a connection that has rested, and six for four of them that share one.
    @Test func `is not believed to be slow because its neighbors are far away`() {
        var far = Uplink()
        far.reaches(after: .milliseconds(400))
        far.shows(PieceID.length, after: .milliseconds(816), ahead: 0)
        #expect(far.rate(of: 500_000) > 500_000)
        for _ in 0..<4 {
            far.shows(PieceID.length, after: .milliseconds(2_400), ahead: 3)
        }
        let rests = far.rests(below: 60_000, at: .zero)
        #expect(!rests)
    }

    /// Four pieces in flight at the beginning, over a way of 600 ms that each goes twice.
    @Test func `is not measured while the window is what holds pieces up`() {
        var uplink = Uplink()
        uplink.reaches(after: .milliseconds(600))
        var now = Instant.zero
        var flying: [Instant] = []
        while now < .zero + .seconds(4) {
            while uplink.hasRoom {
                flying.append(now)
                uplink.sent()
            }
            uplink.saturated(true, at: now)
            now = flying.removeFirst() + .milliseconds(1_200)
            uplink.acknowledged(PieceID.length, queueing: .zero, at: now)
        }
        #expect(uplink.rate == nil)
    }

    /// 27 kB/s, and 1 MB/s to the other side of the world: there, a piece alone takes as long.
    @Test func `rests when little leaves with what was under way, however long the way is`() {
        var (slow, far, lonely) = (Uplink(), Uplink(), Uplink())
        for ahead in [2, 3, 4] {
            let pieces = Int64(ahead + 1)
            slow.shows(PieceID.length, after: .milliseconds(600 * pieces), ahead: ahead)
            far.shows(PieceID.length, after: .milliseconds(600 + 16 * pieces), ahead: ahead)
            lonely.shows(PieceID.length, after: .milliseconds(600), ahead: 0)
        }
        let rests = (slow.rests(below: 60_000, at: .zero), far.rests(below: 60_000, at: .zero))
        #expect(rests == (true, false))
        let lonelyRests = lonely.rests(below: 60_000, at: .zero)
        #expect(!lonelyRests)
    }
}

@Suite struct `A neighbor` {
    @Test func `has the time that its way takes, and not as long as it likes to say`() {
        let peer = PeerID(Word256(0, 0, 1, 1))
        var neighbor = Neighbor(link: LinkID(1), peer: peer, endpoint: nil, isOurs: true, at: .zero)
        neighbor.pinged(at: .zero)
        let ways = [0.4, 0.5].map { neighbor.ponged(at: .zero + .seconds($0)) }
        #expect(ways == [.seconds(0.4), nil])
        #expect(neighbor.health.patience > .seconds(4))
        neighbor.pinged(at: .zero)
        let late = neighbor.ponged(at: .zero + .seconds(19))
        #expect(late == .seconds(1))
    }
}
