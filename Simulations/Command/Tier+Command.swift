import ArgumentParser
import Results
import Scenarios
import Tiers

extension Tier: ExpressibleByArgument {
    /// Says on standard error what of a scenario this tier does not imagine.
    /// - Throws: an exit code, after one sentence, when it has no answer at all.
    func announce(_ scenario: Scenario) throws {
        if let refusal = refusal(of: scenario) {
            complain("tributary-simulate: \(refusal)\n")
            throw ExitCode(ResultFailure.usage)
        }
        let keys = passesOver(scenario)
        guard !keys.isEmpty else { return }
        complain("tributary-simulate: the \(rawValue) tier imagines nothing of \(keys.joined(separator: ", "))\n")
    }
}
