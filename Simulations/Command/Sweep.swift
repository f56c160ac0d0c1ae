import ArgumentParser
import Glibc
import Results
import Tiers

struct Sweep: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a scenario many times: every combination of some parameters, for many seeds.",
        discussion: """
            Runs that are finished already are skipped, so a sweep that was stopped goes on where it was, and a larger
            grid adds only what is missing.

            Examples:
              tributary-simulate sweep steady --grid 'viewers=10,30,100' --seeds 1..10 --out results/viewers
              tributary-simulate sweep steady --grid 'viewers=10,30,100' --seeds 1..10 --out results/viewers --shard 1/4
            """)

    @Argument(help: "A scenario's name, as `list` shows it.") var scenario: String
    @Option(help: "A parameter and its values, as 'KEY=VALUE,VALUE,...'; repeatable.") var grid: [String] = []
    @Option(help: "A parameter's value in all runs, as 'KEY=VALUE'; repeatable.") var set: [String] = []
    @Option(help: "Seeds, as FIRST..LAST or a list.") var seeds = "1..10"
    @Option(help: "How closely the scenario is imagined.") var tier = Tier.events
    @Option(help: "The folder of the results.") var out: String
    @Option(help: "The part that this process does: 3/8, or env under Slurm or Open MPI, env/8 under others.")
    var shard: String?
    @Option(help: "How many runs at a time. Default: one for each core that this process may use.") var jobs: Int?

    func validate() throws {
        if let jobs, !(1...4_096).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 4096") }
        for change in set where !change.dropFirst().contains("=") {
            throw ValidationError("--set \(change) is not of the form KEY=VALUE")
        }
    }

    func run() throws {
        try complaining { () throws(ResultFailure) in
            let grid = try Grid(grid, seeds: seeds)
            let shard =
                if let shard { try Shard(shard, environment: Self.environment) } else { Shard.whole }
            let fixed = set.map(Parameter.init(assignment:))
            // All of them, so that a mistake in the last is found before the first has run.
            let runs = try plan(grid, fixed)
            let keys = Set(runs.flatMap(\.passedOver)).sorted()
            if !keys.isEmpty {
                complain("the \(tier.rawValue) tier imagines nothing of \(keys.joined(separator: ", "))\n")
            }
            let folder = try SweepFolder(path: out)
            try folder.removeRemains()
            try folder.writeGrid(grid, scenario: scenario, tier: tier.rawValue, set: fixed)
            let own = runs.enumerated().filter { shard.contains($0.offset) }.map(\.element)
            let missing = own.filter { !folder.isFinished($0.id) }
            if missing.count < own.count {
                complain("\(own.count - missing.count) of \(own.count) runs are there already\n")
            }
            try work(missing, into: folder, grid)
        }
    }

    private func plan(_ grid: Grid, _ fixed: [Parameter]) throws(ResultFailure) -> [PlannedRun] {
        var runs: [PlannedRun] = []
        var known: Set<RunID> = []
        for point in grid.points {
            for seed in grid.seeds {
                let run = try PlannedRun(scenario: scenario, changes: fixed + point, seed: seed, tier: tier)
                if known.insert(run.id).inserted { runs.append(run) }
            }
        }
        return runs
    }

    private func work(_ runs: [PlannedRun], into folder: SweepFolder, _ grid: Grid) throws(ResultFailure) {
        var crew = Crew(runs, into: folder, jobs: jobs ?? Self.usableCores)
        var stop: Crew.Stop?
        do { try crew.work() } catch { stop = error }
        if case .failure(let failure)? = stop { throw failure }
        // Of all processes' runs, not of this one's alone; also after a Ctrl-C, for what is finished.
        let aggregate = try folder.rebuild(keys: grid.dimensions.map(\.key))
        if case .signal(let number)? = stop {
            throw ResultFailure(
                "stopped; the same command goes on with the \(runs.count - crew.finished) runs that are missing",
                exitCode: 128 + number)
        }
        print(SweepTable(aggregate).text)
        if crew.failed > 0 {
            throw ResultFailure(
                "\(crew.failed) of \(runs.count) runs failed, the first with: \(crew.firstError ?? "") (all are in "
                    + "\(folder.path)/\(RunSummary.file))", exitCode: 1)
        }
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee.map({ String(cString: $0) }) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }

    /// What a scheduler or `taskset` has given to this process, which may be less than the machine has.
    private static var usableCores: Int {
        let status = (try? Folder.text(of: "/proc/self/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
        return max(1, line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount })
    }
}
