/// One key of a scenario file.
struct Key: Sendable {
    let name: String
    /// What a value may be, as the end of a sentence.
    let allowed: String
    /// Keys that say the same thing in another way.
    var excludes: [String] = []
    /// Returns whether the value is one.
    let read: @Sendable (inout Scenario, String, (String) -> String?) throws(Refusal) -> Bool
    /// `nil` when another key says it.
    let write: @Sendable (Scenario) -> String?

    init(
        _ name: String, _ allowed: String, excludes: [String] = [],
        read: @escaping @Sendable (inout Scenario, String, (String) -> String?) throws(Refusal) -> Bool,
        write: @escaping @Sendable (Scenario) -> String?
    ) {
        self.name = name
        self.allowed = allowed
        self.excludes = excludes
        self.read = read
        self.write = write
    }

    static func named(_ name: String) -> Key? { all.first { $0.name == name } }

    // MARK: Kinds

    private static func time(
        _ name: String, _ range: ClosedRange<Double>, _ path: any (WritableKeyPath<Scenario, Double> & Sendable)
    ) -> Key {
        let bounds = "\(Quantity.spell(range.lowerBound)) s to \(Quantity.spell(range.upperBound)) s"
        return Key(name, "a time from \(bounds) with us, ms, s, min or h") { scenario, text, _ throws(Refusal) in
            guard let value = Quantity.time(text), range.contains(value) else { return false }
            scenario[keyPath: path] = value
            return true
        } write: {
            Quantity.spell($0[keyPath: path]) + " s"
        }
    }

    private static func share(
        _ name: String, _ path: any (WritableKeyPath<Scenario, Double> & Sendable), to limit: Double = 1
    )
        -> Key
    {
        Key(name, "a share from 0 % to \(Quantity.spellShare(limit))") { scenario, text, _ throws(Refusal) in
            guard let value = Quantity.share(text), value <= limit else { return false }
            scenario[keyPath: path] = value
            return true
        } write: {
            Quantity.spellShare($0[keyPath: path])
        }
    }

    private static func outage(_ name: String, _ path: any (WritableKeyPath<Scenario, Scenario.Outage?> & Sendable))
        -> Key
    {
        Key(name, "`none`, or `at 20 s for 4 s`") { scenario, text, _ throws(Refusal) in
            guard text != "none" else {
                scenario[keyPath: path] = nil
                return true
            }
            let words = text.split(separator: " ")
            guard words.first == "at", let middle = words.firstIndex(of: "for"),
                let start = Quantity.time(words[1..<max(1, middle)].joined(separator: " ")),
                let length = Quantity.time(words[(middle + 1)...].joined(separator: " ")), start <= 1e6, length > 0,
                length <= 1e6
            else { return false }
            scenario[keyPath: path] = Scenario.Outage(start: start, length: length)
            return true
        } write: { scenario in
            scenario[keyPath: path].map { "at \(Quantity.spell($0.start)) s for \(Quantity.spell($0.length)) s" }
                ?? "none"
        }
    }

    private static func optionalCount(
        _ name: String, _ range: ClosedRange<Int>, _ path: any (WritableKeyPath<Scenario, Int?> & Sendable)
    ) -> Key {
        Key(name, "`default`, or a number from \(range.lowerBound) to \(range.upperBound)") {
            scenario, text, _ throws(Refusal) in
            guard text != "default" else {
                scenario[keyPath: path] = nil
                return true
            }
            guard let value = Quantity.count(text), range.contains(value) else { return false }
            scenario[keyPath: path] = value
            return true
        } write: {
            $0[keyPath: path].map(String.init) ?? "default"
        }
    }

    private static let rateWords = "bit/s, kbit/s, Mbit/s or Gbit/s, or with x for a multiple of the bitrate"
    private static let spreadWords =
        "a number with \(rateWords), `unlimited`, `lognormal(<median>, <sigma>)` or `from(<file>)`"

    // MARK: The table

