import Results
import Scenarios
import Tiers

/// One run of a sweep: what it is asked, and how it is asked of this program.
struct PlannedRun {
    let manifest: Manifest
    var id: RunID { manifest.runID }
    private let scenario: String
    private let changes: [Parameter]
    private let tier: Tier
    /// What the tier does not imagine of it.
    let passedOver: [String]

    init(scenario: String, changes: [Parameter], seed: UInt64, tier: Tier) throws(ResultFailure) {
        self.scenario = scenario
        self.changes = changes
        self.tier = tier
        let refusal: String?
        do {
            let world = try Question.scenario(
                scenario, overrides: changes.map { "\($0.key) = \($0.value)" } + ["seed = \(seed)"])
            manifest = Report.manifest(of: world, in: tier)
            refusal = tier.refusal(of: world)
            passedOver = tier.passesOver(world)
        } catch {
            throw ResultFailure(error.description, exitCode: ResultFailure.usage)
        }
        if let refusal { throw ResultFailure(refusal, exitCode: ResultFailure.usage) }
    }

    /// The run writes its files itself, and all of them or none.
    func arguments(_ folder: String) -> [String] {
        ["run", scenario, "--seed", "\(manifest.seed)", "--tier", tier.rawValue, "--json", "--out", folder]
            + changes.flatMap { ["--set", "\($0.key) = \($0.value)"] }
    }
}
