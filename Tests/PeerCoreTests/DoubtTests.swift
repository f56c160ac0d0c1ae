import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `A viewer whose peers are of no use` {
    private static let stripe = Stripe.all[0]

    /// Who brings nothing in 1.5 s is not waited for any more.
    @Test(arguments: [(0.0, true), (0.6, false)])
    func `leaves to those who are far away the time of their way`(way: Double, asks: Bool) {
        var rig = Rig()
        rig.welcome(among: 9)
        let link = rig.link(1)
        _ = rig.pass(.seconds(way))
        rig.feed(.ponged(link))
        rig.publish(7...9)
        rig.hold(7)
        for sequence in UInt64(8)...9 { rig.feed(.holds(link, Rig.id(sequence), .full(count: 10))) }
        let commands = rig.passWithOrigin(.seconds(1.7))
        #expect(commands.fetches.contains { $0.reason == .lostConfidence } == asks)
    }

    /// Neighbors promise everything and bring nothing of so many segments, which the origin gives in a moment. What is asked
    /// of the origin within half a second of each segment's record.
    private static func watch(
        _ range: ClosedRange<UInt64>, on rig: inout Rig, beside link: LinkID,
        _ meanwhile: (inout Rig, UInt64) -> Void = { _, _ in }
    ) -> [UInt64: Set<Int>] {
        var atOnce: [UInt64: Set<Int>] = [:]
        for sequence in range {
            var commands = rig.publish(sequence...sequence)
            commands += rig.feed(.holds(link, Rig.id(sequence), .full(count: 10)))
            commands += commands.flatMap { rig.answer($0) } + rig.passWithOrigin(.milliseconds(500))
            let fetches = commands.fetches.filter { $0.piece.segment.sequence == sequence }
            atOnce[sequence] = Set(fetches.map(\.piece.index))
            meanwhile(&rig, sequence)
            _ = rig.passWithOrigin(Rig.duration - .milliseconds(500))
            rig.feed(.heard(link))
        }
        return atOnce
    }

    private static func pushing(_ rig: inout Rig) -> LinkID {
        let link = rig.link(1)
        rig.feed(.offered(link, Stripe.all.map { Offer(stripe: $0, depth: 0, children: 0, slots: 8, isRelay: true) }))
        return link
    }

    @Test(arguments: [false, true]) func `takes everything from the origin at once, as an injector, too`(
        asInjector: Bool
    ) {
        var rig = Rig()
        rig.welcome(among: 9)
        let link = rig.link(1)
        if asInjector { rig.lease(0, of: 8) }
        let atOnce = Self.watch(7...20, on: &rig, beside: link)
        for sequence in UInt64(10)...20 { #expect(atOnce[sequence] == Set(0..<10), "segment \(sequence)") }
    }

    @Test func `asks for what the origin answers readily as soon as the first who were asked bring nothing`() {
        var rig = Rig()
        rig.welcome(among: 9)
        let link = rig.link(1)
        var soon = rig.publish(7...8)
        for sequence in UInt64(7)...8 { soon += rig.feed(.holds(link, Rig.id(sequence), .full(count: 10))) }
        soon += soon.flatMap { rig.answer($0) } + rig.passWithOrigin(.milliseconds(1_200))
        #expect(Set(soon.fetches.map(\.piece)).count == 20)
        #expect(soon.fetches.allSatisfy { $0.reason == .startup })
    }

    @Test func `leaves its first segment to peers who bring something, and to those of a large crowd`() {
        func fetched(among viewers: Int, bringing: Int) -> Int {
            var rig = Rig()
            rig.welcome(among: viewers)
            let link = rig.link(1)
            var commands = rig.publish(7...7) + rig.feed(.holds(link, Rig.id(7), .full(count: 10)))
            for index in 0..<bringing { rig.feed(.pieceVerified(PieceID(Rig.id(7), 9 - index), from: .neighbor(link))) }
            commands += commands.flatMap { rig.answer($0) } + rig.passWithOrigin(.milliseconds(1_200))
            return Set(commands.fetches.map(\.piece.index)).count
        }
        #expect(fetched(among: 9, bringing: 0) == 10)
        #expect(fetched(among: 9, bringing: 1) <= PieceID.front)
        #expect(fetched(among: 1_000, bringing: 0) <= PieceID.front)
    }

    @Test func `tells peers nothing of one stripe now and then, and waits for them again when they push it`() {
        var rig = Rig()
        rig.welcome(among: 9)
        let link = Self.pushing(&rig)
        var hidden: [UInt64: Range<Int>] = [:]
        let atOnce = Self.watch(7...40, on: &rig, beside: link) { rig, sequence in
            guard let segment = rig.swarm.segments.last, let trial = segment.trial else { return }
            hidden[sequence] = trial.pieces(among: 10)
            #expect(segment.isComplete, "the picture does not wait for it")
            let told = rig.pass(.milliseconds(300)).flatMap { command -> [PieceSet] in
                if case .sendHolds(_, Rig.id(sequence), let pieces) = command { [pieces] } else { [] }
            }
            #expect(told.allSatisfy { pieces in !trial.pieces(among: 10).contains { pieces.contains($0) } })
            if hidden.count == 3 {
                for index in trial.pieces(among: 10) {
                    rig.feed(.pieceVerified(PieceID(Rig.id(sequence), index), from: .neighbor(link)))
                }
            }
        }
        let trials = hidden.keys.sorted()
        #expect(trials.count == 3, "they are tried until they bring it")
        guard let last = trials.last, trials.count == 3 else { return }
        #expect(trials[2] - trials[1] > trials[1] - trials[0], "less often each time")
        #expect(atOnce[last] == Set(0..<10))
        #expect(atOnce[last + 1] != Set(0..<10))
    }

    @Test(arguments: [(4, 1_100, true), (4, 300, false), (800, 7_000, false)])
    func `leaves out those who made the picture stand still for long if the origin has much to give`(
        pieceTime: Int64, late: Int64, isLeftOut: Bool
    ) {
        var rig = Rig()
        rig.welcome(among: 9)
        let link = rig.link(1)
        for command in rig.publish(1...2) { rig.answer(command) }
        for sequence in UInt64(1)...2 { rig.hold(sequence, from: .neighbor(link)) }
        // What the origin has shown of itself.
        for _ in 0..<8 {
            rig.now = rig.now + .milliseconds(pieceTime)
            rig.swarm.origin.fetched(
                4 * PieceID.length, in: .milliseconds(pieceTime), arrived: 4 * PieceID.length, queueing: .zero,
                isShare: false, isFull: true, at: rig.now, using: &rig.swarm.random)
        }
        rig.feed(.recordVerified(Rig.record(3), digest: Rig.digest(3), from: .neighbor(link)))
        _ = rig.pass(.seconds(5) + .milliseconds(late) - (rig.now - .zero))
        for command in rig.feed(.heard(link), .leavesVerified(Rig.id(3), from: .neighbor(link))) { rig.answer(command) }
        rig.hold(3, from: .neighbor(link))
        _ = rig.pass(.milliseconds(600))
        #expect(rig.swarm.stallCount == 1)
        let next = rig.publish(4...4).fetches
        #expect(next.contains { $0.reason == .lostConfidence } == isLeftOut)
    }
}
