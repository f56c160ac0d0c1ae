import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `Progress of a segment` {
    private var progress = SegmentProgress(Statement(Rig.record(7), digest: Rig.digest(7)), at: .zero)

    @Test mutating func `forgets what neighbors were fetching once no word of it counts, and believes the next word`() {
        progress.promise([1], by: 3, at: .zero)
        progress.promise([2], by: 0, at: .zero + .seconds(2))
        let late = Instant.zero + .seconds(5)
        progress.tidy(at: late)
        #expect(progress.isPromised(2, by: 0, at: late) && !progress.isPromised(1, by: 3, at: late))
        progress.tidy(at: late + .seconds(2))
        #expect(progress.promised(at: late) { _ in true }.isEmpty)
        progress.promise([0], by: 3, at: late + .seconds(3))
        #expect(Array(progress.promised(at: late + .seconds(3)) { _ in true }) == [0])
        #expect(progress.promised(at: late + .seconds(3)) { $0 != 3 }.isEmpty)
    }

    @Test mutating func `remembers whom a piece was asked of until that is settled`() {
        let deadline = Instant.zero + .seconds(1)
        for index in [2, 0] {
            progress.ask(SegmentProgress.Want(index: index, link: LinkID(5), time: .zero, deadline: deadline))
        }
        #expect(progress.wants.map(\.index) == [2, 0] && !progress.pieces.unasked.contains(2))
        let (first, again) = (progress.settle(2), progress.settle(2))
        #expect(first?.link == LinkID(5) && again == nil)
        let rest = progress.settle { $0.deadline == deadline }
        #expect(rest.map(\.index) == [0])
        #expect(progress.pieces.unasked.isFull)
    }
}
