/// The parameters of a sweep and the values that each takes.
package struct Grid: Hashable, Sendable {
    package struct Dimension: Hashable, Sendable {
        package let key: String
        package let values: [String]
    }

    package let dimensions: [Dimension]
    package let seeds: [UInt64]

    private static let mostRuns = 1_000_000

    /// `lines` are of the form `key=v1,v2,...`; a comma between brackets belongs to its value. `seeds` as `1..20`, or a
    /// list.
    package init(_ lines: [String], seeds: String) throws(ResultFailure) {
        var dimensions: [Dimension] = []
        for line in lines {
            let dimension = try Self.dimension(line)
            guard !dimensions.contains(where: { $0.key == dimension.key }) else {
                throw Self.complaint("--grid gives \(dimension.key) twice")
            }
            dimensions.append(dimension)
        }
        self.dimensions = dimensions
        self.seeds = try Self.seeds(seeds)
        let count = dimensions.reduce(Double(self.seeds.count)) { $0 * Double($1.values.count) }
        guard count <= Double(Self.mostRuns) else {
            throw Self.complaint("the grid has \(Int(min(count, 1e15))) runs; \(Self.mostRuns) is the most")
        }
    }

    /// All combinations of values, the last key fastest.
    package var points: [[Parameter]] {
        dimensions.reduce([[]]) { points, dimension in
            points.flatMap { point in dimension.values.map { point + [Parameter(dimension.key, $0)] } }
        }
    }

    private static func dimension(_ line: String) throws(ResultFailure) -> Dimension {
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let key = parts.first.map(trimmed), !key.isEmpty else {
            throw complaint("--grid \(line) is not of the form key=value,value")
        }
        var values = Self.list(parts[1]).map(trimmed)
        guard values.allSatisfy({ !$0.isEmpty }) else { throw complaint("--grid \(line) has an empty value") }
        // "2,4,8 Mbit/s" means what it says: all are Mbit/s.
        if let unit = values.last.flatMap({ Quantity($0) })?.unit, !unit.isEmpty {
            values = values.map { Quantity($0)?.unit == "" ? "\($0) \(unit)" : $0 }
        }
        guard Set(values).count == values.count else { throw complaint("--grid \(line) gives a value twice") }
        return Dimension(key: key, values: values)
    }

    private static func list(_ text: Substring) -> [Substring] {
        var depth = 0
        return text.split(omittingEmptySubsequences: false) { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return character == "," && depth <= 0
        }
    }

    private static func seeds(_ text: String) throws(ResultFailure) -> [UInt64] {
        if let dots = text.firstRange(of: "..") {
            guard let first = UInt64(text[..<dots.lowerBound]), let last = UInt64(text[dots.upperBound...]),
                first <= last, last - first < UInt64(mostRuns)
            else { throw complaint("--seeds \(text) is not of the form 1..20, or has too many") }
            return Array(first...last)
        }
        let seeds = text.split(separator: ",", omittingEmptySubsequences: false).map { UInt64($0) }
        let known = seeds.compactMap { $0 }
        guard known.count == seeds.count, Set(known).count == known.count, !known.isEmpty else {
            throw complaint("--seeds \(text) is neither of the form 1..20 nor a list of different whole numbers")
        }
        return known
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    private static func complaint(_ sentence: String) -> ResultFailure {
        ResultFailure(sentence, exitCode: ResultFailure.usage)
    }

    package var json: JSONNode {
        .object([
            .init(
                "grid",
                .object(dimensions.map { .init($0.key, .list($0.values.map { .text($0) })) })),
            .init("seeds", .list(seeds.map { .number($0) })),
        ])
    }
}
