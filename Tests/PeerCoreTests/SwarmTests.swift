import PeerCore
import Testing
import Vocabulary

@Suite struct `A swarm` {
    @Test func `asks for the head first, then for the records from where a player starts`() {
        var rig = Rig()
        #expect(rig.feed(.timePassed).contains(.fetchHead(after: nil)))
        let commands = rig.feed(.headArrived(oldest: 3, newest: 9, targetDuration: 2, isClosed: false))
        #expect(commands.contains(.fetchRecords(rendition: 0, 7...9)))
    }

    @Test func `asks the origin for a record that is missing between known ones`() {
        var rig = Rig()
        rig.publish(7...7)
        let link = rig.link(1)
        rig.feed(.recordVerified(Rig.record(10), digest: Rig.digest(10), from: .neighbor(link)))
        #expect(rig.pass(.seconds(1)).contains(.fetchRecords(rendition: 0, 8...9)))
    }

    @Test func `does not ask for ever for a record that the origin does not have`() {
        var rig = Rig()
        rig.publish(7...7)
        let link = rig.link(1)
        rig.feed(.recordVerified(Rig.record(10), digest: Rig.digest(10), from: .neighbor(link)))
        var asked = 0
        for _ in 0..<100 {
            guard rig.pass(.milliseconds(200)).contains(.fetchRecords(rendition: 0, 8...9)) else { continue }
            asked += 1
            rig.feed(.recordsDone)
        }
        #expect((1...3).contains(asked))
    }

    @Test func `takes everything from the origin when it is alone`() {
        var rig = Rig()
        rig.feed(
            .welcomed(Welcome(interval: 30, viewers: 1, newest: 0, lease: nil, duty: Stripe.all[0], neighbors: [])))
        let commands = rig.publish(7...7) + rig.pass(.milliseconds(100))
        #expect(Set(commands.fetches.map(\.piece.index)) == Set(0..<10))
        #expect(commands.fetches.allSatisfy { $0.reason == .alone })
    }

