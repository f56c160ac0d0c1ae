import Glibc

/// Writes one file from its first byte to its last, and says when that cannot be done.
final class FileWriter {
    /// What the file will be called in the end, for complaints.
    private let name: String
    private var descriptor: Int32
    private var buffer: [UInt8] = []

    private static let block = 1 << 18

    /// The file must not exist yet.
    init(_ path: String, toBecome name: String) throws(ResultFailure) {
        self.name = name
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(name, errno) }
        buffer.reserveCapacity(Self.block + 1024)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ text: String) throws(ResultFailure) {
        var text = text
        text.withUTF8 { buffer.append(contentsOf: $0) }
        if buffer.count >= Self.block { try flush() }
    }

    /// After this the bytes are on the disk, whatever happens to the machine.
    func finish() throws(ResultFailure) {
        try flush()
        // A file system that cannot sync, such as a pipe's, has nothing to lose.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw .unwritable(name, errno) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 || errno == EINTR else { throw .unwritable(name, errno) }
    }

    private func flush() throws(ResultFailure) {
        var position = 0
        while position < buffer.count {
            let written = buffer.withUnsafeBytes { bytes in
                write(descriptor, bytes.baseAddress.map { $0 + position }, bytes.count - position)
            }
            if written >= 0 {
                position += written
            } else if errno != EINTR {
                throw .unwritable(name, errno)
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
