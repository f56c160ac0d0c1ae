import Glibc

/// Numbers as result files spell them: the same on every machine, with `.` as the point.
package enum Numeral {
    /// Whole numbers that a `Double` holds exactly are written exactly.
    private static let wholeLimit = 9_007_199_254_740_992.0

    /// The shortest decimal for `value`, rounded to at most nine significant digits unless it is whole.
    ///
    /// `value` must be finite: a figure without data is left out of a file.
    package static func text(_ value: Double) -> String {
        precondition(value.isFinite, "a figure without data has no numeral")
        if abs(value) < wholeLimit, value == value.rounded() { return String(Int64(value)) }
        // C rounds the exact binary value correctly; only the layout is ours.
        let scientific = String(unsafeUninitializedCapacity: 32) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                withVaList([value]) { Int(vsnprintf(characters.baseAddress, characters.count, "%.8e", $0)) }
            }
        }
        let parts = scientific.split(separator: "e")
        let exponent = Int(parts[1]) ?? 0
        var digits = Array(parts[0].utf8.filter { (48...57).contains($0) })
        while digits.count > 1, digits.last == 48 { digits.removeLast() }
        return (value < 0 ? "-" : "") + layout(digits, exponent)
    }

    /// `digits` with the point after the first, times ten to `exponent`.
    private static func layout(_ digits: [UInt8], _ exponent: Int) -> String {
        func string(_ part: ArraySlice<UInt8>) -> String { String(decoding: part, as: UTF8.self) }
        if exponent < -6 || exponent > 15 {
            let fraction = digits.count > 1 ? "." + string(digits[1...]) : ""
            return string(digits[..<1]) + fraction + "e\(exponent)"
        }
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + string(digits[...]) }
        if exponent + 1 >= digits.count {
            return string(digits[...]) + String(repeating: "0", count: exponent + 1 - digits.count)
        }
        return string(digits[...exponent]) + "." + string(digits[(exponent + 1)...])
    }

    /// The finite number that `text` spells, if it is one: no `nan`, no `inf`, no hexadecimal, nothing too large.
    package static func value(_ text: some StringProtocol) -> Double? {
        guard text.utf8.count <= 64, text.utf8.allSatisfy({ isNumeric($0) }), let value = Double(text), value.isFinite
        else { return nil }
        return value
    }

    private static func isNumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || [43, 45, 46, 69, 101].contains(byte)
    }
}
