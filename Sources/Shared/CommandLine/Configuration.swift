/// A command's settings: what was typed wins over the environment, and that over the file.
///
/// A setting has one name in all three: `max-peers` is `--max-peers 5`, `TRIBUTARY_TRACKER_MAX_PEERS=5` and, in the
/// file, `max-peers = 5`. A name that is not known is refused with the place where it stands.
package struct Configuration: Sendable {
    /// One value and the place that it comes from, for whoever has to mend it.
    package struct Value: Hashable, Sendable {
        package var text: String
        package var place: String

        /// The sentence for somebody who has written what cannot be.
        package func complaint(_ reason: String) -> Complaint {
            Complaint("\(place): \(reason)", exitCode: Complaint.usage)
        }
    }

    private let values: [String: [Value]]

    /// - Parameters:
    ///   - names: all settings that there are.
    ///   - typed: what the command line says, by name.
    ///   - environment: of the process; only names that start with `prefix` are looked at.
    ///   - file: the file's name and text.
    package init(
        names: [String], typed: [String: [String]], environment: [String: String], prefix: String,
        file: (name: String, text: String)?
    ) throws(Complaint) {
        var values: [String: [Value]] = [:]
        if let file { values = try Self.parse(file.text, of: file.name, names: names) }
        for (key, text) in environment.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) {
            let name = key.dropFirst(prefix.count).lowercased().map { $0 == "_" ? "-" : $0 }
            let value = Value(text: text, place: "the environment variable \(key)")
            guard names.contains(String(name)) else { throw value.complaint("there is no such setting") }
            values[String(name)] = [value]
        }
        for (name, texts) in typed where !texts.isEmpty {
            values[name] = texts.map { Value(text: $0, place: "--\(name)") }
        }
        self.values = values
    }

    /// Lines of `name = value`; a line that starts with "#" says nothing. A name may stand in several lines.
    private static func parse(
        _ text: String, of file: String, names: [String]
    ) throws(Complaint) -> [String: [Value]] {
        var values: [String: [Value]] = [:]
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() {
            let line = trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let place = "\(file):\(number + 1)"
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw Value(text: "", place: place).complaint("a line is written \"name = value\"")
            }
            let name = String(trimmed(parts[0]))
            let value = Value(text: String(trimmed(parts[1])), place: place)
            guard names.contains(name) else { throw value.complaint("there is no setting \"\(name)\"") }
            values[name, default: []].append(value)
        }
        return values
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0.isWhitespace }
        return start.lastIndex { !$0.isWhitespace }.map { start[...$0] } ?? start.prefix(0)
    }

    // MARK: Reading

    package func value(_ name: String) throws(Complaint) -> Value? {
        guard let all = values[name], let first = all.first else { return nil }
        if all.count > 1 { throw all[1].complaint("\"\(name)\" can have one value only") }
        if first.text.isEmpty { throw first.complaint("\"\(name)\" has no value") }
        return first
    }

    package func text(_ name: String) throws(Complaint) -> String? { try value(name)?.text }

    package func number(_ name: String, in range: ClosedRange<Int>) throws(Complaint) -> Int? {
        guard let value = try value(name) else { return nil }
        guard let number = Int(value.text), range.contains(number) else {
            throw value.complaint(
                "\"\(name)\" is a number from \(range.lowerBound) to \(range.upperBound), not \"\(value.text)\"")
        }
        return number
    }

    package func flag(_ name: String) throws(Complaint) -> Bool {
        guard let value = try value(name) else { return false }
        switch value.text.lowercased() {
        case "yes", "true", "1", "on": return true
        case "no", "false", "0", "off": return false
        default: throw value.complaint("\"\(name)\" is yes or no, not \"\(value.text)\"")
        }
    }

    package func place(_ name: String) throws(Complaint) -> HostPort? {
        try value(name) == nil ? nil : places(name, default: "").first
    }

    /// Places to listen on: one line or option each, or several with commas between.
    package func places(_ name: String, default text: String) throws(Complaint) -> [HostPort] {
        guard let values = values[name] else { return [try HostPort(parsing: text)] }
        var places: [HostPort] = []
        for value in values {
            for item in value.text.split(separator: ",", omittingEmptySubsequences: false) {
                do throws(Complaint) {
                    places.append(try HostPort(parsing: String(Self.trimmed(item))))
                } catch { throw value.complaint(error.message) }
            }
        }
        return places
    }
}
