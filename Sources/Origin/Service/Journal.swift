import Glibc
package import Integrity
package import Vocabulary
import Wire

/// The append-only file of signed records: what makes sure that no number is ever given to two segments.
///
/// A record is on disk here before anybody hears of it. The file is a row of frames, each 4 bytes of length (big-endian)
/// and that many bytes; the first frame says whose journal it is, every other is a sealed record. Whatever follows the
/// last whole, well-signed frame was torn by a crash or set aside for later, was never published, and is cut off. Of the
/// records of one number rendition 0's comes last: without it the others are torn, too.
package final class Journal {
    private static let format: Int64 = 2
    private static let header = Array("tributary-journal\n".utf8)
    /// Bytes that are set aside on disk, so that records still fit when segments have filled it.
    private static let reserve = 1 << 20

    /// Bytes after a bad record that are searched for good ones.
    private static let searched = 16 << 10

    private let path: String
    private let key: SigningKey
    private var file: Int32 = -1
    private var length = 0
    package private(set) var targetDuration: Int?
    /// Discontinuities that left the window before the first record of the journal.
    package private(set) var discontinuities: UInt64 = 0
    /// What the multivariant playlist has promised, once it has.
    package private(set) var renditions: [Rendition] = []
    /// What was found on opening, oldest first: the records of one number, by rendition.
    package private(set) var rows: [[(record: Record, sealed: [UInt8])]] = []

    package init(in folder: String, key: SigningKey) throws(DataFolderError) {
        path = folder + "/journal"
        self.key = key
        guard access(path, F_OK) == 0 else {
            guard errno == ENOENT else { throw .system("read", path) }
            return
        }
        guard let bytes = DurableFile.read(path, limit: 1 << 28) else { throw .system("read", path) }
        guard !bytes.isEmpty else { return }
        guard bytes.starts(with: Self.header), let first = Self.frame(in: bytes, at: Self.header.count),
            let fields = try? Bencode.Fields(parsing: Array(first)),
            (try? fields.integer("format", in: 1...Self.format)) != nil,
            let broadcast = try? fields.word("broadcast"),
            let target = try? fields.integer("target", in: 1...60),
            let left = try? fields.integer("discontinuities", in: 0...(1 << 48)),
            let renditions = try? Self.renditions(in: fields)
        else { throw DataFolderError("\(path) is no journal of this version: choose another data folder") }
        guard broadcast == key.broadcast.key else {
            throw DataFolderError("the data folder \(folder) belongs to the broadcast \(broadcast), not to its key")
        }
        targetDuration = Int(target)
        discontinuities = UInt64(left)
        self.renditions = renditions
        length = first.endIndex
        var end = length
        var row: [(record: Record, sealed: [UInt8])] = []
        while let frame = Self.frame(in: bytes, at: end) {
            guard let payload = try? Envelope.open(Array(frame), as: .record, by: key.broadcast),
                let record = try? Record(bencoded: payload)
            else { break }
            end = frame.endIndex
            if row.first?.record.segment.sequence != record.segment.sequence { row = [] }
            row.append((record, Array(frame)))
            guard record.segment.rendition == 0 else { continue }
            rows.append(row.reversed())
            length = end
        }
        guard !holdsRecord(after: end, of: bytes) else {
            throw DataFolderError(
                "\(path) is damaged before its end: numbers would be given away again; choose another data folder")
        }
        try openFile()
    }

    deinit {
        if file >= 0 { close(file) }
    }

    private static func frame(in bytes: [UInt8], at start: Int) -> ArraySlice<UInt8>? {
        guard start + 4 <= bytes.count else { return nil }
        let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        guard length > 0, length <= 64 << 10, start + 4 + length <= bytes.count else { return nil }
        return bytes[start + 4..<start + 4 + length]
    }

    /// A crash tears only the last record; when a good one follows a bad one, published records were lost.
    private func holdsRecord(after start: Int, of bytes: [UInt8]) -> Bool {
        guard let last = bytes[start...].lastIndex(where: { $0 != 0 }), last > start else { return false }
        return (start + 1...min(last, start + Self.searched)).contains { position in
            guard let frame = Self.frame(in: bytes, at: position), frame.count <= Limits.recordLength + 64 else {
                return false
            }
            return (try? Envelope.open(Array(frame), as: .record, by: key.broadcast)) != nil
        }
    }

    private static func renditions(in fields: Bencode.Fields) throws(WireError) -> [Rendition] {
        // A journal of format 1 made its promise in another way: it is made again.
        guard fields.has("renditions") else { return [] }
        var renditions: [Rendition] = []
        for value in try fields.list("renditions", limit: Limits.renditions) { renditions.append(try Rendition(value)) }
        return renditions
    }

    private static func framed(_ payload: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) } + payload
    }

    private func openFile() throws(DataFolderError) {
        // What is open may be a journal that has been replaced.
        if file >= 0 { close(file) }
        file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0, ftruncate(file, length) == 0, lseek(file, length, SEEK_SET) == length else {
            let error = DataFolderError.system("open", path)
            if file >= 0 { close(file) }
            file = -1
            throw error
        }
        // A file system that cannot reserve takes its chances.
        _ = posix_fallocate(file, length, Self.reserve)
    }

    /// Writes a new journal with nothing but these rows in it.
    package func rewrite(
        targetDuration: Int, discontinuities: UInt64, renditions: [Rendition], rows: [[[UInt8]]]
    ) throws(DataFolderError) {
        let fields = Bencode.dictionary([
            "broadcast": .word(key.broadcast.key),
            "discontinuities": .integer(Int64(clamping: discontinuities)),
            "format": .integer(Self.format),
            "renditions": .list(renditions.map(\.bencode)),
            "target": .integer(Int64(targetDuration)),
        ])
        let bytes = Self.header + Self.framed(fields.encoded) + rows.flatMap(Self.framed)
        try DurableFile.write(bytes, to: path)
        length = bytes.count
        self.targetDuration = targetDuration
        self.discontinuities = discontinuities
        self.renditions = renditions
        try openFile()
    }

    private static func framed(_ row: [[UInt8]]) -> [UInt8] { row.reversed().flatMap { framed($0) } }

    /// The records of one number, by rendition, are on disk when this returns; when it throws, the journal is as it was.
    package func append(_ row: [[UInt8]]) throws(DataFolderError) {
        if file < 0 { try openFile() }
        let frame = Self.framed(row)
        guard DurableFile.append(frame, to: file), fdatasync(file) == 0 else {
            let error = DataFolderError.system("write", path)
            lseek(file, length, SEEK_SET)
            throw error
        }
        length += frame.count
    }

    /// Worth rewriting with what is still needed.
    package var isLong: Bool { length > Self.reserve / 2 }
}
