import Glibc
import Vocabulary

/// A file that an operator has written.
package enum TextFile {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// What tells one version of a file from the next.
    struct Version: Hashable {
        var inode: UInt
        var length: Int
        var seconds: Int
        var nanoseconds: Int
    }

    package static func read(_ path: String) throws(Failure) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("open", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &part, part.count)
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { break }
            bytes += part[..<count]
            guard bytes.count <= Limits.operatorFileLength else {
                throw Failure(description: "\(path) is longer than \(Limits.operatorFileLength) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(description: "\(path) is no UTF-8 text")
        }
        return text
    }

    /// `nil` when there is no such file.
    static func version(of path: String) -> Version? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Version(
            inode: UInt(status.st_ino), length: Int(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
    }

    private static func failure(_ verb: String, _ path: String) -> Failure {
        Failure(description: "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
