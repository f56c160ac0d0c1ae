import Glibc
import Results
import Testing

@Suite struct `A grid` {
    @Test func `has every combination, the last key fastest`() throws {
        let grid = try Grid(["uplink=2,4,8 Mbit/s", " viewers = 10 , 30"], seeds: "1..3")
        #expect(grid.dimensions.map(\.values) == [["2 Mbit/s", "4 Mbit/s", "8 Mbit/s"], ["10", "30"]])
        #expect(grid.seeds == [1, 2, 3])
        #expect(grid.points.count == 6)
        #expect(grid.points[1] == [Parameter("uplink", "2 Mbit/s"), Parameter("viewers", "30")])
        #expect(try Grid([], seeds: "7,5").points == [[]])
        #expect(try Grid([], seeds: "7,5").seeds == [7, 5])
    }

    @Test func `leaves a comma between brackets to its value, and units as they are typed`() throws {
        let grid = try Grid(["uplink=lognormal(2 x, 0.5),3 x", "delay=500 us,20 ms"], seeds: "1")
        #expect(grid.dimensions[0].values == ["lognormal(2 x, 0.5)", "3 x"])
        #expect(grid.dimensions[1].values == ["500 us", "20 ms"])
    }

    @Test(arguments: [
        (["viewers"], "1", "--grid viewers is not of the form key=value,value"),
        (["=3"], "1", "--grid =3 is not of the form key=value,value"),
        (["viewers=3,,4"], "1", "--grid viewers=3,,4 has an empty value"),
        (["viewers=3,3"], "1", "--grid viewers=3,3 gives a value twice"),
        (["viewers=3", "viewers=4"], "1", "--grid gives viewers twice"),
        ([], "3..1", "--seeds 3..1 is not of the form 1..20, or has too many"),
        ([], "1..99999999999", "--seeds 1..99999999999 is not of the form 1..20, or has too many"),
        ([], "1..18446744073709551616", "--seeds 1..18446744073709551616 is not of the form 1..20, or has too many"),
        ([], "", "--seeds  is neither of the form 1..20 nor a list of different whole numbers"),
        ([], "1,x", "--seeds 1,x is neither of the form 1..20 nor a list of different whole numbers"),
        ([], "1,1", "--seeds 1,1 is neither of the form 1..20 nor a list of different whole numbers"),
        (["a=1,2", "b=1,2"], "1..900000", "the grid has 3600000 runs; 1000000 is the most"),
    ])
    func `is refused in one sentence when it makes no sense`(lines: [String], seeds: String, expected: String) throws {
        let failure = try #require(throws: ResultFailure.self) { try Grid(lines, seeds: seeds) }
        #expect(failure.description == expected)
        #expect(failure.exitCode == 64)
    }
}

