import Glibc
package import Logging

/// Sends every log line to standard error, as "time level label: message key=value ...".
package func bootstrapLogging(level: Logger.Level = .info) {
    LoggingSystem.bootstrap { label in StandardErrorLog(label: label, logLevel: level) }
}

private struct StandardErrorLog: LogHandler {
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "\(Self.time()) \(event.level) \(label): \(event.message)"
        let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        write(Self.oneLine(line) + "\n", to: STDERR_FILENO)
    }

    /// Text from outside must not forge a line of its own or steer the terminal.
    private static func oneLine(_ text: String) -> String {
        var safe = ""
        safe.unicodeScalars.append(
            contentsOf: text.unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? "?" : $0 })
        return safe
    }

    /// UTC, to the millisecond.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date = [
            digits(Int(parts.tm_year) + 1900, 4), digits(Int(parts.tm_mon) + 1, 2), digits(Int(parts.tm_mday), 2),
        ]
        let clock = [digits(Int(parts.tm_hour), 2), digits(Int(parts.tm_min), 2), digits(Int(parts.tm_sec), 2)]
        return date.joined(separator: "-") + "T" + clock.joined(separator: ":") + "."
            + digits(now.tv_nsec / 1_000_000, 3) + "Z"
    }
}
