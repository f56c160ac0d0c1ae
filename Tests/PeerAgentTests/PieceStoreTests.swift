import Integrity
import NIOCore
import PeerAgent
import Testing
import Vocabulary

@Suite struct `A piece store` {
    @Test func `takes what the record says, and nothing else`() {
        let segment = TestSegment(1, length: 40_000)
        var store = PieceStore(limit: 1 << 20)
        let id = segment.record.segment
        #expect(store.admit(PieceID(id, 0), segment.piece(0)) == .unknown)
        #expect(store.keep(leaves: segment.leaves, of: id) == nil)
        store.keep(segment.record, sealed: [1])
        #expect(store.admit(PieceID(id, 0), segment.piece(0)) == .early)
        #expect(store.admit(PieceID(id, 2), segment.piece(0)) == .bad)
        #expect(store.admit(PieceID(id, 3), segment.piece(0)) == .bad)
        #expect(store[PieceID(id, 0)] == nil && store.bytes == 0)
        #expect(store.keep(leaves: segment.leaves.reversed(), of: id) == false)
        #expect(store.keep(leaves: Array(segment.leaves.dropLast()), of: id) == false)
        #expect(store.keep(leaves: segment.leaves, of: id) == true)
        #expect(store.keep(leaves: segment.leaves, of: id) == true)
        #expect(store.keep(leaves: segment.leaves.reversed(), of: id) == false)

        #expect(store.admit(PieceID(id, 1), segment.piece(0)) == .bad)
        #expect(store.admit(PieceID(id, 3), segment.piece(0)) == .bad)
        #expect(store.admit(PieceID(id, -1), segment.piece(0)) == .bad)
        var flipped = segment.piece(2)
        flipped.setInteger(UInt8(0xFF) ^ (flipped.getInteger(at: flipped.readerIndex) ?? 0), at: flipped.readerIndex)
        #expect(store.admit(PieceID(id, 2), flipped) == .bad)
        #expect(store[PieceID(id, 2)] == nil)
        #expect(store.bytes == 0)

        for index in 0..<3 { #expect(store.admit(PieceID(id, index), segment.piece(index)) == .new) }
        #expect(store.admit(PieceID(id, 2), segment.piece(2)) == .known)
        #expect(store.admit(PieceID(id, 2), flipped) == .bad)
        #expect(store.bytes == 40_000)
        #expect(store[PieceID(id, 2)] == segment.piece(2))
        #expect(store[PieceID(id, 3)] == nil)
    }

    @Test func `knows which initialization sections its segments begin with`() {
        var record = TestSegment(1, length: 16_384).record
        let initialization = record.root
        var store = PieceStore(limit: 1 << 20)
        store.keep(record, sealed: [1])
        #expect(!store.needs(initialization))
        record.initialization = initialization
        store.keep(record, sealed: [1])
        #expect(store.needs(initialization))
        store.forget(record.segment)
        #expect(!store.needs(initialization))
    }

    @Test func `stays within its limit and gives back what is dropped`() {
        let first = TestSegment(1, length: 16_384)
        let second = TestSegment(2, length: 16_384)
        var store = PieceStore(limit: 20_000)
        for segment in [first, second] {
            store.keep(segment.record, sealed: [1])
            _ = store.keep(leaves: segment.leaves, of: segment.record.segment)
        }
        #expect(store.admit(PieceID(first.record.segment, 0), first.piece(0)) == .new)
        #expect(store.admit(PieceID(second.record.segment, 0), second.piece(0)) == .full)
        store.drop(first.record.segment)
        #expect(store.bytes == 0)
        #expect(store.record(first.record.segment) != nil)
        #expect(store.admit(PieceID(second.record.segment, 0), second.piece(0)) == .new)
        #expect(store.leaves(first.record.segment) == first.leaves)
        store.forget(second.record.segment)
        #expect(store.bytes == 0 && store.record(second.record.segment) == nil)
    }
}

/// A segment with content that only its number decides.
struct TestSegment {
    let record: Record
    let bytes: [UInt8]
    let leaves: [Word256]

    init(
        _ sequence: UInt64, length: Int, broadcast: BroadcastID = BroadcastID(.zero), previous: Word256 = .zero,
        isDiscontinuity: Bool = false, isLast: Bool = false, duration: Int64 = 1_000_000
    ) {
        var random = Randomness(seed: sequence)
        bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        leaves = MerkleTree.leaves(of: bytes)
        record = Record(
            broadcast: broadcast, epoch: 1, segment: SegmentID(rendition: 0, sequence: sequence),
            root: MerkleTree.root(ofLeaves: leaves), length: length, duration: duration,
            programTime: 1_700_000_000_000 + Int64(sequence) * duration / 1_000, isDiscontinuity: isDiscontinuity,
            isLast: isLast, previous: previous)
    }

    func piece(_ index: Int) -> ByteBuffer { ByteBuffer(bytes: bytes[record.range(ofPiece: index)]) }
}
