package import Results

/// The runs that a picture is about, those that differ by nothing but their seed side by side.
package struct RunCollection: Sendable {
    /// One set of parameters and its runs, by seed.
    package struct Setting: Sendable {
        /// What tells this setting from the others; empty when there is only one.
        package let label: String
        package let runs: [ResultFolder]
    }

    package let settings: [Setting]
    package let question: String
    /// The keys that differ between settings.
    package let varying: [String]

    package var runs: [ResultFolder] { settings.flatMap(\.runs) }

    /// `folders` are folders of runs or of sweeps; only runs whose parameters are as `conditions` say are taken.
    package init(folders: [String], where conditions: [Parameter] = []) throws(ResultFailure) {
        var runs: [ResultFolder] = []
        for folder in folders {
            for run in try Self.runs(in: folder) where Self.fits(run.manifest, conditions) { runs.append(run) }
        }
        guard let first = runs.first else {
            let wish = conditions.map { " with \($0.key) = \($0.value)" }.joined()
            throw ResultFailure(
                "there is no finished run\(wish) in \(folders.joined(separator: ", "))",
                exitCode: ResultFailure.missing)
        }
        var groups: [[Parameter]: [ResultFolder]] = [:]
        var order: [[Parameter]] = []
        for run in runs {
            let key = Self.identity(run.manifest)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(run)
        }
        let varying = Self.varyingKeys(order)
        self.varying = varying
        question = first.manifest.question
        settings = order.map { key in
            let runs = (groups[key] ?? []).sorted { $0.manifest.seed < $1.manifest.seed }
            return Setting(label: Self.label(key, varying), runs: runs)
        }.sorted { Quantity.precedes($0.label, $1.label) }
    }

    /// A word about which runs these are, for a caption.
    package var provenance: String {
        guard runs.count > 1 else {
            return runs.first.map { run in
                "Run \(run.runID), scenario \(run.manifest.scenario), seed \(run.manifest.seed), "
                    + "\(run.manifest.program) \(run.manifest.version)."
            } ?? ""
        }
        let scenarios = Set(runs.map(\.manifest.scenario)).sorted().joined(separator: ", ")
        let seeds = Set(runs.map(\.manifest.seed)).sorted()
        let spelled =
            seeds.count > 1 && UInt64(seeds.count - 1) == seeds[seeds.count - 1] - seeds[0]
            ? "\(seeds[0])–\(seeds[seeds.count - 1])" : seeds.prefix(6).map(String.init).joined(separator: ", ")
        return "\(runs.count) runs of scenario \(scenarios), \(seeds.count == 1 ? "seed" : "seeds") \(spelled)"
            + "\(seeds.count > 6 && !spelled.contains("–") ? ", ..." : ""), first run \(runs[0].runID)."
    }

    private static func runs(in folder: String) throws(ResultFailure) -> [ResultFolder] {
        let runs = "\(folder)/runs"
        guard Folder.exists(runs) else { return [try ResultFolder(folder)] }
        var found: [ResultFolder] = []
        for name in try Folder.names(in: runs) where RunID(parsing: name) != nil {
            found.append(try ResultFolder("\(runs)/\(name)"))
        }
        return found
    }

    private static func fits(_ manifest: Manifest, _ conditions: [Parameter]) -> Bool {
        conditions.allSatisfy { identity(manifest).contains($0) }
    }

    private static func identity(_ manifest: Manifest) -> [Parameter] {
        [Parameter("scenario", manifest.scenario), Parameter("tier", manifest.tier)] + manifest.parameters
    }

    private static func varyingKeys(_ groups: [[Parameter]]) -> [String] {
        var values: [String: Set<String>] = [:]
        var order: [String] = []
        for group in groups {
            for parameter in group {
                if values[parameter.key] == nil { order.append(parameter.key) }
                values[parameter.key, default: []].insert(parameter.value)
            }
        }
        return order.filter { key in
            (values[key]?.count ?? 0) > 1 || !groups.allSatisfy { $0.contains { $0.key == key } }
        }
    }

    private static func label(_ parameters: [Parameter], _ varying: [String]) -> String {
        parameters.filter { varying.contains($0.key) }.map { "\(Phrase.words($0.key)) \($0.value)" }
            .joined(separator: ", ")
    }
}
