import Glibc

/// A small file that somebody named, read whole.
struct TextFile {
    let text: String

    private static let limit = 256 << 20

    init?(_ path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(file, &part, part.count)
            guard count >= 0, bytes.count + count <= Self.limit else { return nil }
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        text = String(decoding: bytes, as: UTF8.self)
    }
}
