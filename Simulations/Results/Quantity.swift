/// A parameter's value as a number with a unit, where it is one.
package struct Quantity: Hashable, Sendable {
    package let number: Double
    package let unit: String

    /// By dimension, in its base unit.
    private static let scales: [String: (dimension: String, factor: Double)] = [
        "bit/s": ("rate", 1), "kbit/s": ("rate", 1e3), "Mbit/s": ("rate", 1e6), "Gbit/s": ("rate", 1e9),
        "B": ("size", 1), "kB": ("size", 1e3), "MB": ("size", 1e6), "GB": ("size", 1e9), "KiB": ("size", 1_024),
        "MiB": ("size", 1_048_576), "GiB": ("size", 1_073_741_824), "us": ("time", 1e-6), "ms": ("time", 1e-3),
        "s": ("time", 1), "min": ("time", 60), "h": ("time", 3_600),
    ]

    /// Reads "8 Mbit/s", "30" or "25 %".
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        if words.count == 1, text.hasSuffix("%"), let number = Numeral.value(text.dropLast()) {
            self.init(number: number, unit: "%")
            return
        }
        guard (1...2).contains(words.count), let number = Numeral.value(words[0]) else { return nil }
        self.init(number: number, unit: words.count == 2 ? String(words[1]) : "")
    }

    private init(number: Double, unit: String) {
        self.number = number
        self.unit = unit
    }

    /// All values in one unit, or `nil` when they have none in common.
    package static func common(_ texts: [String]) -> (numbers: [Double], unit: String)? {
        let quantities = texts.compactMap { Quantity($0) }
        guard quantities.count == texts.count, let first = quantities.first else { return nil }
        if quantities.allSatisfy({ $0.unit == first.unit }) { return (quantities.map(\.number), first.unit) }
        let known = quantities.compactMap { scales[$0.unit] }
        guard known.count == quantities.count, Set(known.map(\.dimension)).count == 1,
            let widest = quantities.max(by: { (scales[$0.unit]?.factor ?? 0) < (scales[$1.unit]?.factor ?? 0) }),
            let target = scales[widest.unit]
        else { return nil }
        return (zip(quantities, known).map { $0.number * $1.factor / target.factor }, widest.unit)
    }

    /// Orders labels as people do: "2 Mbit/s" before "10 Mbit/s".
    package static func precedes(_ a: String, _ b: String) -> Bool {
        let (first, second) = (a.split(separator: " "), b.split(separator: " "))
        for (x, y) in zip(first, second) where x != y {
            func number(_ word: Substring) -> Double? {
                Numeral.value(word.last == "," || word.last == "%" ? word.dropLast() : word)
            }
            if let left = number(x), let right = number(y), left != right { return left < right }
            return x < y
        }
        return first.count < second.count
    }
}
