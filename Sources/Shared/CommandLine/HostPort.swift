/// A place to listen on or to call, written "127.0.0.1:8080", "localhost:8080" or "[::1]:0".
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package init(parsing text: String) throws(Complaint) {
        func complaint(_ reason: String) -> Complaint {
            Complaint("\"\(text)\" is no address: \(reason)", exitCode: Complaint.usage)
        }
        guard let colon = text.lastIndex(of: ":") else {
            throw complaint("write it as HOST:PORT, for example 127.0.0.1:8080")
        }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            throw complaint("the port must be a number from 0 to 65535")
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw complaint("write an IPv6 address in brackets, for example [::1]:8080")
        }
        guard !host.isEmpty else { throw complaint("it names no host") }
        guard host.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { throw complaint("its host has strange characters") }
        self.host = String(host)
        self.port = Int(port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
