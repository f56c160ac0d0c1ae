import Glibc
import Integrity
package import Vocabulary

/// Segments and initialization sections on disk, each in a file named by its root, so that a restarted origin still serves them.
package final class SegmentStore {
    /// The data folder.
    private let data: String
    private var isFailing = false

    package init(in data: String) { self.data = data }

    /// Where a segment is, in the data folder at `data`, once it is written.
    static func path(of root: Root, in data: String) -> String { "\(folder(in: data))/\(root)" }

    private static func folder(in data: String) -> String { data + "/segments" }

    private func path(of root: Root) -> String { Self.path(of: root, in: data) }

    /// The first failure after a success throws; later ones are the same story.
    package func write(_ bytes: [UInt8], as root: Root) throws(DataFolderError) {
        do throws(DataFolderError) {
            try DurableFile.write(bytes, to: path(of: root))
            isFailing = false
        } catch {
            guard !isFailing else { return }
            isFailing = true
            throw error
        }
    }

    /// The segment, if the file still holds what its name says.
    package func read(_ root: Root) -> (bytes: [UInt8], leaves: [Word256])? {
        guard let bytes = DurableFile.read(path(of: root), limit: Limits.segmentLength) else { return nil }
        let leaves = MerkleTree.leaves(of: bytes)
        return MerkleTree.root(ofLeaves: leaves) == root ? (bytes, leaves) : nil
    }

    package func remove(_ root: Root) { unlink(path(of: root)) }

    /// Removes what no record names: segments that a crash left behind.
    package func removeAll(but kept: Set<Root>) {
        let folder = Self.folder(in: data)
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), Root(hex: name).map(kept.contains) != true else { continue }
            unlink("\(folder)/\(name)")
        }
    }
}
