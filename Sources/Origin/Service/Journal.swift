import Glibc
package import Integrity
package import OriginCore
package import Vocabulary
import Wire

/// The append-only file of signed records: what makes sure that no number is ever given to two segments.
///
/// A record is on disk here before anybody hears of it. The file is a row of frames, each 4 bytes of length (big-endian)
/// and that many bytes; the first frame says whose journal it is, every other is a sealed record. Whatever follows the
/// last whole, well-signed frame was torn by a crash or set aside for later, was never published, and is cut off.
package final class Journal {
    private static let format: Int64 = 1
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
    /// What the master playlist has promised, once it has.
    package private(set) var variant: MasterPlaylist.Variant?
    /// What was found on opening, oldest first.
    package private(set) var records: [(record: Record, sealed: [UInt8])] = []

    package init(in folder: String, key: SigningKey) throws(DataFolderError) {
        path = folder + "/journal"
        self.key = key
        guard access(path, F_OK) == 0 else { return }
        guard let bytes = DurableFile.read(path, limit: 1 << 28) else { throw .system("read", path) }
        guard !bytes.isEmpty else { return }
        guard bytes.starts(with: Self.header), let first = Self.frame(in: bytes, at: Self.header.count),
            let fields = try? Bencode.Fields(parsing: Array(first)),
            (try? fields.integer("format", in: Self.format...Self.format)) != nil,
            let broadcast = try? fields.word("broadcast"),
            let target = try? fields.integer("target", in: 1...60),
            let left = try? fields.integer("discontinuities", in: 0...(1 << 48)),
            let variant = try? Self.variant(in: fields)
        else { throw DataFolderError("\(path) is no journal of this version: choose another data folder") }
        guard broadcast == key.broadcast.key else {
            throw DataFolderError("the data folder \(folder) belongs to the broadcast \(broadcast), not to its key")
        }
        targetDuration = Int(target)
        discontinuities = UInt64(left)
        self.variant = variant.bandwidth > 0 ? variant : nil
        length = first.endIndex
        while let frame = Self.frame(in: bytes, at: length) {
            guard let payload = try? Envelope.open(Array(frame), as: .record, by: key.broadcast),
                let record = try? Record(bencoded: payload)
            else { break }
            records.append((record, Array(frame)))
            length = frame.endIndex
        }
        guard !holdsRecord(after: length, of: bytes) else {
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

    /// What a playlist without a promise would have, when there is none.
    private static func variant(in fields: Bencode.Fields) throws(WireError) -> MasterPlaylist.Variant {
        func number(_ name: String) throws(WireError) -> Int { Int(try fields.integer(name, in: 0...(1 << 48))) }
        return MasterPlaylist.Variant(
            uri: Publication.playlist, bandwidth: try number("bandwidth"), averageBandwidth: try number("average"),
            codecs: try fields.text("codecs", limit: 256).split(separator: ",").map(String.init),
            width: try number("width"), height: try number("height"), framesPerKilosecond: try number("rate"))
    }

    private static func framed(_ payload: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) } + payload
    }

    private func openFile() throws(DataFolderError) {
        if file >= 0 { close(file) }
        file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0, ftruncate(file, length) == 0, lseek(file, length, SEEK_SET) == length else {
            throw .system("open", path)
        }
        // A file system that cannot reserve takes its chances.
        _ = posix_fallocate(file, length, Self.reserve)
    }

    /// Writes a new journal with nothing but these records in it.
    package func rewrite(
        targetDuration: Int, discontinuities: UInt64, variant: MasterPlaylist.Variant?, records: [[UInt8]]
    ) throws(DataFolderError) {
        let fields = Bencode.dictionary([
            "average": .integer(Int64(variant?.averageBandwidth ?? 0)),
            "bandwidth": .integer(Int64(variant?.bandwidth ?? 0)),
            "broadcast": .word(key.broadcast.key),
            "codecs": .text(variant?.codecs.joined(separator: ",") ?? ""),
            "discontinuities": .integer(Int64(clamping: discontinuities)),
            "format": .integer(Self.format),
            "height": .integer(Int64(variant?.height ?? 0)),
            "rate": .integer(Int64(variant?.framesPerKilosecond ?? 0)),
            "target": .integer(Int64(targetDuration)),
            "width": .integer(Int64(variant?.width ?? 0)),
        ])
        let bytes = Self.header + Self.framed(fields.encoded) + records.flatMap { Self.framed($0) }
        try DurableFile.write(bytes, to: path)
        length = bytes.count
        self.targetDuration = targetDuration
        self.discontinuities = discontinuities
        self.variant = variant
        try openFile()
    }

    /// The record is on disk when this returns; when it throws, the journal is as it was.
    package func append(_ sealed: [UInt8]) throws(DataFolderError) {
        let frame = Self.framed(sealed)
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
