import Foundation
package import Stage

/// Lets namespaces choose the congestion control that most systems use, as long as a laboratory needs it.
package final class CongestionControl: Sendable {
    static let name = "cubic"
    private static let setting = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"

    /// What the machine allowed before; `nil` when that was enough.
    private let earlier: String?

    package init() throws(Program.Failure) {
        guard let allowed = try? String(contentsOfFile: Self.setting, encoding: .utf8) else {
            throw Program.Failure(description: "\(Self.setting) cannot be read")
        }
        guard !allowed.split(whereSeparator: \.isWhitespace).contains(Substring(Self.name)) else {
            earlier = nil
            return
        }
        earlier = allowed
        let wider = allowed.split(whereSeparator: \.isNewline).joined() + " \(Self.name)"
        guard Self.write(wider) else {
            throw Program.Failure(description: "the kernel does not allow the congestion control \(Self.name)")
        }
    }

    /// Undoes what `init` did.
    package func restore() {
        if let earlier { _ = Self.write(earlier) }
    }

    private static func write(_ text: String) -> Bool {
        guard let file = fopen(setting, "w") else { return false }
        let isWritten = fputs(text, file) >= 0
        return fclose(file) == 0 && isWritten
    }
}
