import PeerCore
import Testing
import Vocabulary

/// What one of very many newcomers leaves to others, so that the injectors reach the origin.
@Suite struct `One of a crowd` {
    private static let crowd = 5_000

    @Test func `hears from neighbors what is new, and asks the origin when none has told`() {
        var rig = Rig()
        let early = rig.welcome(among: Self.crowd) + rig.pass(.milliseconds(500))
        #expect(!early.contains(.fetchHead(after: nil)))
        #expect(rig.pass(.milliseconds(600)).contains(.fetchHead(after: nil)))

        var told = Rig()
        told.welcome(among: Self.crowd)
        let link = told.link(1)
        told.feed(.recordVerified(Rig.record(7), digest: Rig.digest(7), from: .neighbor(link)))
        let later = told.pass(.seconds(2))
        #expect(!later.contains { if case .fetchHead = $0 { true } else { false } })
        #expect(told.pass(.seconds(2)).contains(.fetchHead(after: 7)), "neighbors tell nothing new for long")
    }

    @Test func `begins no earlier than a neighbor that knows more`() {
        var rig = Rig()
        rig.welcome(among: Self.crowd)
        let (slow, quick) = (rig.link(1), rig.link(2))
        for sequence in UInt64(3)...7 {
            rig.feed(.recordVerified(Rig.record(sequence), digest: Rig.digest(sequence), from: .neighbor(slow)))
        }
        rig.feed(.offered(slow, []))
        #expect(rig.swarm.listed.first?.segment.sequence == 5)
        for sequence in UInt64(8)...12 {
            rig.feed(.recordVerified(Rig.record(sequence), digest: Rig.digest(sequence), from: .neighbor(quick)))
        }
        #expect(rig.swarm.listed.first?.segment.sequence == 9)
    }

    @Test func `waits for news as an injector though records are on their way`() {
        var rig = Rig()
        rig.lease(0, of: 1)
        let commands = rig.feed(.headArrived(oldest: 3, newest: 9, targetDuration: 2, isClosed: false))
        #expect(commands.contains { if case .fetchRecords = $0 { true } else { false } })
        let polls = rig.pass(.milliseconds(200)).contains { if case .fetchHead = $0 { true } else { false } }
        #expect(polls)
    }

    @Test func `leaves it to a few to ask the origin for leaf hashes that nobody near has`() {
        func asks(among viewers: Int) -> Int {
            (1...UInt64(400)).count { name in
                var rig = Rig(named: name)
                rig.welcome(among: viewers)
                let link = rig.link(1)
                rig.feed(.recordVerified(Rig.record(7), digest: Rig.digest(7), from: .neighbor(link)))
                rig.feed(.offered(link, []))
                return rig.pass(.milliseconds(1_600)).contains {
                    if case .fetchRecords(_, let range) = $0 { range.contains(7) } else { false }
                }
            }
        }
        #expect(asks(among: 100) == 400)
        #expect((1...200).contains(asks(among: Self.crowd)), "in the first steps some, each time twice as many")
    }

    @Test func `asks one neighbor after the other for leaf hashes`() {
        // Its turn at the origin comes seconds later.
        let name = (1...UInt64(100)).first { Randomness.mix($0 ^ 7) >> 63 == 1 }
        var rig = Rig(named: name ?? 1)
        rig.welcome(among: Self.crowd)
        let links = [rig.link(1), rig.link(2)]
        rig.feed(.recordVerified(Rig.record(7), digest: Rig.digest(7), from: .neighbor(links[0])))
        for link in links { rig.feed(.holds(link, Rig.id(7), .full(count: 10)), .offered(link, [])) }
        let asked = rig.pass(.seconds(2)).compactMap {
            if case .askLeaves(let link, Rig.id(7)) = $0 { link } else { nil }
        }
        #expect(Set(asked) == Set(links))
    }

    @Test func `takes turns at the origin for its first picture, but not for long`() {
        func asks(among viewers: Int, within time: Interval) -> Int {
            (1...UInt64(200)).count { name in
                var rig = Rig(named: name)
                rig.welcome(among: viewers)
                rig.link(1)
                return (rig.publish(7...7) + rig.pass(time)).fetches.contains { $0.piece.index < PieceID.front }
            }
        }
        #expect(asks(among: 100, within: .zero) == 200)
        #expect(asks(among: Self.crowd, within: .seconds(1)) < 100)
        #expect(asks(among: Self.crowd, within: .milliseconds(1_300)) == 200)
    }
}
