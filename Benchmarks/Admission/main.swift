import Integrity
import NIOCore
import PeerAgent
import Vocabulary

// What a piece costs between the network and the store, beside its hash alone: the goal is a ratio of 1.05, for short
// segments and for the longest. A store that copied a segment's arrays for each piece would show it here. Rounds take
// turns, so that a busy machine is as unfair to one as to the other. Build it with -c release.

let bytes = [UInt8](repeating: 7, count: PieceID.length)
let content = ByteBuffer(bytes: bytes)
let clock = ContinuousClock()

func microseconds(_ count: Int, _ body: () -> Void) -> Double {
    let time = clock.measure(body)
    return time / .microseconds(1) / Double(count)
}

func hashing(_ count: Int) -> Double {
    var sum: UInt64 = 0
    let time = microseconds(count) {
        for _ in 0..<count {
            sum &+= content.withUnsafeReadableBytes { SHA256.hash($0) }.bytes.reduce(0) { $0 + UInt64($1) }
        }
    }
    precondition(sum > 0)
    return time
}

func admission(_ count: Int) -> Double {
    let leaves = [Word256](repeating: SHA256.hash(bytes), count: count)
    let segment = SegmentID(rendition: 0, sequence: 1)
    var store = PieceStore(limit: .max)
    store.keep(
        Record(
            broadcast: BroadcastID(.zero), epoch: 1, segment: segment, root: MerkleTree.root(ofLeaves: leaves),
            length: count * PieceID.length, duration: 1, programTime: 0, previous: .zero), sealed: [])
    precondition(store.keep(leaves: leaves, of: segment) == true)
    return microseconds(count) {
        for index in 0..<count { precondition(store.admit(PieceID(segment, index), content) == .new) }
    }
}

for count in [64, Limits.piecesPerSegment] {
    var hash = Double.infinity
    var admit = Double.infinity
    for _ in 0..<20 {
        hash = min(hash, hashing(2_000))
        admit = min(admit, (0..<2_000 / count).reduce(0) { sum, _ in sum + admission(count) } / Double(2_000 / count))
    }
    let ratio = (admit / hash * 1_000).rounded() / 1_000
    print("\(count) pieces a segment: hash \(hash) us, admitted \(admit) us a piece, ratio \(ratio) (goal 1.05)")
}
