/// The attributes of one tag (RFC 8216, section 4.2): names, and values with their quotes removed.
package struct AttributeList: Hashable, Sendable {
    package private(set) var values: [String: String] = [:]
    package private(set) var isMalformed = false

    package init(parsing text: Substring) { isMalformed = !parse(text) }

    private mutating func parse(_ text: Substring) -> Bool {
        var rest = text[...]
        while !rest.isEmpty {
            guard let equals = rest.firstIndex(of: "=") else { return false }
            let name = String(rest[..<equals])
            rest = rest[rest.index(after: equals)...]
            let value: Substring
            if rest.first == "\"" {
                rest = rest.dropFirst()
                guard let quote = rest.firstIndex(of: "\"") else { return false }
                value = rest[..<quote]
                rest = rest[rest.index(after: quote)...]
            } else {
                value = rest.prefix { $0 != "," }
                rest = rest[value.endIndex...]
            }
            let isName =
                !name.isEmpty && name.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 45 }
            guard isName, values[name] == nil else { return false }
            values[name] = String(value)
            if rest.isEmpty { return true }
            guard rest.first == ",", rest.count > 1 else { return false }
            rest = rest.dropFirst()
        }
        return !values.isEmpty
    }

    package subscript(_ name: String) -> String? { values[name] }

    func integer(_ name: String) -> Int? { values[name].flatMap { Decimals.integer($0) } }
}

/// Numbers as playlists write them, small enough to reckon with.
enum Decimals {
    static func integer(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 15, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    /// Seconds as microseconds; `nil` for signs, exponents and what no segment could play.
    static func microseconds(_ text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = integer(parts[0]), whole < 1_000_000 else { return nil }
        guard parts.count == 2 else { return Int64(whole) * 1_000_000 }
        guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let digits = parts[1].prefix(6)
        let scale = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1][digits.utf8.count]
        return Int64(whole) * 1_000_000 + Int64((Int(digits) ?? 0) * scale)
    }

    /// ISO 8601 as milliseconds of Unix time.
    static func time(_ text: some StringProtocol) -> Int64? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            return integer(String(decoding: bytes[range], as: UTF8.self))
        }
        guard bytes.count >= 20, bytes[4] == 45, bytes[7] == 45, bytes[10] == 84, bytes[13] == 58, bytes[16] == 58,
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), (1970...9999).contains(year),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var place = 19
        var milliseconds = 0
        if bytes[place] == 46 {
            let digits = bytes[(place + 1)...].prefix { (48...57).contains($0) }
            guard !digits.isEmpty else { return nil }
            for index in 0..<3 {
                milliseconds =
                    milliseconds * 10 + (index < digits.count ? Int(digits[digits.startIndex + index]) - 48 : 0)
            }
            place = digits.endIndex
        }
        let zone = String(decoding: bytes[place...], as: UTF8.self)
        var offset = 0
        if zone != "Z" {
            let digits = zone.dropFirst().filter { $0 != ":" }
            guard zone.first == "+" || zone.first == "-", digits.utf8.count == 4, let clock = integer(digits) else {
                return nil
            }
            offset = (clock / 100 * 60 + clock % 100) * (zone.first == "-" ? -1 : 1)
        }
        // Howard Hinnant's days_from_civil: years of 400-year eras that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
        return Int64(seconds) * 1_000 + Int64(milliseconds)
    }
}
