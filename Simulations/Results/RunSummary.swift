/// One run in one line: what was asked and the figures that came out.
package struct RunSummary: Hashable, Sendable {
    package static let file = "summary.jsonl"

    package struct Figure: Hashable, Sendable {
        package let name: String
        package let value: Double

        package init(_ name: String, _ value: Double) {
            self.name = name
            self.value = value
        }
    }

    package var runID: RunID
    package var scenario: String
    package var tier: String
    package var seed: UInt64
    package var parameters: [Parameter]
    package var metrics: [Figure]
    /// What no scheduler can beat, under the name of the metric that it bounds.
    package var bounds: [Figure]
    /// Why there are no metrics.
    package var error: String?

    package init(of manifest: Manifest, metrics: [Figure] = [], bounds: [Figure] = [], error: String? = nil) {
        runID = manifest.runID
        scenario = manifest.scenario
        tier = manifest.tier
        seed = manifest.seed
        parameters = manifest.parameters
        self.metrics = metrics
        self.bounds = bounds
        self.error = error
    }

    package func metric(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
    package func bound(_ name: String) -> Double? { bounds.first { $0.name == name }?.value }
    package func parameter(_ key: String) -> String? { parameters.first { $0.key == key }?.value }

    package var json: JSONNode {
        var fields: [JSONNode.Field] = [
            .init("run_id", .text(runID.description)), .init("scenario", .text(scenario)), .init("tier", .text(tier)),
            .init("seed", .number(seed)), .init("params", .object(parameters.map { .init($0.key, .text($0.value)) })),
            .init("metrics", Self.object(metrics)), .init("bounds", Self.object(bounds)),
        ]
        if let error { fields.append(.init("error", .text(error))) }
        return .object(fields)
    }

    /// A figure without data is left out.
    private static func object(_ figures: [Figure]) -> JSONNode {
        .object(figures.filter(\.value.isFinite).map { .init($0.name, .number($0.value)) })
    }

    /// All lines of a file.
    package static func read(_ path: String) throws(ResultFailure) -> [RunSummary] {
        let lines = try LineReader(path)
        var summaries: [RunSummary] = []
        while let line = try lines.next() {
            let json: JSONNode
            do {
                json = try JSONNode(parsing: line)
            } catch {
                throw .malformed(path, line: lines.line, "it is not JSON: \(error.reason)")
            }
            summaries.append(try RunSummary(json, path, lines.line))
        }
        return summaries
    }

    private init(_ json: JSONNode, _ path: String, _ line: Int) throws(ResultFailure) {
        guard let runID = json["run_id"]?.string.flatMap({ RunID(parsing: $0) }) else {
            throw .malformed(path, line: line, "run_id is missing or not 16 hexadecimal digits")
        }
        guard let scenario = json["scenario"]?.string, let tier = json["tier"]?.string,
            let seed = json["seed"]?.unsigned, let parameters = json["params"]?.fields
        else { throw .malformed(path, line: line, "scenario, tier, seed or params is missing or of a wrong kind") }
        func figures(_ key: String) throws(ResultFailure) -> [Figure] {
            var figures: [Figure] = []
            for field in json[key]?.fields ?? [] {
                guard let value = field.value.double else {
                    throw .malformed(path, line: line, "\(ResultFailure.quoted(field.key)) is no number")
                }
                figures.append(Figure(field.key, value))
            }
            return figures
        }
        self.runID = runID
        self.scenario = scenario
        self.tier = tier
        self.seed = seed
        self.parameters = parameters.map { Parameter($0.key, $0.value.string ?? "") }
        metrics = try figures("metrics")
        bounds = try figures("bounds")
        error = json["error"]?.string
    }
}
