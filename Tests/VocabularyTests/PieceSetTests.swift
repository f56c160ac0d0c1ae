import Testing
import Vocabulary

@Suite struct `A piece set` {
    @Test(arguments: [1, 7, 8, 9, 63, 64, 65, 128, 2_000])
    func `reads back from its bytes`(count: Int) {
        var random = Randomness(seed: UInt64(count))
        let set = PieceSet(count: count, (0..<count).filter { _ in Bool.random(using: &random) })
        #expect(PieceSet(count: count, bytes: set.bytes) == set)
        #expect(set.members == Array(set).count)
        #expect(PieceSet.full(count: count).isFull)
        #expect(Array(PieceSet.full(count: count)) == Array(0..<count))
    }

    @Test func `ignores pieces that do not exist`() {
        var set = PieceSet(count: 3)
        let below = set.insert(-1)
        let above = set.insert(3)
        #expect(!below && !above)
        set.remove(1_000)
        #expect(set.isEmpty)
        #expect(!set.contains(-1))
    }

    @Test func `refuses bytes of another length or with spare bits`() {
        #expect(PieceSet(count: 3, bytes: [8]) == nil)
        #expect(PieceSet(count: 3, bytes: [1, 0]) == nil)
        #expect(PieceSet(count: 3, bytes: []) == nil)
        #expect(PieceSet(count: 70, bytes: Array(repeating: 255, count: 9)) == nil)
    }

    @Test func `subtracts and unites`() {
        let a = PieceSet(count: 100, [1, 64, 99])
        let b = PieceSet(count: 100, [64, 2])
        var c = a
        c.subtract(b)
        #expect(Array(c) == [1, 99])
        c = a
        c.formUnion(b)
        #expect(Array(c) == [1, 2, 64, 99])
    }

    @Test(arguments: [10, 128, 256, 300, 2_000], [10, 200, 300, 2_000])
    func `does with other sets what sets do`(count: Int, other: Int) {
        var random = Randomness(seed: UInt64(count + other))
        let (a, b) = (
            Set((0..<count).filter { _ in Bool.random(using: &random) }),
            Set((0..<other).filter { _ in Bool.random(using: &random) })
        )
        let range = count / 3..<count / 3 + count / 2
        let (left, right) = (PieceSet(count: count, a), PieceSet(count: other, b))
        func result(_ change: (inout PieceSet) -> Void) -> Set<Int> {
            var set = left
            change(&set)
            return Set(set)
        }
        let own = b.filter { $0 < count }
        #expect(result { $0.formUnion(right) } == a.union(own))
        #expect(result { $0.formUnion(right, in: range) } == a.union(own.filter(range.contains)))
        #expect(result { $0.subtract(right) } == a.subtracting(b))
        #expect(result { $0.formIntersection(right) } == a.intersection(b))
        #expect(left.isSuperset(of: right) == a.isSuperset(of: b))
    }
}
