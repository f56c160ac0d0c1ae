import Glibc
import Integrity
package import Vocabulary

/// The stream keys of one broadcast: the file `stream-keys` of its data folder, one key a line, never the key itself.
///
/// A line holds the key's name, the Unix second of its making, and its hash.
package struct KeyRing: Sendable {
    package struct Entry: Hashable, Sendable {
        package var name: String
        package var made: Int64
        package var hash: Word256
    }

    package private(set) var entries: [Entry] = []
    private let folder: String

    private static let lengthLimit = 1 << 20
    private static func path(_ folder: String) -> String { folder + "/stream-keys" }

    /// What is there now; a folder without the file has no keys.
    package init(in folder: String) throws(DataFolderError) {
        self.folder = folder
        let path = Self.path(folder)
        guard access(path, F_OK) == 0 else { return }
        guard let bytes = DurableFile.read(path, limit: Self.lengthLimit) else { throw .system("read", path) }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, Self.isName(words[0]), let made = Int64(words[1]), let hash = Word256(hex: words[2])
            else { throw DataFolderError("\(path) has a line that is no stream key: make the keys again") }
            entries.append(Entry(name: String(words[0]), made: made, hash: hash))
        }
    }

    /// Names are for people, and for file names.
    package static func isName(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix("-")
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (48...57).contains($0)
                    || $0 == UInt8(ascii: "-")
            }
    }

    /// Makes a key and returns it, for the only time.
    package static func make(_ name: String, in folder: String) throws(DataFolderError) -> String {
        try exclusively(in: folder) { ring throws(DataFolderError) in
            guard !ring.entries.contains(where: { $0.name == name }) else {
                throw DataFolderError(
                    "there is a stream key named \(name) already: revoke it first, or choose another name")
            }
            let key = StreamKey.make()
            ring.entries.append(Entry(name: name, made: Int64(time(nil)), hash: StreamKey.hash(key)))
            try ring.save()
            return key
        }
    }

    package static func revoke(_ name: String, in folder: String) throws(DataFolderError) {
        try exclusively(in: folder) { ring throws(DataFolderError) in
            guard let place = ring.entries.firstIndex(where: { $0.name == name }) else {
                throw DataFolderError("there is no stream key named \(name)")
            }
            ring.entries.remove(at: place)
            try ring.save()
        }
    }

    /// Two commands at once must not undo each other's change.
    private static func exclusively<Result>(
        in folder: String, _ change: (inout KeyRing) throws(DataFolderError) -> Result
    ) throws(DataFolderError) -> Result {
        let file = open(path(folder) + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0, flock(file, LOCK_EX) == 0 else { throw .system("lock", path(folder)) }
        defer { close(file) }
        var ring = try KeyRing(in: folder)
        return try change(&ring)
    }

    private func save() throws(DataFolderError) {
        let text = entries.map { "\($0.name) \($0.made) \($0.hash)\n" }.joined()
        try DurableFile.write(Array(text.utf8), to: Self.path(folder))
    }
}