    static let all: [Key] = [
        Key("viewers", "a number from 1 to 2000000") { scenario, text, _ throws(Refusal) in
            guard let value = Quantity.count(text), (1...2_000_000).contains(value) else { return false }
            scenario.viewers = value
            return true
        } write: { scenario in
            if case .trace = scenario.arrivals { return nil }
            return String(scenario.viewers)
        },
        Key("bitrate", "a number with bit/s, kbit/s, Mbit/s or Gbit/s, to 1 Gbit/s", excludes: ["segment-size"]) {
            scenario, text, _ throws(Refusal) in
            guard let value = Quantity.rate(text), value >= 1_000, value <= 1e9 else { return false }
            scenario.volume = .bitrate(value)
            return true
        } write: { scenario in
            guard case .bitrate(let rate) = scenario.volume else { return nil }
            return "\(Quantity.spell(rate)) bit/s"
        },
        Key("segment-size", "a number with B, kB, MB, KiB or MiB, to 31.25 MiB", excludes: ["bitrate"]) {
            scenario, text, _ throws(Refusal) in
            guard let value = Quantity.size(text), value >= 1 else { return false }
            scenario.volume = .segment(value)
            return true
        } write: { scenario in
            guard case .segment(let bytes) = scenario.volume else { return nil }
            return "\(bytes) B"
        },
        time("segment-duration", 0.2...60, \.segmentDuration),
        time("length", 1...86_400, \.length),
        Key("origin-uplink", "`unlimited`, or a number with \(rateWords)") { scenario, text, _ throws(Refusal) in
            guard let rate = Rate(text) else { return false }
            scenario.originUplink = rate
            return true
        } write: {
            $0.originUplink.spelling
        },
        outage("origin-outage", \.originOutage),
        outage("tracker-outage", \.trackerOutage),
        Key("uplink", spreadWords, excludes: ["lines"]) { scenario, text, reading throws(Refusal) in
            guard let spread = try Spread(text, reading: reading) else { return false }
            scenario.lines = .spread(up: spread, down: scenario.spreads.down)
            return true
        } write: { scenario in
            guard case .spread(let up, _) = scenario.lines else { return nil }
            return up.spelling
        },
        Key("downlink", spreadWords, excludes: ["lines"]) { scenario, text, reading throws(Refusal) in
            guard let spread = try Spread(text, reading: reading) else { return false }
            scenario.lines = .spread(up: scenario.spreads.up, down: spread)
            return true
        } write: { scenario in
            guard case .spread(_, let down) = scenario.lines else { return nil }
            return down.spelling
        },
        Key(
            "lines", "`mix(<name>)`, or classes as in `classes(50 %: 4 x / 40 Mbit/s, 50 %: 0 x / 40 Mbit/s)`",
            excludes: ["uplink", "downlink"]
        ) { scenario, text, _ throws(Refusal) in
            guard let lines = try Lines(text) else { return false }
            scenario.lines = lines
            return true
        } write: { scenario in
            if case .spread = scenario.lines { return nil }
            return scenario.lines.spelling
        },
        Key("shared-lines", "`none`, or `30 % in groups of 3` with groups of 2 to 100") {
            scenario, text, _ throws(Refusal) in
            guard text != "none" else {
                scenario.sharedLines = nil
                return true
            }
            let words = text.components("in groups of")
            guard words.count == 2, let share = Quantity.share(words[0]), let size = Quantity.count(words[1]),
                (2...100).contains(size)
            else { return false }
            scenario.sharedLines = Scenario.SharedLines(share: share, size: size)
            return true
        } write: { scenario in
            scenario.sharedLines.map { "\(Quantity.spellShare($0.share)) in groups of \($0.size)" } ?? "none"
        },
        time("delay", 0...60, \.delay),
        Key("region-delays", "`built-in`, or `matrix(<file>)`") { scenario, text, reading throws(Refusal) in
            guard text != "built-in" else {
                (scenario.regionDelays, scenario.regionFile) = (.builtIn, nil)
                return true
            }
            guard let (name, arguments) = Quantity.call(text), name == "matrix", arguments.count == 1 else {
                return false
            }
            scenario.regionDelays = try Regions(file: arguments[0], reading: reading)
            scenario.regionFile = arguments[0]
            return true
        } write: {
            $0.regionFile.map { "matrix(\($0))" } ?? "built-in"
        },
        Key("regions", "`none`, or regions with shares as in `europe 60 %, asia 40 %`") {
            scenario, text, _ throws(Refusal) in
            guard text != "none" else {
                scenario.regions = nil
                return true
            }
            // The line that names the delays may come later.
            guard let mixture = try Mixture(text) else { return false }
            scenario.regions = mixture
            return true
        } write: {
            $0.regions?.spelling ?? "none"
        },
        time("jitter", 0...10, \.jitter),
        share("loss", \.loss, to: 0.5),
        Key(
            "nat",
            "kinds with shares as in `none 60 %, restricted 40 %`; kinds are \(Scenario.natKinds.joined(separator: ", "))"
        ) { scenario, text, _ throws(Refusal) in
            guard let mixture = try Mixture(text, of: Scenario.natKinds) else { return false }
            scenario.nat = mixture.parts == [Mixture.Part(name: "none", share: 1)] ? nil : mixture
            return true
        } write: {
            $0.nat?.spelling ?? "none 100 %"
        },
        Key(
            "arrivals",
            "`at-once`, `over(5 s)`, `poisson(2 /s)`, `flash-crowd(<base>, <time>, <within>)` or `trace(<file>)`"
        ) { scenario, text, reading throws(Refusal) in
            guard let arrivals = try Arrivals(text, reading: reading) else { return false }
            scenario.arrivals = arrivals
            return true
        } write: {
            $0.arrivals.spelling
        },
        Key(
            "sessions",
            "`stay`, `exponential(<mean>)`, `lognormal(<median>, <sigma>)` or `weibull(<scale>, <shape>)`",
            excludes: ["churn"]
        ) { scenario, text, _ throws(Refusal) in
            guard let sessions = Sessions(text) else { return false }
            (scenario.sessions, scenario.churn) = (sessions, 0)
            return true
        } write: {
            $0.churn > 0 ? nil : $0.sessions.spelling
        },
        Key("churn", "a share in a time as in `10 %/min`", excludes: ["sessions"]) {
            scenario, text, _ throws(Refusal) in
            guard let churn = Quantity.turnover(text), churn <= 1 else { return false }
            (scenario.churn, scenario.sessions) = (churn, .stay)
            return true
        } write: { scenario in
            scenario.churn > 0 ? "\(Quantity.spell((scenario.churn * 6e12).rounded() / 1e9)) %/min" : nil
        },
        Key("exodus", "`none`, or a share and a moment as in `50 % at 30 s`") { scenario, text, _ throws(Refusal) in
            guard text != "none" else {
                scenario.exodus = nil
                return true
            }
            let words = text.components("at")
            guard words.count == 2, let share = Quantity.share(words[0]), let time = Quantity.time(words[1]),
                time <= 1e6
            else { return false }
            scenario.exodus = Scenario.Exodus(share: share, time: time)
            return true
        } write: { scenario in
            scenario.exodus.map { "\(Quantity.spellShare($0.share)) at \(Quantity.spell($0.time)) s" } ?? "none"
        },
        share("free-riders", \.freeRiders),
        Key("free-rider-uplink", "`same`, or a number with \(rateWords)") { scenario, text, _ throws(Refusal) in
            guard text != "same" else {
                scenario.freeRiderUplink = nil
                return true
            }
            guard let rate = Rate(text) else { return false }
            scenario.freeRiderUplink = rate
            return true
        } write: {
            $0.freeRiderUplink?.spelling ?? "same"
        },
        share("stalled-peers", \.stalledPeers),
        share("liars", \.liars),
        share("polluters", \.polluters),
        time("player-buffer", 0...60, \.playerBuffer),
        optionalCount("neighbors", 1...30, \.neighbors),
        optionalCount("injectors", 1...255, \.injectors),
        Key("seed", "a number from 0 to 999999999999999999") { scenario, text, _ throws(Refusal) in
            guard let value = Quantity.count(text) else { return false }
            scenario.seed = UInt64(value)
            return true
        } write: { _ in
            nil
        },
    ]
}

extension Scenario {
    fileprivate var spreads: (up: Spread, down: Spread) {
        guard case .spread(let up, let down) = lines else {
            return (.same(.bitsPerSecond(8e6)), .same(.bitsPerSecond(40e6)))
        }
        return (up, down)
    }
}

extension String {
    /// What stands before and after the first ` word `.
    fileprivate func components(_ word: String) -> [String] {
        let characters = Array(self)
        let mark = Array(" \(word) ")
        guard characters.count >= mark.count,
            let start = (0...characters.count - mark.count).first(where: {
                Array(characters[$0..<$0 + mark.count]) == mark
            })
        else { return [self] }
        return [String(characters[..<start]), String(characters[(start + mark.count)...])]
    }
}
