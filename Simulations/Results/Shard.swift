/// The part of a sweep that one process does: every `count`th run.
package struct Shard: Hashable, Sendable {
    package let index: Int
    package let count: Int

    package static let whole = Shard(index: 0, count: 1)

    /// Any `count` consecutive indices, whatever the first is, are all shards: their remainders are.
    private init(index: Int, count: Int) {
        self.index = index % count
        self.count = count
    }

    package func contains(_ run: Int) -> Bool { run % count == index }

    /// What schedulers call a process's index and, where they say it, the first index, the step and the count.
    private static let schedulers: [(index: String, first: String?, step: String?, count: String?)] = [
        ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT"),
        ("JOB_COMPLETION_INDEX", nil, nil, nil),
        ("PBS_ARRAY_INDEX", nil, nil, nil),
        ("OMPI_COMM_WORLD_RANK", nil, nil, "OMPI_COMM_WORLD_SIZE"),
    ]

    /// Reads `3/8` (from 1 to 8), `env` or, where a scheduler does not tell the count, `env/8`.
    package init(_ text: String, environment: [String: String]) throws(ResultFailure) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let typed = parts.count == 2 ? Int(parts[1]) : nil
        guard parts.count == 1 || parts.count == 2 && (typed ?? 0) > 0, !parts[0].isEmpty else {
            throw Self.complaint("--shard \(text) is not of the form 3/8, env or env/8")
        }
        guard parts[0] == "env" else {
            guard let index = Int(parts[0]), let typed, (1...typed).contains(index) else {
                throw Self.complaint("--shard \(text) is not of the form 3/8, where 3 is from 1 to 8")
            }
            self.init(index: index - 1, count: typed)
            return
        }
        guard let scheduler = Self.schedulers.first(where: { environment[$0.index] != nil }) else {
            let names = Self.schedulers.map(\.index).joined(separator: ", ")
            throw Self.complaint("--shard env: none of \(names) is set")
        }
        func number(_ name: String?) throws(ResultFailure) -> Int? {
            guard let name, let text = environment[name] else { return nil }
            guard let number = Int(text), number >= 0 else {
                throw Self.complaint("--shard env: \(name) is \(ResultFailure.quoted(text)), no whole number from 0")
            }
            return number
        }
        let told = try number(scheduler.count)
        guard let count = typed ?? told, count > 0, let own = try number(scheduler.index) else {
            throw Self.complaint("--shard env: \(scheduler.index) says no count; write env/8 for eight processes")
        }
        let first = try number(scheduler.first) ?? 0
        let step = max(1, try number(scheduler.step) ?? 1)
        self.init(index: max(0, own - first) / step, count: count)
    }

    private static func complaint(_ sentence: String) -> ResultFailure {
        ResultFailure(sentence, exitCode: ResultFailure.usage)
    }
}
