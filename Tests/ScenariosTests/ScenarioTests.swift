import Scenarios
import Testing
import Vocabulary

@Suite struct `A scenario file` {
    static let question = "# Does it work?"

    static func parse(_ lines: String, overrides: [String] = [], files: [String: String] = [:]) throws -> Scenario {
        try Scenario(
            parsing: question + "\n" + lines, file: "test.scenario", overrides: overrides,
            policies: ["pieces": ["RarestFirst"]], reading: { files[$0] })
    }

    @Test func `says what its lines say, in any unit`() throws {
        let scenario = try Self.parse(
            """
            viewers = 12   # a dozen

            bitrate = 4Mbit/s
            segment-duration = 4000 ms
            uplink = lognormal(2 x, 0.5)
            delay = 0.02 s
            churn = 10 %/min
            origin-outage = at 1 min for 2 s
            length = 0.1 h
            policy.pieces = RarestFirst
            """)
        #expect(scenario.question == "Does it work?")
        #expect(scenario.viewers == 12)
        #expect(scenario.segmentLength == 2_000_000)
        #expect(scenario.segmentDuration == 4)
        #expect(scenario.delay == 0.02)
        #expect(scenario.churn == 0.1 / 60)
        #expect(scenario.originOutage?.start == 60)
        #expect(scenario.length == 360)
        #expect(scenario.policies == ["pieces": "RarestFirst"])
    }

    @Test(arguments: Catalog.names)
    func `that is built in survives being written and read again`(name: String) throws {
        let scenario = try #require(try Catalog.scenario(name))
        let again = try Scenario(parsing: scenario.text, name: name)
        #expect(again == scenario)
        #expect(again.text == scenario.text)
    }

    @Test func `gives way to the command line`() throws {
        let scenario = try Self.parse(
            "viewers = 5\nsegment-size = 1 MiB", overrides: ["viewers=7", "bitrate = 1 Mbit/s"])
        #expect(scenario.viewers == 7)
        #expect(scenario.segmentLength == 250_000)
    }

