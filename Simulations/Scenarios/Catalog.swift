/// The built-in scenarios, as the files that they would be.
package enum Catalog {
    package static let files: [(name: String, text: String)] = Steady.files + Lab.files + Trouble.files + Crowds.files

    package static var names: [String] { files.map(\.name) }

    /// The text of a built-in scenario.
    package static func text(_ name: String) -> String? { files.first { $0.name == name }?.text }

    package static func scenario(
        _ name: String, overrides: [String] = [], policies: [String: [String]]? = nil,
        reading: (String) -> String? = { _ in nil }
    ) throws(ScenarioError) -> Scenario? {
        guard let text = text(name) else { return nil }
        return try Scenario(
            parsing: text, name: name, file: "\(name).scenario", overrides: overrides, policies: policies,
            reading: reading)
    }
}
