/// Which bytes of a body a Range header asks for (RFC 9110, section 14.2).
package enum ByteRange: Hashable, Sendable {
    /// No single byte range was asked for: answer 200 with everything.
    case whole
    /// Answer 206.
    case partial(Range<Int>)
    /// Answer 416.
    case unsatisfiable

    /// Several ranges, other units and syntax errors mean the whole body, as the RFC allows.
    package static func parse(_ header: String, length: Int) -> ByteRange {
        let unit = "bytes="
        guard header.utf8.count <= 64, header.lowercased().hasPrefix(unit) else { return .whole }
        let bounds = header.dropFirst(unit.count).split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.drop { $0 == " " } }
        guard bounds.count == 2 else { return .whole }
        if bounds[0].isEmpty {
            guard let suffix = number(bounds[1]) else { return .whole }
            return suffix == 0 || length == 0 ? .unsatisfiable : .partial(max(0, length - suffix)..<length)
        }
        guard let first = number(bounds[0]) else { return .whole }
        guard !bounds[1].isEmpty else { return first < length ? .partial(first..<length) : .unsatisfiable }
        guard let last = number(bounds[1]), last >= first else { return .whole }
        return first < length ? .partial(first..<min(length - 1, last) + 1) : .unsatisfiable
    }

    private static func number(_ digits: Substring) -> Int? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        // Nineteen nines do not fit, but they only ever mean "to the end".
        return Int(digits) ?? .max
    }
}