@Suite struct `A shard` {
    @Test(arguments: [
        ["1/3", "2/3", "3/3"], ["1/1"], ["4/4", "3/4", "2/4", "1/4"],
    ])
    func `does each run once together with the others`(texts: [String]) throws {
        let shards = try texts.map { try Shard($0, environment: [:]) }
        for run in 0..<20 { #expect(shards.count { $0.contains(run) } == 1) }
    }

    @Test(arguments: [
        ("env", ["SLURM_ARRAY_TASK_ID": "%", "SLURM_ARRAY_TASK_COUNT": "4"], 0, 1),
        ("env", ["SLURM_ARRAY_TASK_ID": "%", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1"], 1, 1),
        (
            "env",
            [
                "SLURM_ARRAY_TASK_ID": "%", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "10",
                "SLURM_ARRAY_TASK_STEP": "5",
            ], 10, 5
        ),
        ("env", ["OMPI_COMM_WORLD_RANK": "%", "OMPI_COMM_WORLD_SIZE": "4"], 0, 1),
        ("env/4", ["JOB_COMPLETION_INDEX": "%"], 0, 1),
        ("env/4", ["PBS_ARRAY_INDEX": "%"], 1, 1),
        ("env/4", ["PBS_ARRAY_INDEX": "%"], 7, 1),
    ])
    func `is told by the scheduler, whatever it counts from`(
        text: String, environment: [String: String], first: Int, step: Int
    ) throws {
        let shards = try (0..<4).map { task in
            try Shard(text, environment: environment.mapValues { $0 == "%" ? "\(first + task * step)" : $0 })
        }
        for run in 0..<20 { #expect(shards.count { $0.contains(run) } == 1) }
    }

    @Test(arguments: ["", "3", "0/4", "5/4", "1/0", "1/-2", "x/4", "1/2/3", "/4", "env/0", "env/x"])
    func `is refused when it is no part of a whole`(text: String) throws {
        let failure = try #require(throws: ResultFailure.self) {
            try Shard(text, environment: ["JOB_COMPLETION_INDEX": "1"])
        }
        #expect(failure.exitCode == 64)
    }

    @Test(arguments: [
        ([:], "--shard env: none of SLURM_ARRAY_TASK_ID"),
        (["JOB_COMPLETION_INDEX": "1"], "--shard env: JOB_COMPLETION_INDEX says no count; write env/8"),
        (["SLURM_ARRAY_TASK_ID": "a", "SLURM_ARRAY_TASK_COUNT": "2"], "--shard env: SLURM_ARRAY_TASK_ID is \"a\""),
        (
            ["SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "0"],
            "--shard env: SLURM_ARRAY_TASK_ID says no count"
        ),
    ])
    func `is refused when the scheduler does not tell enough`(environment: [String: String], expected: String) throws {
        let failure = try #require(throws: ResultFailure.self) { try Shard("env", environment: environment) }
        #expect(failure.description.hasPrefix(expected), "\(failure)")
    }
}

@Suite struct `A sweep's folder` {
    let shelf: Shelf
    let folder: SweepFolder

    init() throws {
        shelf = try Shelf()
        folder = try SweepFolder(path: shelf.path + "/sweep/")
    }

    private static func manifest(_ viewers: Int, _ seed: UInt64) -> Manifest {
        Manifest(
            version: "1", scenario: "steady", question: "?", seed: seed, tier: "events",
            parameters: [Parameter("viewers", "\(viewers)"), Parameter("delay", "20 ms")])
    }

    private func finish(_ viewers: Int, _ seed: UInt64, offload: Double) throws {
        let manifest = Self.manifest(viewers, seed)
        let writer = try ResultWriter(folder: folder.folder(of: manifest.runID))
        try writer.write(manifest)
        try writer.write(RunSummary(of: manifest, metrics: [.init("offload", offload)]))
        try writer.commit()
    }

    @Test func `has means and intervals of what is finished, and keeps what failed`() throws {
        try finish(10, 1, offload: 0.25)
        try finish(10, 2, offload: 0.75)
        try finish(5, 1, offload: 1)
        try folder.noteFailure(RunSummary(of: Self.manifest(5, 2), error: "killed, \"again\""))
        let aggregate = try folder.rebuild(keys: ["viewers"])
        #expect(aggregate.keys == ["viewers"])
        #expect(aggregate.rows.map(\.values) == [["5"], ["10"]])
        #expect(aggregate.rows.map(\.finished) == [1, 2])
        #expect(aggregate.rows.map(\.failed) == [1, 0])
        let rows = try RunSummary.read(folder.path + "/summary.jsonl")
        #expect(rows.map(\.error) == [nil, "killed, \"again\"", nil, nil])
        #expect(rows.map(\.seed) == [1, 2, 1, 2])
        // With one degree of freedom, t is 12.7062047, and half the width that times 0.353553391 / sqrt(2).
        #expect(
            try Folder.text(of: folder.path + "/aggregate.csv") == """
                viewers,metric,n,mean,ci95_low,ci95_high,sd
                5,offload,1,1,,,
                10,offload,2,0.5,-2.67655118,3.67655118,0.353553391

                """)
    }

    @Test func `forgets a failure when the run has finished after all`() throws {
        let manifest = Self.manifest(5, 2)
        try folder.noteFailure(RunSummary(of: manifest, error: "no luck"))
        try finish(5, 2, offload: 1)
        #expect(try folder.rows().map(\.error) == [nil])
        folder.forgetFailure(of: manifest.runID)
        #expect(try shelf.names(in: "sweep/failed").isEmpty)
    }

    @Test func `removes what dead processes of this machine left, and nothing else`() throws {
        try finish(5, 1, offload: 1)
        let run = folder.folder(of: Self.manifest(5, 3).runID)
        // A process id beyond what Linux gives out, our own, and one of another machine.
        let kept = [ResultWriter.staging(for: run, by: getpid()), run + ".partial-elsewhere-1"]
        for path in kept + [ResultWriter.staging(for: run, by: 1 << 30)] { try Folder.make(path) }
        try folder.removeRemains()
        #expect(try shelf.names(in: "sweep/runs").count == 3)
        for path in kept { #expect(Folder.exists(path)) }
        #expect(try folder.rows().count == 1)
    }
}

@Suite struct `A quantity` {
    @Test func `is compared in one unit, if there is one`() {
        #expect(Quantity.common(["500 kbit/s", "2 Mbit/s"])?.numbers == [0.5, 2])
        #expect(Quantity.common(["500 kbit/s", "2 Mbit/s"])?.unit == "Mbit/s")
        #expect(Quantity.common(["5 %", "10%"])?.numbers == [5, 10])
        #expect(Quantity.common(["5", "10"])?.unit == "")
        #expect(Quantity.common(["5 s", "10 kB"]) == nil)
        #expect(Quantity.common(["stripes", "10"]) == nil)
        #expect(Quantity.common([]) == nil)
    }

    @Test func `orders words with numbers as people do`() {
        let labels = ["uplink 10 Mbit/s", "uplink 2 Mbit/s, viewers 50", "uplink 2 Mbit/s, viewers 5"]
        #expect(labels.sorted(by: Quantity.precedes) == labels.reversed())
    }
}
