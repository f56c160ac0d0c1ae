import Stage

/// One scenario as the laboratory and the simulator saw it: means over seeds of figures of the steady part.
struct Comparison {
    struct Figures {
        var copies: Double?
        var delayMedian: Double?
        var delay95: Double?
        var stalls: Double?
        var missed: Double?
    }

    let name: String
    let question: String
    let seeds: Int
    let real: Figures
    let plain: Figures
    let imagined: Figures
    /// Whether the network was on time in all runs.
    let isTrustworthy: Bool

    /// Of a file that `ResultFiles` has written.
    init?(_ file: JSON) {
        guard let name = file["scenario"]?.text, let question = file["question"]?.text, let runs = file["runs"]?.items
        else { return nil }
        (self.name, self.question) = (name, question)
        let ways = Dictionary(grouping: runs) { $0["way"]?.text ?? "" }
        seeds = ways["peers"]?.count ?? 0
        real = Figures(ways["peers"]?.compactMap { $0["steady"] } ?? [], copies: "copies_payload")
        plain = Figures(ways["plain"]?.compactMap { $0["steady"] } ?? [], copies: "copies_payload")
        imagined = Figures(file["simulated"]?.items ?? [], copies: "copies")
        isTrustworthy = runs.allSatisfy { $0["is_trustworthy"] == .bool(true) }
    }

    /// Copies within 0.1, and delays within a fifth.
    var copiesAgree: Bool? { Self.agree(real.copies, imagined.copies) { abs($0 - $1) <= 0.1 } }
    var mediansAgree: Bool? { Self.agree(real.delayMedian, imagined.delayMedian, Self.isNear) }
    var tailsAgree: Bool? { Self.agree(real.delay95, imagined.delay95, Self.isNear) }

    private static func isNear(_ real: Double, _ imagined: Double) -> Bool { abs(real - imagined) <= 0.2 * real }

    private static func agree(_ a: Double?, _ b: Double?, _ condition: (Double, Double) -> Bool) -> Bool? {
        guard let a, let b else { return nil }
        return condition(a, b)
    }

    /// Of what there is; `nil` when there is nothing.
    static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}

extension Comparison.Figures {
    /// Means over runs; a figure that one of them lacks is lacking.
    fileprivate init(_ runs: [JSON], copies: String) {
        func mean(_ key: String) -> Double? {
            let values = runs.compactMap { $0[key]?.number }
            return values.count == runs.count ? Comparison.mean(values) : nil
        }
        self.copies = mean(copies)
        delayMedian = mean("delay_p50_s")
        delay95 = mean("delay_p95_s")
        stalls = mean("stalls")
        missed = mean("missed_segments")
    }
}

extension Comparison {
    static let columns = [
        "scenario", "seeds", "copies, real", "simulated", "within 0.1", "p50 s, real", "simulated", "within 20 %",
        "p95 s, real", "simulated", "within 20 %", "stalls", "missed", "plain HTTP: copies", "p50 s", "p95 s", "stalls",
        "missed", "on time",
    ]

    var cells: [String] {
        [
            name, "\(seeds)", Table.number(real.copies), Table.number(imagined.copies), Self.word(copiesAgree),
            Table.number(real.delayMedian), Table.number(imagined.delayMedian), Self.word(mediansAgree),
            Table.number(real.delay95), Table.number(imagined.delay95), Self.word(tailsAgree),
            Table.number(real.stalls),
            Table.number(real.missed), Table.number(plain.copies), Table.number(plain.delayMedian),
            Table.number(plain.delay95), Table.number(plain.stalls), Table.number(plain.missed),
            Self.word(isTrustworthy),
        ]
    }

    /// One line for a terminal.
    var sentence: String {
        "\(name), real and simulated: copies \(Table.number(real.copies)) and \(Table.number(imagined.copies)), "
            + "within 0.1: \(Self.word(copiesAgree)); p50 \(Table.number(real.delayMedian)) and "
            + "\(Table.number(imagined.delayMedian)) s, within 20 %: \(Self.word(mediansAgree)); p95 "
            + "\(Table.number(real.delay95)) and \(Table.number(imagined.delay95)) s, within 20 %: \(Self.word(tailsAgree))"
    }

    private static func word(_ answer: Bool?) -> String { answer.map { $0 ? "yes" : "no" } ?? "-" }
}
