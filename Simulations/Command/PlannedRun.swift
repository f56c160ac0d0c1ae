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
        self.scenario = scenario
        self.changes = changes
        do {
            let world = try Question.scenario(
                scenario, overrides: changes.map { "\($0.key) = \($0.value)" } + ["seed = \(seed)"])
            manifest = Report.manifest(of: world)
        } catch {
            throw ResultFailure(error.description, exitCode: ResultFailure.usage)
        }
    }

    /// The run writes its files itself, and all of them or none.
    func arguments(_ folder: String) -> [String] {
        ["run", scenario, "--seed", "\(manifest.seed)", "--json", "--out", folder]
            + changes.flatMap { ["--set", "\($0.key) = \($0.value)"] }
    }
}
