import Glibc
package import Integrity
import Vocabulary

/// Why a data folder could not be used, in one sentence.
package struct DataFolderError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    static func system(_ verb: String, _ path: String) -> DataFolderError {
        DataFolderError("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}

/// The folder that holds a broadcast's key, journal and segments; one origin at a time may have it.
package final class DataFolder: Sendable {
    package let path: String
    package let key: SigningKey
    private let lock: Int32

    package init(_ path: String) throws {
        try Self.make(path)
        lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw DataFolderError.system("open", path + "/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw DataFolderError("the data folder \(path) is in use by another origin")
        }
        do {
            key = try Self.key(in: path)
            try Self.make(path + "/segments")
        } catch {
            close(lock)
            throw error
        }
        self.path = path
    }

    deinit {
        // Not by closing alone: a program that is being started just now has a copy of the descriptor for a moment.
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// The key of the broadcast whose data is at `path`; made on first use.
    package static func key(in path: String) throws -> SigningKey {
        try make(path)
        return try SigningKey.load(orMakeAt: path + "/key")
    }

    /// The sequence number after which the programme was over, although its record does not say so.
    var closing: UInt64? {
        DurableFile.read(path + "/closed", limit: 32).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    }

    func noteEnd(after sequence: UInt64) throws(DataFolderError) {
        try DurableFile.write(Array("\(sequence)".utf8), to: path + "/closed")
    }

    /// What is going on in it, for whoever lists the broadcasts.
    func note(_ state: String) { try? DurableFile.write(Array((state + "\n").utf8), to: path + "/state") }

    package static func state(in path: String) -> String? {
        DurableFile.read(path + "/state", limit: 4_096).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func make(_ path: String) throws(DataFolderError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("create", path) }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw DataFolderError("\(path) is no folder")
        }
    }
}

/// Files that are whole or not there at all.
enum DurableFile {
    /// On disk under its name when this returns.
    static func write(_ bytes: some Collection<UInt8>, to path: String) throws(DataFolderError) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system("create", temporary) }
        let isWritten = append(bytes, to: file) && fsync(file) == 0
        guard close(file) == 0, isWritten, rename(temporary, path) == 0 else {
            let error = DataFolderError.system("write", path)
            unlink(temporary)
            throw error
        }
        let folder = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/", O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    static func append(_ bytes: some Collection<UInt8>, to file: Int32) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return false }
            if count > 0 { rest = rest.dropFirst(count) }
        }
        return true
    }

    /// `nil` when there is no such file, or more bytes than `limit`.
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress?.advanced(by: filled), $0.count - filled)
            }
            guard count > 0 else { return nil }
            filled += count
        }
        return bytes
    }
}
