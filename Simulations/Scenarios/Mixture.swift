/// Names with shares that make up the whole: `none 40 %, full 60 %`.
package struct Mixture: Hashable, Sendable {
    package struct Part: Hashable, Sendable {
        package let name: String
        package let share: Double
    }

    package let parts: [Part]

    /// - Parameter names: those that there are; `nil` when that is known only later.
    init?(_ text: String, of names: [String]? = nil) throws(Refusal) {
        var parts: [Part] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = Quantity.trim(part).split(separator: " ", maxSplits: 1)
            guard let name = words.first.map(String.init) else { return nil }
            if let names, !names.contains(name) {
                throw Refusal("there is no \"\(name)\"; there are \(names.joined(separator: ", "))")
            }
            guard !parts.contains(where: { $0.name == name }) else { throw Refusal("\(name) is named twice") }
            guard words.count == 2 else {
                guard !text.contains(",") else { return nil }
                parts = [Part(name: name, share: 1)]
                continue
            }
            guard let share = Quantity.share(words[1]) else { return nil }
            parts.append(Part(name: name, share: share))
        }
        guard abs(parts.reduce(0) { $0 + $1.share } - 1) < 1e-6 else {
            throw Refusal("the shares are not 100 % in all")
        }
        self.parts = parts
    }

    /// The name at `quantile` (0..<1).
    package func name(at quantile: Double) -> String {
        var rest = quantile
        for part in parts {
            guard rest >= part.share else { return part.name }
            rest -= part.share
        }
        return parts.last?.name ?? ""
    }

    var spelling: String { parts.map { "\($0.name) \(Quantity.spellShare($0.share))" }.joined(separator: ", ") }
}
