import Stage

/// One scenario as the laboratory and the simulator saw it: means over seeds of figures of the steady part.
struct Comparison {
    struct Figures {
        var copies: Double?
        var delayMedian: Double?
        var delay95: Double?
        var firstPicture95: Double?
    }

    /// What viewers got one way, and what it cost.
    struct Experience {
        var figures: Figures
        /// Of the whole run, viewers' first seconds included.
        var stalls: Double?
        var stalledSeconds: Double?
        var missed: Double?
        /// Bytes at the viewers' interfaces, by those that players got.
        var wireShare: Double?
        /// CPU-seconds of the agents by 10^9 bytes that they gave.
        var cost: Double?
        /// Bytes; the largest agent's.
        var memory: Double?
    }

    let name: String
    let question: String
    let seeds: Int
    let real: Experience
    let plain: Experience
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
        real = Experience(ways["peers"] ?? [])
        plain = Experience(ways["plain"] ?? [])
        imagined = Figures(file["simulated"]?.items ?? [], copies: "copies")
        isTrustworthy = runs.allSatisfy { $0["is_trustworthy"] == .bool(true) }
    }

    /// Copies within 0.1, and delays within a fifth.
    var copiesAgree: Bool? { Self.agree(real.figures.copies, imagined.copies) { abs($0 - $1) <= 0.1 } }
    var mediansAgree: Bool? { Self.agree(real.figures.delayMedian, imagined.delayMedian, Self.isNear) }
    var tailsAgree: Bool? { Self.agree(real.figures.delay95, imagined.delay95, Self.isNear) }

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
    /// Means over runs of what stands under `part`, if that is not the run itself; a figure that one of them lacks is
    /// lacking.
    fileprivate init(_ runs: [JSON], copies: String, under part: String? = nil) {
        self.copies = Comparison.mean(copies, of: runs, under: part)
        delayMedian = Comparison.mean("delay_p50_s", of: runs, under: part)
        delay95 = Comparison.mean("delay_p95_s", of: runs, under: part)
        firstPicture95 = Comparison.mean("first_picture_p95_s", of: runs)
    }
}

extension Comparison.Experience {
    fileprivate init(_ runs: [JSON]) {
        figures = Comparison.Figures(runs, copies: "copies_payload", under: "steady")
        stalls = Comparison.mean("stalls", of: runs, under: "whole")
        stalledSeconds = Comparison.mean("stalled_s", of: runs, under: "whole")
        missed = Comparison.mean("missed_segments", of: runs, under: "whole")
        wireShare = Comparison.mean("wire_share", of: runs, under: "steady")
        cost = Comparison.mean("agents_cpu_s_per_GB", of: runs)
        memory = Comparison.mean("agents_peak_memory_bytes", of: runs)
    }

    static let columns = [
        "scenario", "way", "copies", "p50 s", "p95 s", "first picture p95 s", "stalls", "of s", "missed",
        "wire/payload",
        "agents' CPU-s/GB given", "largest agent, MB",
    ]

    fileprivate func cells(_ name: String, _ way: String) -> [String] {
        [
            name, way, Table.number(figures.copies), Table.number(figures.delayMedian), Table.number(figures.delay95),
            Table.number(figures.firstPicture95), Table.number(stalls), Table.number(stalledSeconds),
            Table.number(missed), Table.number(wireShare), Table.number(cost),
            Table.number(memory.flatMap { $0 > 0 ? $0 / 1e6 : nil }),
        ]
    }
}

extension Comparison {
    /// Over all runs, if all have it.
    fileprivate static func mean(_ key: String, of runs: [JSON], under part: String? = nil) -> Double? {
        let values = runs.compactMap { run in (part.map { run[$0] } ?? run)?[key]?.number }
        return values.count == runs.count ? mean(values) : nil
    }

    static let columns = [
        "scenario", "seeds", "copies, real", "simulated", "within 0.1", "p50 s, real", "simulated", "within 20 %",
        "p95 s, real", "simulated", "within 20 %", "first picture p95 s, real", "simulated", "on time",
    ]

    var cells: [String] {
        let figures = real.figures
        return [
            name, "\(seeds)", Table.number(figures.copies), Table.number(imagined.copies), Self.word(copiesAgree),
            Table.number(figures.delayMedian), Table.number(imagined.delayMedian), Self.word(mediansAgree),
            Table.number(figures.delay95), Table.number(imagined.delay95), Self.word(tailsAgree),
            Table.number(figures.firstPicture95), Table.number(imagined.firstPicture95), Self.word(isTrustworthy),
        ]
    }

    /// A row for each way, through peers and by plain HTTP.
    var experiences: [[String]] { [real.cells(name, "peers"), plain.cells("", "plain HTTP")] }

    /// One line for a terminal.
    var sentence: String {
        "\(name), real and simulated: copies \(Table.number(real.figures.copies)) and \(Table.number(imagined.copies)), "
            + "within 0.1: \(Self.word(copiesAgree)); p50 \(Table.number(real.figures.delayMedian)) and "
            + "\(Table.number(imagined.delayMedian)) s, within 20 %: \(Self.word(mediansAgree)); p95 "
            + "\(Table.number(real.figures.delay95)) and \(Table.number(imagined.delay95)) s, within 20 %: \(Self.word(tailsAgree))"
    }

    private static func word(_ answer: Bool?) -> String { answer.map { $0 ? "yes" : "no" } ?? "-" }
}
