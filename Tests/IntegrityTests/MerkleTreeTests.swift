import Foundation
import Integrity
import Testing
import Vocabulary

@Suite struct `A Merkle tree` {
    /// The same bytes as Vectors/make.py makes.
    static func pattern(_ length: Int) -> [UInt8] {
        (0..<length).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 / 251) }
    }

    static let vectors: [(length: Int, root: String)] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors/pieces-roots.txt")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 2, let length = Int(fields[0]) else { return nil }
            return (length, String(fields[1]))
        }
    }()

    @Test func `has the roots that a BitTorrent v2 tool computes`() {
        #expect(Self.vectors.count == 15)
        for (length, root) in Self.vectors {
            #expect(MerkleTree.root(of: Self.pattern(length)).description == root, "length \(length)")
        }
    }

    @Test func `has another root when any one bit of any piece differs`() {
        var segment = Self.pattern(5 * PieceID.length + 100)
        let root = MerkleTree.root(of: segment)
        for place in stride(from: 0, to: segment.count, by: 8_191) {
            segment[place] ^= 1
            #expect(MerkleTree.root(of: segment) != root)
            segment[place] ^= 1
        }
        #expect(MerkleTree.root(of: segment) == root)
    }

    @Test func `has another root for leaves in another number or order`() {
        let leaves = MerkleTree.leaves(of: Self.pattern(3 * PieceID.length))
        let root = MerkleTree.root(ofLeaves: leaves)
        #expect(MerkleTree.root(ofLeaves: leaves + [leaves[2]]) != root)
        #expect(MerkleTree.root(ofLeaves: [leaves[1], leaves[0], leaves[2]]) != root)
        #expect(MerkleTree.root(ofLeaves: Array(leaves.dropLast())) != root)
    }

    @Test func `has a root for every number of leaves up to the limit's neighborhood`() {
        let leaf = SHA256.hash([1, 2, 3])
        var seen: Set<Root> = []
        for count in 1...300 { seen.insert(MerkleTree.root(ofLeaves: Array(repeating: leaf, count: count))) }
        #expect(seen.count == 300)
    }
}
