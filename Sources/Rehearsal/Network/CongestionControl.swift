import Glibc
import Stage

/// Lets a namespace choose the congestion control that most systems use.
enum CongestionControl {
    static let name = "cubic"
    private static let setting = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"

    /// Runs `body` while the machine allows namespaces to choose it, which only choosing needs. One at a time, of all
    /// processes, so that nobody takes away what another has just allowed.
    static func allowed(_ body: () throws(Program.Failure) -> Void) throws(Program.Failure) {
        let file = open(setting, O_RDWR | O_CLOEXEC)
        guard file >= 0, flock(file, LOCK_EX) == 0 else {
            throw Program.Failure(description: "\(setting) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count > 0 else { throw Program.Failure(description: "\(setting) cannot be read") }
        let earlier = String(decoding: bytes[..<count], as: UTF8.self)
        guard !earlier.split(whereSeparator: \.isWhitespace).contains(Substring(name)) else { return try body() }
        func write(_ text: String) -> Bool { pwrite(file, text, text.utf8.count, 0) == text.utf8.count }
        guard write(earlier.split(whereSeparator: \.isNewline).joined() + " \(name)") else {
            throw Program.Failure(description: "the kernel does not allow the congestion control \(name)")
        }
        defer { _ = write(earlier) }
        try body()
    }
}
