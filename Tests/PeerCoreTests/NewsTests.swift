import PeerCore
import Testing
import Vocabulary

/// What a peer tells its neighbors, and how often: all of it takes room in an uplink.
@Suite struct `News of what a peer does` {
    @Test func `is seldom told by who gives nothing, whose uplink may be full, and to those it takes from`() {
        func words(uploads: Bool, toParent: Bool) -> Int {
            var rig = Rig { $0.uploads = uploads }
            rig.publish(7...7)
            let (parent, other) = (rig.link(1), rig.link(2))
            let link = toParent ? parent : other
            rig.feed(
                .offered(
                    parent, Stripe.all.map { Offer(stripe: $0, depth: 0, children: 0, slots: 99, isRelay: true) }))
            var words = 0
            for index in 0..<9 {
                let commands = rig.feed(.pieceVerified(PieceID(Rig.id(7), index), from: .origin))
                words += (commands + rig.pass(.milliseconds(200))).count {
                    if case .sendHolds(link, _, _) = $0 { true } else { false }
                }
            }
            return words
        }
        #expect(words(uploads: true, toParent: true) >= 8 && words(uploads: true, toParent: false) >= 8)
        #expect((1...2).contains(words(uploads: false, toParent: true)))
        #expect(words(uploads: false, toParent: false) == 0)
    }

    @Test(arguments: [true, false])
    func `of what is fetched is for those to whom it will come`(uploads: Bool) {
        var rig = Rig { $0.uploads = uploads }
        rig.feed(.welcomed(Welcome(interval: 30, viewers: 2)))
        rig.publish(7...7)
        let link = rig.link(1)
        let commands = rig.pass(.seconds(10))
        #expect(!commands.fetches.isEmpty)
        #expect(commands.promises(to: link).isEmpty != uploads)
    }

    @Test func `is gathered while what is late is fetched piece by piece, and told at once of a share`() {
        var rig = Rig()
        rig.feed(.welcomed(Welcome(interval: 30, viewers: 2)))
        rig.publish(7...7)
        let link = rig.link(1)
        var fetched: [Int] = []
        var told: [[Int]] = []
        while told.isEmpty, rig.now < .zero + .seconds(10) {
            let commands = rig.pass(.milliseconds(50))
            fetched += commands.fetches.map(\.piece.index)
            told += commands.promises(to: link)
            for command in commands where told.isEmpty { fetched += rig.answer(command).fetches.map(\.piece.index) }
        }
        #expect(fetched.count > 1)
        #expect(told.count == 1 && told[0].allSatisfy(fetched.contains) && told[0].count < fetched.count)

        var injector = Rig()
        let other = injector.link(1)
        injector.lease(0, of: 1)
        injector.publish(7...7)
        _ = injector.pass(.seconds(2))
        let share = injector.publish(8...8) + injector.pass(.milliseconds(2))
        #expect(Set(share.fetches.map(\.piece.index)) == Set(0..<10))
        #expect(share.promises(to: other).last == Array(0..<10))
    }
}

extension [Swarm.Command] {
    /// What a neighbor is told to be under way from the origin.
    fileprivate func promises(to link: LinkID) -> [[Int]] {
        compactMap { if case .sendFetching(link, _, let indices) = $0 { indices } else { nil } }
    }
}