    @Test(arguments: [
        ("viewers = 0", 2, "viewers", "from 1 to"),
        ("viewers = 12 apples", 2, "viewers", "from 1 to"),
        ("viewers = 99999999999999999999", 2, "viewers", "from 1 to"),
        ("\nviewers = 1\nviewers = 2", 4, "viewers", "line 3"),
        ("wievers = 2", 2, "nil", "there is no key \"wievers\""),
        ("just words", 2, "nil", "key = value"),
        ("uplink = fast", 2, "uplink", "Mbit/s"),
        ("uplink = 8 MB", 2, "uplink", "Mbit/s"),
        ("uplink = -8 Mbit/s", 2, "uplink", "Mbit/s"),
        ("uplink = nan Mbit/s", 2, "uplink", "Mbit/s"),
        ("uplink = 1e400 Mbit/s", 2, "uplink", "Mbit/s"),
        ("uplink = lognormal(2 x)", 2, "uplink", "lognormal"),
        ("uplink = from(missing.csv)", 2, "uplink", "missing.csv can't be read"),
        ("uplink = from(falling.csv)", 2, "uplink", "falling.csv:3"),
        ("uplink = from(short.csv)", 2, "uplink", "share of 1"),
        ("segment-size = 1.5 B", 2, "segment-size", "KiB"),
        ("segment-size = 40 MiB", 2, "segment-size", "at most"),
        ("segment-size = 1 MiB\nbitrate = 1 Mbit/s", 3, "bitrate", "one of the two"),
        ("bitrate = 1 Gbit/s\nsegment-duration = 60 s", 3, "segment-duration", "at most"),
        ("length = 3 s\nsegment-duration = 4 s", 3, "segment-duration", "before its first segment"),
        ("delay = 20", 2, "delay", "ms"),
        ("loss = 60 %", 2, "loss", "50 %"),
        ("loss = 1", 2, "loss", "%"),
        ("lines = mix(castles)", 2, "lines", "homes"),
        ("lines = classes(50 %: 1 x / 2 x)", 2, "lines", "100 %"),
        ("lines = classes(100 %: 1 x / 0 x)", 2, "lines", "see nothing"),
        ("uplink = 1 x\nlines = mix(homes)", 3, "lines", "one of the two"),
        ("downlink = 0 x", 2, "downlink", "see nothing"),
        ("origin-uplink = 0 bit/s", 2, "origin-uplink", "nothing to show"),
        ("nat = cone 100 %", 2, "nat", "symmetric"),
        ("nat = none 50 %, none 50 %", 2, "nat", "twice"),
        ("nat = none 50 %", 2, "nat", "100 %"),
        ("regions = atlantis 100 %", 2, "regions", "europe"),
        ("regions = europe 100 %\nregion-delays = matrix(two.csv)", 3, "region-delays", "a, b"),
        ("churn = 1e-3 %/min", 2, "churn", "10 %/min"),
        ("region-delays = matrix(odd.csv)", 2, "region-delays", "odd.csv"),
        ("arrivals = over(2 h)", 2, "arrivals", "after the end"),
        ("arrivals = flash-crowd(40, 5 s, 1 s)", 2, "arrivals", "more than 30"),
        ("arrivals = trace(early.csv)", 2, "arrivals", "leaves before it joins"),
        ("arrivals = trace(nameless.csv)", 2, "arrivals", "join_s"),
        ("arrivals = trace(elsewhere.csv)", 2, "arrivals", "europe"),
        ("arrivals = trace(strange.csv)", 2, "arrivals", "free-rider"),
        ("arrivals = trace(walled.csv)", 2, "arrivals", "symmetric"),
        ("arrivals = trace(blind.csv)", 2, "arrivals", "sees nothing"),
        ("downlink = from(blinded.csv)", 2, "downlink", "see nothing"),
        ("downlink = lognormal(0 x, 1)", 2, "downlink", "lognormal"),
        ("arrivals = trace(good.csv)\nviewers = 3", 3, "viewers", "a trace says itself"),
        ("arrivals = trace(good.csv)\nchurn = 1 %/min", 3, "churn", "a trace says itself"),
        ("sessions = stay\nchurn = 1 %/min", 3, "churn", "one of the two"),
        ("sessions = weibull(10 s, 0)", 2, "sessions", "weibull"),
        ("exodus = 50 % at 2 min", 2, "exodus", "after the end"),
        ("exodus = half", 2, "exodus", "50 % at 30 s"),
        ("tracker-outage = at 10 s", 2, "tracker-outage", "for 4 s"),
        ("tracker-outage = for 10 s at", 2, "tracker-outage", "for 4 s"),
        ("free-riders = 60 %\npolluters = 60 %", 3, "polluters", "more than 100 %"),
        ("free-rider-uplink = 1 x", 2, "free-rider-uplink", "no free riders"),
        ("shared-lines = 10 % in groups of 1", 2, "shared-lines", "2 to 100"),
        ("policy.pieces = Best", 2, "policy.pieces", "RarestFirst"),
        ("policy.weather = Sunny", 2, "policy.weather", "policy.pieces"),
        ("neighbors = 0", 2, "neighbors", "from 1 to 30"),
        ("seed = -1", 2, "seed", "from 0"),
    ])
    func `is refused with its line, its key and what is allowed`(
        lines: String, line: Int, key: String, reason: String
    ) throws {
        let files = [
            "falling.csv": "bps,share\n1000,0.5\n900,1\n", "short.csv": "1000,0.5\n",
            "early.csv": "join_s,leave_s\n5,4\n", "nameless.csv": "viewer\n1\n", "good.csv": "join_s\n1\n",
            "odd.csv": "a,b\n1,2\n3\n", "elsewhere.csv": "join_s,region\n1,mars\n",
            "strange.csv": "join_s,role\n1,guest\n", "walled.csv": "join_s,nat\n1,cone\n",
            "two.csv": "a,b\n1,2\n3,4\n",
            "blind.csv": "join_s,down_bps\n1,0\n", "blinded.csv": "0,0.5\n9000,1\n",
        ]
        let error = try #require(throws: ScenarioError.self) { try Self.parse(lines, files: files) }
        #expect(error.file == "test.scenario")
        #expect(error.line == line)
        #expect(error.key ?? "nil" == key)
        #expect(error.description.contains(reason), "\(error)")
        #expect(error.description.hasPrefix("test.scenario:\(line): "))
    }

    @Test(arguments: ["", "viewers = 1", "# No question", "#?"])
    func `begins with its question`(text: String) throws {
        let error = try #require(throws: ScenarioError.self) { try Scenario(parsing: text) }
        #expect(error.line == 1)
    }

