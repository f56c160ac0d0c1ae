import Glibc

/// Why results cannot be read or written, in one sentence for the person who asked.
package struct ResultFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// As in `sysexits.h`.
    package let exitCode: Int32

    package static let usage: Int32 = 64
    package static let malformed: Int32 = 65
    package static let missing: Int32 = 66
    package static let cannotCreate: Int32 = 73

    package init(_ description: String, exitCode: Int32) {
        self.description = description
        self.exitCode = exitCode
    }

    static func unwritable(_ path: String, _ code: Int32) -> ResultFailure {
        let reason =
            switch code {
            case ENOSPC: "the disk is full"
            case EDQUOT: "the disk quota is used up"
            case EFBIG: "the file would be larger than this system allows"
            case EROFS: "the file system is read-only"
            case EACCES, EPERM: "this user may not write there"
            case ENOTDIR: "a part of that path is a file"
            default: String(cString: strerror(code))
            }
        return ResultFailure("cannot write \(path): \(reason)", exitCode: cannotCreate)
    }

    static func unreadable(_ path: String, _ code: Int32) -> ResultFailure {
        let reason =
            switch code {
            case ENOENT: "there is no such file"
            case EACCES, EPERM: "this user may not read it"
            case EISDIR: "it is a folder"
            default: String(cString: strerror(code))
            }
        return ResultFailure("cannot read \(path): \(reason)", exitCode: missing)
    }

    static func malformed(_ path: String, line: Int, _ reason: String) -> ResultFailure {
        ResultFailure("\(path), line \(line): \(reason)", exitCode: malformed)
    }

    /// Text from a file, short and without what could steer a terminal.
    static func quoted(_ text: some StringProtocol) -> String {
        var safe = ""
        safe.unicodeScalars.append(
            contentsOf: text.unicodeScalars.prefix(40).map {
                $0.value < 32 || (127..<160).contains($0.value) ? "?" : $0
            })
        return "\"\(safe)\(text.unicodeScalars.count > 40 ? "..." : "")\""
    }
}
