/// What a run was asked. The same on every machine.
package struct Manifest: Hashable, Sendable {
    package static let file = "manifest.json"
    package static let format: UInt64 = 1

    package var program = "tributary-simulate"
    package var version: String
    package var scenario: String
    package var question: String
    package var seed: UInt64
    package var tier: String
    /// Every parameter of the scenario, in its own order.
    package var parameters: [Parameter]

    package init(
        version: String, scenario: String, question: String, seed: UInt64, tier: String, parameters: [Parameter]
    ) {
        self.version = version
        self.scenario = scenario
        self.question = question
        self.seed = seed
        self.tier = tier
        self.parameters = parameters
    }

    package var runID: RunID { RunID(parameters: parameters, seed: seed, tier: tier) }

    package var json: JSONNode {
        .object([
            .init("format", .number(Self.format)), .init("program", .text(program)), .init("version", .text(version)),
            .init("scenario", .text(scenario)), .init("question", .text(question)), .init("seed", .number(seed)),
            .init("tier", .text(tier)),
            .init("parameters", .object(parameters.map { .init($0.key, .text($0.value)) })),
            .init("run_id", .text(runID.description)),
        ])
    }

    package init(folder: String) throws(ResultFailure) {
        let path = "\(folder)/\(Self.file)"
        let json: JSONNode
        do {
            json = try JSONNode(parsing: try Folder.text(of: path))
        } catch let failure as ResultFailure {
            throw failure
        } catch {
            throw ResultFailure("\(path) is no manifest: \(Self.reason(error))", exitCode: ResultFailure.malformed)
        }
        guard json["format"]?.unsigned == Self.format else {
            throw ResultFailure("\(path) is not of format \(Self.format)", exitCode: ResultFailure.malformed)
        }
        func text(_ key: String) throws(ResultFailure) -> String {
            guard let text = json[key]?.string else {
                throw ResultFailure("\(path) has no text \"\(key)\"", exitCode: ResultFailure.malformed)
            }
            return text
        }
        guard let seed = json["seed"]?.unsigned, let fields = json["parameters"]?.fields else {
            throw ResultFailure("\(path) has no seed or no parameters", exitCode: ResultFailure.malformed)
        }
        self.init(
            version: try text("version"), scenario: try text("scenario"), question: try text("question"), seed: seed,
            tier: try text("tier"), parameters: fields.map { Parameter($0.key, $0.value.string ?? "") })
        program = try text("program")
    }

    private static func reason(_ error: any Error) -> String {
        (error as? JSONNode.Malformed)?.reason ?? "\(error)"
    }
}

/// Where and at what cost a run was made. The one file of a result that differs between machines.
package struct Host: Hashable, Sendable {
    package static let file = "host.json"

    /// Of all its threads.
    package var cpuSeconds: Double
    package var wallSeconds: Double
    package var peakResidentBytes: Int
    /// The commit that the program was built from, where it is known.
    package var commit: String?

    package init(cpuSeconds: Double, wallSeconds: Double, peakResidentBytes: Int, commit: String?) {
        self.cpuSeconds = cpuSeconds
        self.wallSeconds = wallSeconds
        self.peakResidentBytes = peakResidentBytes
        self.commit = commit
    }

    package var json: JSONNode {
        .object([
            .init("cpu_s", .number(cpuSeconds)), .init("wall_s", .number(wallSeconds)),
            .init("peak_rss_bytes", .number(peakResidentBytes)), .init("commit", commit.map { .text($0) } ?? .null),
        ])
    }
}
