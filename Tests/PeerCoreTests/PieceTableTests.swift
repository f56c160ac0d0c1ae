import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `A table of who has which piece` {
    private static let count = 130

    private func pieces(_ members: Int...) -> PieceSet { PieceSet(count: Self.count, members) }

    @Test func `tells who has said nothing from who has nothing`() {
        var table = PieceTable(count: Self.count)
        table.set(2, pieces())
        #expect(table[1] == nil && table[2] == pieces())
        #expect(!table.has(1) && table.has(2) && table.isEmpty(2))
        table.remove(5, of: 1)
        #expect(!table.has(1))
    }

    @Test func `keeps the rows of those who stay when a seat comes or goes`() {
        var table = PieceTable(count: Self.count)
        for seat in 0..<4 { table.set(seat, pieces(seat, 129)) }
        table.insertSeat(1)
        #expect(
            table[0] == pieces(0, 129) && table[1] == nil && table[2] == pieces(1, 129) && table[4] == pieces(3, 129))
        table.removeSeat(0)
        table.removeSeat(3)
        #expect(table[0] == nil && table[1] == pieces(1, 129) && table[2] == pieces(2, 129) && table[3] == nil)
    }

    @Test func `tells what several have from what one has`() {
        var table = PieceTable(count: Self.count)
        table.set(0, pieces(1, 2, 129))
        table.set(1, pieces(2, 3, 129))
        table.set(5, pieces(2, 129))
        #expect(table.held(by: 1) { _ in true } == table.union { _ in true })
        #expect(table.held(by: 2) { _ in true } == pieces(2, 129))
        #expect(table.held(by: 3) { _ in true } == pieces(2, 129))
        #expect(table.held(by: 2) { $0 != 5 } == pieces(2, 129))
        #expect(table.held(by: 3) { $0 != 5 } == pieces())
    }

    @Test func `ignores pieces that the segment does not have`() {
        var table = PieceTable(count: Self.count)
        table.insert(-1, of: 0)
        table.insert(Self.count, of: 0)
        #expect(table[0] == pieces() && !table.contains(Self.count, of: 0))
    }

    @Test func `answers for sets of pieces and of neighbors`() {
        var table = PieceTable(count: Self.count)
        table.set(0, pieces(1, 2))
        table.set(59, pieces(2, 128))
        #expect(table.union { _ in true } == pieces(1, 2, 128))
        #expect(table.union { $0 == 59 } == pieces(2, 128))
        #expect(table.seats(withAnyOf: pieces(2, 77)) == 1 << 59 | 1 && table.seats(withAnyOf: pieces(77)) == 0)
        #expect(table.hasAll(of: pieces(128), 59) && !table.hasAll(of: pieces(1), 59))
    }
}

@Suite struct `A queue of pieces` {
    @Test func `gives back what was put in, in its order, without what was taken out`() {
        var queue = PieceQueue()
        let all = (0..<200).map { PieceID(SegmentID(rendition: 3, sequence: 1 << 47 + UInt64($0 % 3)), 1_999 - $0) }
        for piece in all { queue.append(piece) }
        #expect((0..<100).map { _ in queue.popFirst() } == all.prefix(100).map { $0 })
        #expect(queue.contains(all[150]) && !queue.contains(all[50]))
        queue.removeAll { $0.index % 2 == 0 }
        let rest = all.suffix(100).filter { $0.index % 2 == 1 }
        #expect(queue.count == rest.count)
        #expect(rest.map { _ in queue.popFirst() } == rest.map { $0 })
        #expect(queue.isEmpty && queue.popFirst() == nil)
    }
}