    @Test func `asks neighbors and not the origin while there is time`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        rig.publish(8...8)
        let commands = rig.feed(.holds(link, Rig.id(8), .full(count: 10))) + rig.pass(.milliseconds(300))
        #expect(!commands.wants(from: link).isEmpty)
        #expect(commands.fetches.isEmpty)
    }

    @Test func `asks each piece of one neighbor only`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let a = rig.link(1)
        let b = rig.link(2)
        rig.publish(8...8)
        let commands =
            rig.feed(.holds(a, Rig.id(8), .full(count: 10)), .holds(b, Rig.id(8), .full(count: 10)))
            + rig.pass(.milliseconds(100))
        let pieces = commands.wants(from: a) + commands.wants(from: b)
        #expect(Set(pieces).count == pieces.count)
    }

    @Test func `falls back to the origin when a silent neighbor lets the time run out`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        rig.publish(8...8)
        rig.feed(.holds(link, Rig.id(8), .full(count: 10)))
        let commands = rig.pass(.seconds(2))
        #expect(Set(commands.fetches.map(\.piece.index)) == Set(0..<10))
    }

    @Test func `takes only its share by its lease, and the others' shares one after the other when nobody does`() {
        var shares: [Set<Int>] = []
        for index in 0..<3 {
            var rig = Rig()
            rig.publish(7...7)
            rig.hold(7)
            rig.link(1)
            let lease = Lease(index: index, count: 3, epoch: 1)
            rig.feed(
                .welcomed(
                    Welcome(interval: 30, viewers: 9, newest: 0, lease: lease, duty: Stripe.all[0], neighbors: [])))
            shares.append(Set(rig.publish(8...8).fetches.map(\.piece.index)))
        }
        #expect(shares[0].union(shares[1]).union(shares[2]) == Set(0..<10))
        #expect(shares[0].count + shares[1].count + shares[2].count == 10)
    }

    @Test func `leaves to a neighbor what that neighbor is fetching`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        let lease = Lease(index: 0, count: 1, epoch: 1)
        rig.feed(
            .recordVerified(Rig.record(8), digest: Rig.digest(8), from: .neighbor(link)),
            .fetching(link, Rig.id(8), Array(0..<10)), .leavesVerified(Rig.id(8), from: .neighbor(link)))
        let commands = rig.feed(
            .welcomed(Welcome(interval: 30, viewers: 2, newest: 0, lease: lease, duty: Stripe.all[0], neighbors: [])))
        #expect(commands.fetches.isEmpty)
    }

    @Test func `ends the link at the first bad piece and does not take that peer back`() {
        var rig = Rig()
        let link = rig.link(1)
        #expect(rig.feed(.misbehaved(link, .badPiece)).contains(.close(link, .badPiece)))
        let again = LinkID(2)
        let commands = rig.feed(.linked(again, PeerID(Word256(0, 0, 1, 1)), endpoint: nil))
        #expect(commands == [.close(again, .badPiece)])
        #expect(rig.swarm.tally.piecesRefused == 1)
    }

    @Test func `stops sharing and stays on the origin when the origin signs two records for one number`() {
        var rig = Rig()
        rig.publish(7...7)
        let link = rig.link(1)
        let commands = rig.feed(
            .recordVerified(Rig.record(7), digest: Word256(6, 6, 6, 6), from: .neighbor(link)))
        #expect(commands.contains(.stopSharing))
        #expect(commands.contains(.close(link, .badRecord)))
        let next = LinkID(9)
        #expect(rig.feed(.linked(next, PeerID(Word256(0, 0, 5, 5)), endpoint: nil)) == [.close(next, .badPiece)])
        let later = rig.publish(8...8) + rig.pass(.seconds(1))
        #expect(Set(later.fetches.map(\.piece.index)).isSuperset(of: 0..<10))
    }

    @Test func `passes a record on to those that have not shown it, once its leaf hashes are here`() {
        var rig = Rig()
        rig.publish(7...7)
        let a = rig.link(1)
        let b = rig.link(2)
        let before = rig.feed(.recordVerified(Rig.record(8), digest: Rig.digest(8), from: .neighbor(a)))
        #expect(!before.contains(.sendRecord(b, Rig.id(8))))
        let commands = rig.feed(.leavesVerified(Rig.id(8), from: .neighbor(a)))
        #expect(commands.contains(.sendRecord(b, Rig.id(8))))
        #expect(!commands.contains(.sendRecord(a, Rig.id(8))))
    }

    @Test func `serves what it holds and declines the rest`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.feed(.pieceVerified(PieceID(Rig.id(7), 3), from: .origin))
        let link = rig.link(1)
        let commands = rig.feed(.wanted(link, Rig.id(7), [3, 4]), .wanted(link, Rig.id(99), [0]))
        #expect(commands.contains(.sendPiece(link, PieceID(Rig.id(7), 3))))
        #expect(commands.contains(.decline(link, Rig.id(7), [4])))
        #expect(commands.contains(.decline(link, Rig.id(99), [0])))
    }

    @Test func `bounds what one neighbor may ask for`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        var sent = 0
        for _ in 0..<10_000 {
            sent += rig.feed(.wanted(link, Rig.id(7), Array(0..<10))).count {
                if case .sendPiece = $0 { true } else { false }
            }
        }
        #expect(sent <= 8)
    }

    @Test func `gives nothing when uploads are off`() {
        var rig = Rig { $0.uploads = false }
        rig.publish(7...7)
        rig.hold(7)
        let link = LinkID(1)
        let commands = rig.feed(
            .linked(link, PeerID(Word256(0, 0, 1, 1)), endpoint: nil), .greeted(link, uploads: true, endpoint: nil),
            .wanted(link, Rig.id(7), [0]))
        #expect(commands.contains(.choke(link)))
        #expect(commands.contains(.decline(link, Rig.id(7), [0])))
    }

    @Test func `keeps its upload under the cap`() {
        var rig = Rig { $0.uploadLimit = 100_000 }
        rig.publish(7...7)
        rig.hold(7)
        let link = rig.link(1)
        var bytes = 0
        for _ in 0..<100 {
            var commands = rig.feed(.wanted(link, Rig.id(7), Array(0..<10))) + rig.pass(.milliseconds(100))
            while case .sendPiece(_, let piece)? = commands.popLast() {
                bytes += Rig.record(7).range(ofPiece: piece.index).count
                commands += rig.feed(.pieceSent(link, piece))
            }
        }
        #expect(bytes <= 10 * 105_000 + 2 * PieceID.length)
        #expect(bytes > 10 * 80_000)
    }

    @Test func `gives wants to others when their neighbor is lost`() {
        var rig = Rig()
        rig.publish(7...7)
        rig.hold(7)
        let a = rig.link(1)
        rig.publish(8...8)
        let asked = rig.feed(.holds(a, Rig.id(8), .full(count: 10))).wants(from: a)
        let b = rig.link(2)
        var commands = rig.feed(.holds(b, Rig.id(8), .full(count: 10)))
        commands += rig.feed(.linkLost(a))
        for _ in 0..<10 {
            for piece in commands.wants(from: b) { commands += rig.feed(.pieceVerified(piece, from: .neighbor(b))) }
        }
        #expect(Set(commands.wants(from: b)).isSuperset(of: asked))
    }

    @Test func `drops a neighbor that has fallen silent`() {
        var rig = Rig()
        let link = rig.link(1)
        let commands = rig.pass(.seconds(30))
        #expect(commands.contains(.ping(link)))
        #expect(commands.contains(.close(link, .silent)))
    }

    @Test func `keeps one link when both ends dial, the one that the smaller name opened`() {
        var rig = Rig()
        guard let endpoint = Endpoint(address: [127, 0, 0, 1], port: 9) else { return }
        let other = PeerID(Word256(0, 0, 1, 1))
        rig.feed(.linked(LinkID(1), other, endpoint: nil))
        let commands = rig.feed(.linked(LinkID(2), other, endpoint: endpoint))
        #expect(commands.contains(.close(LinkID(1), .duplicate)))
        #expect(commands.contains(.greet(LinkID(2))))
    }

    @Test func `stays within its memory`() {
        var rig = Rig { $0.storeLimit = 3 * Rig.length }
        var commands: [Swarm.Command] = []
        for sequence in 7...17 as ClosedRange<UInt64> {
            rig.publish(sequence...sequence)
            rig.hold(sequence)
            commands += rig.pass(.seconds(2))
        }
        let dropped = commands.compactMap { if case .drop(let segment) = $0 { segment.sequence } else { nil } }
        #expect(dropped == Array(7...14))
    }

    @Test func `does the same for the same facts at the same instants`() {
        func run() -> [Swarm.Command] {
            var rig = Rig()
            var commands = rig.publish(7...9)
            for number in 1...6 {
                let link = rig.link(number)
                for sequence in 7...9 as ClosedRange<UInt64> {
                    commands += rig.feed(.holds(link, Rig.id(sequence), .full(count: 10)))
                }
            }
            return commands + rig.pass(.seconds(5))
        }
        #expect(run() == run())
    }
}
