import Glibc

/// The lines of one file, read a block at a time, so that a file larger than memory is no trouble.
final class LineReader {
    let path: String
    /// The number of the line that `next` returned last, from 1.
    private(set) var line = 0
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    private static let block = 256 << 10
    /// Longer than any line of ours; a file that is not ours may have no line end at all.
    private static let longest = 4 << 20

    init(_ path: String) throws(ResultFailure) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path, errno) }
    }

    deinit { close(descriptor) }

    /// The next line without its end, or `nil` after the last.
    func next() throws(ResultFailure) -> String? {
        var searched = start
        while true {
            if let end = lineEnd(from: searched) {
                line += 1
                defer { start = end + 1 }
                return String(decoding: buffer[start..<end], as: UTF8.self)
            }
            searched = buffer.count
            guard !isAtEnd else { break }
            guard buffer.count - start < Self.longest else {
                throw .malformed(path, line: line + 1, "the line does not end; this is no result file")
            }
            searched -= start
            buffer.removeFirst(start)
            start = 0
            try fill()
        }
        guard start == buffer.count else {
            throw .malformed(path, line: line + 1, "the file ends in the middle of a line; it is not complete")
        }
        return nil
    }

    private func lineEnd(from position: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, position < bytes.count else { return nil }
            let found = memchr(base + position, Int32(UInt8(ascii: "\n")), bytes.count - position)
            return found.map { UnsafeRawPointer($0) - base }
        }
    }

    private func fill() throws(ResultFailure) {
        var count = 0
        let block = [UInt8](unsafeUninitializedCapacity: Self.block) { bytes, used in
            repeat { count = read(descriptor, bytes.baseAddress, Self.block) } while count < 0 && errno == EINTR
            used = max(0, count)
        }
        guard count >= 0 else { throw .unreadable(path, errno) }
        buffer.append(contentsOf: block)
        isAtEnd = count == 0
    }
}
