import Foundation
import Integrity
import Stage
import Vocabulary

// Merkle leaves of 16 KiB beside `openssl speed -evp sha256 -bytes 16384`: the goal is a ratio of 0.9. Rounds take
// turns, so that a busy machine is as unfair to one as to the other. Build it with -c release.

let segment = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
let roundLength = 1.0

func leavesPerSecond() -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var bytes = 0
    while (clock.now - start) / .seconds(1) < roundLength {
        guard MerkleTree.leaves(of: segment).count == segment.count / PieceID.length else { return 0 }
        bytes += segment.count
    }
    return Double(bytes) / ((clock.now - start) / .seconds(1))
}

func opensslPerSecond() async throws -> Double {
    let options = ["speed", "-mr", "-seconds", "\(Int(roundLength))", "-bytes", "\(PieceID.length)", "-evp", "sha256"]
    let openssl = try Program("openssl", options)
    _ = try await openssl.ended(within: .seconds(30))
    // "+F:22:sha256:2041413632.00"
    let line = String(decoding: openssl.output, as: UTF8.self).split(separator: "\n").last { $0.hasPrefix("+F:") }
    guard let field = line?.split(separator: ":").last, let rate = Double(field) else {
        throw Program.Failure(description: "openssl speed printed no rate: \(openssl.complaints)")
    }
    return rate
}

var ours: [Double] = []
var theirs: [Double] = []
for round in 1...5 {
    ours.append(leavesPerSecond())
    theirs.append(try await opensslPerSecond())
    print("round \(round): ours \(Int(ours[round - 1] / 1e6)) MB/s, openssl \(Int(theirs[round - 1] / 1e6)) MB/s")
}
let best = (ours: ours.max() ?? 0, theirs: theirs.max() ?? 1)
let ratio = (best.ours / best.theirs * 100).rounded() / 100
print("best: ours \(Int(best.ours / 1e6)) MB/s, openssl \(Int(best.theirs / 1e6)) MB/s, ratio \(ratio) (goal 0.9)")
