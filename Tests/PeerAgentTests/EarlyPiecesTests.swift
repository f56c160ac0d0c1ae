import NIOCore
import PeerAgent
import PeerCore
import Testing
import Vocabulary

@Suite struct `Early pieces` {
    private let first = SegmentID(rendition: 0, sequence: 1)
    private let second = SegmentID(rendition: 0, sequence: 2)
    private let near = Source.neighbor(LinkID(1))
    private let far = Source.neighbor(LinkID(2))
    private var early = EarlyPieces()

    /// Keeps pieces; returns for which of them the owner is to be told.
    @discardableResult
    private mutating func keep(_ segment: SegmentID, _ indices: some Sequence<Int>, from source: Source) -> [Int] {
        indices.filter { early.keep(PieceID(segment, $0), ByteBuffer(bytes: [1]), from: source) }
    }

    private mutating func take(_ segment: SegmentID) -> [Int] { early.take(segment).map(\.id.index) }

    @Test mutating func `are handed over once, in the order in which they came`() {
        keep(first, [3, 1, 2], from: near)
        keep(second, [0], from: .origin)
        let taken = [take(first), take(first)]
        #expect(taken == [[3, 1, 2], []])
        #expect(early.count == 1)
    }

    @Test mutating func `are told of once a segment and source`() {
        let told = [
            keep(first, [0, 1], from: .origin), keep(first, [1], from: near), keep(second, [2], from: .origin),
        ]
        #expect(told == [[0], [1], [2]])
        _ = take(first)
        let again = keep(first, [2, 3], from: .origin)
        #expect(again == [2])
    }

    @Test mutating func `are kept once from a source, and from each`() {
        keep(first, [0, 0, 0], from: near)
        keep(first, [0], from: far)
        #expect(early.count == 2)
        early.forget(near)
        let sources = early.take(first).map(\.source)
        #expect(sources == [far])
    }

    @Test mutating func `of a neighbor that brings too many push out its own oldest`() {
        keep(first, [0], from: near)
        keep(second, 0..<Limits.earlyPiecesPerLink + 10, from: far)
        #expect(early.count == Limits.earlyPiecesPerLink + 1)
        let taken = [take(first), take(second)]
        #expect(taken == [[0], Array(10..<Limits.earlyPiecesPerLink + 10)])
    }

    @Test mutating func `are never more than the limit`() {
        keep(first, 0..<Limits.earlyPieces + 5, from: .origin)
        #expect(early.count == Limits.earlyPieces)
        let oldest = take(first).first
        #expect(oldest == 5)
    }
}