    @Test func `reads tables with the line ends of any editor`() throws {
        for end in ["\n", "\r\n", "\r"] {
            let files = [
                "up.csv": "bps,cumulative_share\(end)1000000,0\(end)3000000,1\(end)",
                "in.csv": "join_s\(end)1\(end)2\(end)", "m.csv": "a,b\(end)1,2\(end)3,4\(end)",
            ]
            let lines = [
                "uplink = from(up.csv)", "arrivals = trace(in.csv)", "region-delays = matrix(m.csv)",
                "regions = b 100 %",
            ]
            let scenario = try Self.parse(lines.joined(separator: end), files: files)
            #expect(scenario.audience == 2 && scenario.regionDelays.delays[1] == [0.003, 0.004])
        }
    }

    @Test func `means the same in whatever order its lines stand`() throws {
        let lines = ["regions = a 30 %, b 70 %", "region-delays = matrix(m.csv)", "nat = none", "delay = 1 ms"]
        let files = ["m.csv": "a,b\n1,2\n3,4\n"]
        let scenario = try Self.parse(lines.joined(separator: "\n"), files: files)
        #expect(try Self.parse(lines.reversed().joined(separator: "\n"), files: files) == scenario)
    }

    @Test func `reads a trace with blanks after its commas`() throws {
        let scenario = try Self.parse(
            "arrivals = trace(in.csv)", files: ["in.csv": "join_s, leave_s, role\n1, 5, liar\n2, , viewer\n"])
        guard case .trace(_, let guests) = scenario.arrivals else {
            Issue.record("arrivals are a trace")
            return
        }
        #expect(guests.map(\.leave) == [5, nil])
        #expect(guests.map(\.role) == ["liar", "viewer"])
    }

    @Test(arguments: [("0.005 %/min", 0.005 / 100 / 60), ("0.000001 %/s", 1e-8), ("90 % /h", 0.9 / 3_600)])
    func `may lose as few viewers as it likes`(churn: String, perSecond: Double) throws {
        let scenario = try Self.parse("churn = \(churn)")
        #expect((scenario.churn / perSecond - 1).magnitude < 1e-12)
    }

    @Test func `reads measured rates and draws them by their shares`() throws {
        let table = "bps,cumulative_share\n1000000,0\n3000000,0.5\n11000000,1\n"
        let scenario = try Self.parse("uplink = from(up.csv)", files: ["up.csv": table])
        guard case .spread(let up, _) = scenario.lines else {
            Issue.record("an uplink is a spread")
            return
        }
        #expect(up.bytesPerSecond(at: 0.25, beside: 1) == 2e6 / 8)
        #expect(up.bytesPerSecond(at: 0.75, beside: 1) == 7e6 / 8)
        #expect(scenario.inputs.map(\.file) == ["up.csv"])
    }
}

@Suite struct `Draws from laws` {
    @Test(arguments: [0.001, 0.5, 1, 2, 2.718281828459045, 1e-9, 123_456.789, 1e300])
    func `invert each other in exp and log`(x: Double) {
        #expect(abs(Sampling.exp(Sampling.log(x)) / x - 1) < 1e-13)
    }

    @Test(arguments: [(0.5, 0), (0.975, 1.959964), (0.025, -1.959964), (0.9999, 3.719016), (1e-9, -5.997807)])
    func `give the normal law's quantiles`(p: Double, z: Double) {
        #expect(abs(Sampling.normal(at: p) - z) < 2e-6)
    }

    /// The laws' own means: e^(mu + sigma^2 / 2), and scale times Gamma(1 + 1 / shape).
    @Test func `give session lengths with the means of their laws`() throws {
        func mean(_ sessions: String) throws -> Double {
            let scenario = try Scenario(parsing: "# Mean?\nsessions = \(sessions)")
            let count = 1_000_000
            return (0..<count).reduce(0) {
                $0 + (scenario.sessions.seconds(at: (Double($1) + 0.5) / Double(count)) ?? 0) / Double(count)
            }
        }
        #expect(abs(try mean("exponential(100 s)") - 100) < 0.1)
        #expect(abs(try mean("lognormal(80.15 s, 1.427247)") / 221.9 - 1) < 0.01)
        #expect(abs(try mean("weibull(40 s, 0.59)") / 61.5 - 1) < 0.01)
    }
}
