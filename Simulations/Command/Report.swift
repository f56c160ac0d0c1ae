import Results
import Scenarios
import Tiers

/// One run's figures beside the bounds that no scheduler can beat, and its tables; those without data stay empty.
struct Report {
    let scenario: Scenario
    let tier: Tier
    let viewers: Int
    let lines: [Line]
    var timePoints: [TimePoint] = []
    var segmentPoints: [SegmentPoint] = []
    var distributions: [DistributionPoint] = []
    var visitors: [ViewerRow] = []
    var edges: [TreeEdge] = []

    init(_ scenario: Scenario, tier: Tier, viewers: Int, lines: [Line]) {
        self.scenario = scenario
        self.tier = tier
        self.viewers = viewers
        self.lines = lines
    }

    struct Line {
        let name: String
        let value: Double?
        var bound: Double?
        var note = ""

        init(_ name: String, _ value: Double?, bound: Double? = nil, _ note: String = "") {
            self.name = name
            self.value = value
            self.bound = bound
            self.note = note
        }
    }

    var manifest: Manifest { Self.manifest(of: scenario, in: tier) }

    static func manifest(of scenario: Scenario, in tier: Tier) -> Manifest {
        Manifest(
            version: Simulate.version, scenario: scenario.name, question: scenario.question, seed: scenario.seed,
            tier: tier.rawValue,
            parameters: scenario.parameters.map { Parameter($0.key, $0.value) }
                + scenario.inputs.map { Parameter("input \($0.file)", $0.hash) })
    }

    var summary: RunSummary {
        RunSummary(
            of: manifest, metrics: lines.compactMap { line in line.value.map { .init(line.name, $0) } },
            bounds: lines.compactMap { line in line.bound.map { .init(line.name, $0) } })
    }

    var json: String { summary.json.encoded }

    var text: String {
        let head = [
            scenario.question,
            "\(viewers) viewers, seed \(scenario.seed), \(tier.rawValue) tier, run \(manifest.runID)", "",
        ]
        return
            (head
            + lines.map { line in
                let note = line.note + (line.bound.map { " \(short($0))" } ?? "")
                return pad(line.name, 24) + pad(line.value.map(short) ?? "-", 14) + note
            }).joined(separator: "\n")
    }

    func write(to folder: String, host: Host) throws(ResultFailure) {
        let manifest = manifest
        let run = manifest.runID
        let writer = try ResultWriter(folder: folder)
        try writer.write(manifest)
        try writer.write(host)
        try writer.write(summary)
        try writer.write(timePoints, of: run)
        try writer.write(segmentPoints, of: run)
        try writer.write(distributions, of: run)
        try writer.write(visitors, of: run)
        try writer.write(edges, of: run)
        try writer.commit()
    }

    private func short(_ value: Double) -> String {
        abs(value) >= 1e4 ? Numeral.text(value.rounded()) : Numeral.text((value * 1e4).rounded() / 1e4)
    }
}
