import Vocabulary

/// Names a run by what it was asked: the same parameters, seed and tier have the same id, everywhere and always.
package struct RunID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 16 lowercase hexadecimal digits.
    package let description: String

    package init(parameters: [Parameter], seed: UInt64, tier: String) {
        // FNV-1a (Fowler, Noll, Vo), its bits spread at the end; the order in which parameters are listed is no matter.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 + [10] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        add(tier)
        add(String(seed))
        for parameter in parameters.sorted(by: { $0.key < $1.key }) { add("\(parameter.key)=\(parameter.value)") }
        let digits = String(Randomness.mix(hash), radix: 16)
        description = String(repeating: "0", count: 16 - digits.count) + digits
    }

    package init?(parsing text: some StringProtocol) {
        let digits = Set("0123456789abcdef".utf8)
        guard text.utf8.count == 16, text.utf8.allSatisfy(digits.contains) else { return nil }
        description = String(text)
    }

    package static func < (a: RunID, b: RunID) -> Bool { a.description < b.description }
}

/// One key of a scenario and its value with its unit, as a scenario file spells them.
package struct Parameter: Hashable, Sendable {
    package let key: String
    package let value: String

    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }

    /// Reads "key=value"; what lacks a value has an empty one.
    package init(assignment: String) {
        let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        func trimmed(_ text: Substring) -> String {
            String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        self.init(trimmed(parts[0]), parts.count > 1 ? trimmed(parts[1]) : "")
    }
}
