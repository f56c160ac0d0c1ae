import Foundation
import Results
import Testing

@Suite struct `A result folder` {
    let shelf: Shelf

    init() throws { shelf = try Shelf() }

    private let points = [
        TimePoint(time: 1, metric: "offload", value: 0.5),
        TimePoint(time: 2, metric: "offload", group: "a,\"b\"", value: 1),
    ]
    private let viewers = [
        ViewerRow(
            viewer: 0, join: 0.25, leave: nil, up: 8e6, down: 4e7, region: "eu", nat: "open", role: "viewer", stalls: 0,
            stalled: 0, startup: nil, bytesFromPeers: 1 << 40, bytesFromOrigin: 0, bytesUploaded: 3)
    ]
    private let edges = [
        TreeEdge(segment: 3, piece: 0, from: nil, to: 4, sent: 1, arrived: 1.25),
        TreeEdge(segment: 3, piece: 0, from: 4, to: 5, sent: 1.5, arrived: 1.75),
    ]

    private func write(to folder: String) throws {
        let writer = try ResultWriter(folder: folder)
        let manifest = Shelf.manifest
        try writer.write(manifest)
        try writer.write(Host(cpuSeconds: 1, wallSeconds: 2, peakResidentBytes: 3, commit: nil))
        try writer.write(
            RunSummary(
                of: manifest, metrics: [.init("offload", 0.75), .init("delay_p50_s", .nan)],
                bounds: [.init("offload", 0.9)]))
        try writer.write(points, of: manifest.runID)
        try writer.write(
            [SegmentPoint(sequence: 1, published: 2, metric: "copies", value: 1.5)], of: manifest.runID)
        try writer.write(DistributionPoint.rows("delay_s", Histogram([1, 2, 2])), of: manifest.runID)
        try writer.write(viewers, of: manifest.runID)
        try writer.write(edges, of: manifest.runID)
        try writer.commit()
    }

    @Test func `gives back everything that was written`() throws {
        try write(to: shelf.path + "/run/")
        let folder = try ResultFolder(shelf.path + "/run")
        #expect(folder.manifest == Shelf.manifest)
        #expect(try folder.rows(TimePoint.self) == points)
        #expect(try folder.rows(ViewerRow.self) == viewers)
        #expect(try folder.rows(TreeEdge.self) == edges)
        #expect(try folder.rows(SegmentPoint.self).map(\.value) == [1.5])
        #expect(Histogram(of: "delay_s", in: try folder.rows(DistributionPoint.self)) == Histogram([1, 2, 2]))
        let summary = try folder.summary()
        #expect(summary.metric("offload") == 0.75)
        #expect(summary.metric("delay_p50_s") == nil)
        #expect(summary.bound("offload") == 0.9)
        #expect(summary.parameter("uplink") == "8 Mbit/s")
    }

    @Test func `appears whole, and leaves nothing when it is not committed`() throws {
        try write(to: shelf.path + "/run")
        #expect(try shelf.names() == ["run"])
        #expect(Set(try shelf.names(in: "run")) == Set(ResultWriter.files))
        _ = try ResultWriter(folder: shelf.path + "/other").write(Shelf.manifest)
        #expect(try shelf.names() == ["run"])
    }

    @Test func `has the same bytes when it is written again, and no file of an earlier run`() throws {
        try write(to: shelf.path + "/run")
        let first = try Data(contentsOf: URL(fileURLWithPath: shelf.path + "/run/viewers.csv"))
        _ = try shelf.write("mine", to: "run/notes.txt")
        try write(to: shelf.path + "/run")
        #expect(try Data(contentsOf: URL(fileURLWithPath: shelf.path + "/run/viewers.csv")) == first)
        let writer = try ResultWriter(folder: shelf.path + "/run")
        try writer.write(Shelf.manifest)
        try writer.commit()
        #expect(try shelf.names(in: "run") == ["manifest.json", "notes.txt"])
    }

    /// A limit on the size of files ends a write as a full disk does; it holds for a whole process, so one of its own.
    @Test func `leaves an earlier result as it was when the disk is full`() async throws {
        await #expect(processExitsWith: .success) {
            let shelf = try Shelf()
            let folder = shelf.path + "/run"
            let id = Shelf.manifest.runID
            let first = try ResultWriter(folder: folder)
            try first.write(Shelf.manifest)
            try first.write([TimePoint(time: 1, metric: "offload", value: 0.5)], of: id)
            try first.commit()
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1 << 16, rlim_max: 1 << 16)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let second = try ResultWriter(folder: folder)
            try second.write(Shelf.manifest)
            let many = (0..<100_000).map { TimePoint(time: Double($0), metric: "offload", value: 0.25) }
            let failure = try #require(throws: ResultFailure.self) { try second.write(many, of: id) }
            #expect(failure.exitCode == 73)
            #expect(failure.description.hasSuffix("the file would be larger than this system allows"))
            #expect(try ResultFolder(folder).rows(TimePoint.self).map(\.value) == [0.5])
        }
    }

    @Test func `names a run by what it was asked, whatever the order`() {
        let parameters = Shelf.manifest.parameters
        let id = RunID(parameters: parameters, seed: 7, tier: "events")
        #expect(id == RunID(parameters: parameters.reversed(), seed: 7, tier: "events"))
        #expect(id != RunID(parameters: parameters, seed: 8, tier: "events"))
        #expect(id != RunID(parameters: parameters, seed: 7, tier: "fluid"))
        #expect(id != RunID(parameters: [], seed: 7, tier: "events"))
        #expect(RunID(parsing: id.description) == id)
        // Known forever: an id in somebody's paper must keep its meaning.
        #expect(id.description == "714a56ce0a8c8951")
    }

    @Test func `is refused when it is not there, and nothing is written where nothing may be`() throws {
        let missing = try #require(throws: ResultFailure.self) { try ResultFolder(shelf.path + "/none") }
        #expect(missing.exitCode == 66)
        #expect(missing.description == "cannot read \(shelf.path)/none/manifest.json: there is no such file")
        let file = try shelf.write("x", to: "file")
        let blocked = try #require(throws: ResultFailure.self) { try ResultWriter(folder: file + "/run") }
        #expect(blocked.exitCode == 73)
        #expect(blocked.description.hasPrefix("cannot write \(file)"))
    }
}

