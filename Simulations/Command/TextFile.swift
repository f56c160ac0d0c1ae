import Glibc
import Scenarios

/// A small file that somebody named, read whole.
struct TextFile {
    let text: String

    private static let limit = 256 << 20

    /// - Throws: one sentence that says why it can't be read.
    init(_ path: String) throws(ScenarioError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.failure(path, errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(file, &part, part.count)
            guard count >= 0 else { throw Self.failure(path, errno) }
            guard bytes.count + count <= Self.limit else { throw Self.failure(path, EFBIG) }
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        // Some editors mark what is UTF-8 at its beginning.
        text = String(decoding: bytes.starts(with: Self.mark) ? bytes[Self.mark.count...] : bytes[...], as: UTF8.self)
    }

    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

    private static func failure(_ path: String, _ code: Int32) -> ScenarioError {
        ScenarioError("\(path) can't be read: \(String(cString: strerror(code)))")
    }
}
