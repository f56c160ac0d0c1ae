import Results
import Scenarios
import Simulator
import Vocabulary

/// One run of a sweep: what it is asked, and how it is asked of this program.
struct PlannedRun {
    let manifest: Manifest
    var id: RunID { manifest.runID }
    private let scenario: String
    private let changes: [Parameter]

    init(scenario: String, changes: [Parameter], seed: UInt64) throws(ResultFailure) {
        guard var world = Catalog.named(scenario) else {
            throw ResultFailure("there is no scenario \"\(scenario)\"", exitCode: ResultFailure.usage)
        }
        for change in changes {
            switch (change.key, Quantity(change.value)) {
            case ("viewers", let quantity?) where quantity.unit.isEmpty: world.viewers = Int(quantity.number)
            case ("seconds", let quantity?) where quantity.unit.isEmpty: world.length = .seconds(quantity.number)
            default:
                throw ResultFailure("\(change.key) = \(change.value) is not understood", exitCode: ResultFailure.usage)
            }
        }
        self.scenario = scenario
        self.changes = changes
        manifest = Manifest(
            version: "0", scenario: scenario, question: world.question, seed: seed, tier: "events",
            parameters: [
                Parameter("viewers", "\(world.viewers)"), Parameter("seconds", Numeral.text(world.length.seconds)),
            ])
    }

    func arguments(_ folder: String) -> [String] {
        ["run", scenario, "--seed", "\(manifest.seed)", "--json"] + changes.flatMap { ["--\($0.key)", $0.value] }
    }

    func keep(_ output: String, in folder: SweepFolder) throws(ResultFailure) {
        guard let json = try? JSONNode(parsing: output) else { return }
        let figures = (json.fields ?? []).compactMap { field in field.value.double.map { (field.key, $0) } }
        let summary = RunSummary(
            of: manifest,
            metrics: figures.filter { !$0.0.hasSuffix("_bound") && $0.0 != "viewers" && $0.0 != "seed" }.map {
                .init($0.0, $0.1)
            },
            bounds: figures.filter { $0.0.hasSuffix("_bound") }.map { .init(String($0.0.dropLast(6)), $0.1) })
        let writer = try ResultWriter(folder: folder.folder(of: id))
        try writer.write(manifest)
        try writer.write(summary)
        try writer.commit()
    }
}