@Suite struct `A table that is not as it should be` {
    let shelf: Shelf
    private static let header = "run_id,time_s,metric,group,value\n"
    private static let id = Shelf.manifest.runID.description

    init() throws {
        shelf = try Shelf()
        _ = try shelf.write(Shelf.manifest.json.indented, to: "manifest.json")
    }

    private func complaint(_ text: String) throws -> String {
        let path = try shelf.write(text, to: TimePoint.file)
        let folder = try ResultFolder(shelf.path)
        let failure = try #require(throws: ResultFailure.self) { try folder.rows(TimePoint.self) }
        #expect(failure.exitCode == 65)
        return failure.description.replacingOccurrences(of: path, with: TimePoint.file)
    }

    @Test(arguments: [
        ("", "timeseries.csv, line 1: the file is empty; a header line is expected"),
        ("time,value\n", "timeseries.csv, line 1: the header is \"time,value\", expected is "),
        ("\u{7f}ELF\u{1}", "timeseries.csv, line 1: the file ends in the middle of a line; it is not complete"),
        (header + "ID,1,offload,all,0.5", "line 2: the file ends in the middle of a line; it is not complete"),
        (header + "ID,1,offload,all,nan\n", "line 2: value is \"nan\", expected is a finite number"),
        (header + "ID,1,offload,all,\n", "line 2: value is \"\", expected is a finite number"),
        (header + "ID,1e999,offload,all,0\n", "line 2: time_s is \"1e999\", expected is a finite number"),
        (header + "ID,1,offload,all\n", "line 2: it has 4 fields instead of 5"),
        (header + "ID,1,offload,all,1,2\n", "line 2: it has 6 fields instead of 5"),
        (header + "ID,1,offload,all,1\n\n", "line 3: it has 1 fields instead of 5"),
        (header + "ID,1,\"offload,all,1\n", "line 2: a quoted field does not end"),
        (header + "ID,1,\"off\"load,all,1\n", "line 2: text follows a quoted field"),
        (header + "0123456789abcdef,1,offload,all,1\n", "line 2: run_id is \"0123456789abcdef\", expected is "),
    ])
    func `is refused with its file and line`(text: String, expected: String) throws {
        let sentence = try complaint(text.replacingOccurrences(of: "ID", with: Self.id))
        #expect(sentence.contains(expected), "\(sentence)")
        #expect(!sentence.contains("\u{1}") && !sentence.contains("\u{7f}"))
    }

    @Test func `is refused when counts are no counts`() throws {
        for field in ["-1", "1.5", "99999999999999999999"] {
            _ = try shelf.write(
                "run_id,metric,value,count\n\(Self.id),delay_s,1,\(field)\n", to: DistributionPoint.file)
            let folder = try ResultFolder(shelf.path)
            let failure = try #require(throws: ResultFailure.self) { try folder.rows(DistributionPoint.self) }
            #expect(failure.description.hasSuffix("line 2: count is \"\(field)\", expected is a whole number from 0"))
        }
    }

    @Test func `is refused when a line has no end`() throws {
        let sentence = try complaint(Self.header + String(repeating: "x", count: 9 << 20))
        #expect(sentence == "timeseries.csv, line 2: the line does not end; this is no result file")
    }

    @Test(arguments: [
        ("{", "is no manifest: it ends in the middle of a value"), ("[]", "is not of format 1"),
        (#"{"format":2}"#, "is not of format 1"),
        (#"{"format":1,"seed":-1,"parameters":{}}"#, "has no seed or no parameters"),
        (#"{"format":1,"seed":1,"parameters":{}}"#, "has no text \"version\""),
    ])
    func `is refused when it is a manifest`(text: String, expected: String) throws {
        let path = try shelf.write(text + "\n", to: "manifest.json")
        let failure = try #require(throws: ResultFailure.self) { try ResultFolder(shelf.path) }
        #expect(failure.description.contains(path + " " + expected), "\(failure)")
    }

    @Test(arguments: [
        ("{}\n", "line 1: run_id is missing or not 16 hexadecimal digits"),
        ("x\n", "line 1: it is not JSON: \"x\" is not expected there"),
        (
            #"{"run_id":"0123456789abcdef","scenario":"s","tier":"t","seed":1,"params":{},"metrics":{"m":"x"}}"# + "\n",
            "line 1: \"m\" is no number"
        ),
        (
            #"{"run_id":"0123456789abcdef"}"# + "\n",
            "line 1: scenario, tier, seed or params is missing or of a wrong kind"
        ),
    ])
    func `is refused when it is a summary`(text: String, expected: String) throws {
        let path = try shelf.write(text, to: RunSummary.file)
        let failure = try #require(throws: ResultFailure.self) { try RunSummary.read(path) }
        #expect(failure.description.hasSuffix(expected), "\(failure)")
    }
}
