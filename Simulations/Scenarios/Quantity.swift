/// Numbers with units, as scenario files spell them: `8 Mbit/s`, `2 x`, `40 ms`, `10 %`.
enum Quantity {
    private static let rates = [("bit/s", 1.0), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9)]
    private static let times = [("s", 1.0), ("us", 1e-6), ("ms", 1e-3), ("min", 60.0), ("h", 3_600.0)]
    private static let sizes = [
        ("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("KiB", 1_024.0), ("MiB", 1_048_576.0),
    ]
    private static let frequencies = [("/s", 1.0), ("/min", 1.0 / 60), ("/h", 1.0 / 3_600)]

    /// The number at the start of `text`, and what follows it.
    static func split(_ text: some StringProtocol) -> (number: Double, unit: String)? {
        let text = trim(text)
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard digits.count <= 24, let number = Double(digits), number.isFinite else { return nil }
        return (number, trim(text.dropFirst(digits.count)))
    }

    private static func parse(_ text: some StringProtocol, _ units: [(String, Double)]) -> Double? {
        guard let (number, unit) = split(text), let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
        return number * factor
    }

    /// Bits per second.
    static func rate(_ text: some StringProtocol) -> Double? { parse(text, rates) }

    /// Seconds.
    static func time(_ text: some StringProtocol) -> Double? { parse(text, times) }

    /// Bytes; a fraction of one is refused.
    static func size(_ text: some StringProtocol) -> Int? {
        guard let bytes = parse(text, sizes), bytes < 1e15, bytes == bytes.rounded() else { return nil }
        return Int(bytes)
    }

    /// Per second.
    static func frequency(_ text: some StringProtocol) -> Double? { parse(text, frequencies) }

    /// A share from 0 to 1.
    static func share(_ text: some StringProtocol) -> Double? {
        guard let (number, unit) = split(text), unit == "%", number <= 100 else { return nil }
        return number / 100
    }

    /// A share per second.
    static func turnover(_ text: some StringProtocol) -> Double? {
        guard let (number, unit) = split(text), unit.hasPrefix("%"),
            let factor = frequencies.first(where: { $0.0 == trim(unit.dropFirst()) })?.1
        else { return nil }
        return number / 100 * factor
    }

    static func count(_ text: some StringProtocol) -> Int? {
        let text = trim(text)
        guard text.count <= 18, !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(text)
    }

    static func number(_ text: some StringProtocol) -> Double? {
        guard let (number, unit) = split(text), unit.isEmpty else { return nil }
        return number
    }

    /// `name(a, b)` taken apart; a bare `name` has no arguments.
    static func call(_ text: some StringProtocol) -> (name: String, arguments: [String])? {
        let text = trim(text)
        guard let open = text.firstIndex(of: "(") else { return (text, []) }
        guard text.last == ")" else { return nil }
        let inside = text[text.index(after: open)...].dropLast()
        guard !inside.contains("("), !inside.contains(")") else { return nil }
        return (trim(text[..<open]), inside.split(separator: ",", omittingEmptySubsequences: false).map { trim($0) })
    }

    static func trim(_ text: some StringProtocol) -> String {
        var rest = Substring(text)
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }

    /// The shortest decimal that gives the same number again.
    static func spell(_ number: Double) -> String {
        guard number == number.rounded(), abs(number) < 1e15 else { return plain(number) }
        return String(Int(number))
    }

    /// Without an exponent, which the grammar does not have.
    private static func plain(_ number: Double) -> String {
        let text = "\(number)"
        guard let mark = text.firstIndex(where: { $0 == "e" }), let exponent = Int(text[text.index(after: mark)...])
        else { return text }
        let digits = text[..<mark].filter { $0 != "." }
        guard exponent < 0 else {
            return digits + String(repeating: "0", count: max(0, exponent + 1 - digits.count))
        }
        return "0." + String(repeating: "0", count: -exponent - 1) + digits
    }

    /// `share` of one in percent, such that it is read as the same share again.
    static func spellShare(_ share: Double) -> String { spell((share * 1e11).rounded() / 1e9) + " %" }
}
