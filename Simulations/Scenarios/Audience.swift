/// When viewers come.
package enum Arrivals: Hashable, Sendable {
    case atOnce
    /// Evenly over so many seconds.
    case over(Double)
    /// At a rate per second, until as many have come as the scenario has.
    case poisson(Double)
    /// Some at once, and the rest evenly within so many seconds from a moment on.
    case flashCrowd(base: Int, at: Double, within: Double)
    case trace(file: String, [Guest])

    init?(_ text: String, reading: (String) -> String?) throws(Refusal) {
        guard let (name, arguments) = Quantity.call(text) else { return nil }
        switch (name, arguments.count) {
        case ("at-once", 0): self = .atOnce
        case ("over", 1):
            guard let time = Quantity.time(arguments[0]), time <= 1e6 else { return nil }
            self = .over(time)
        case ("poisson", 1):
            guard let rate = Quantity.frequency(arguments[0]), rate > 0, rate <= 1e6 else { return nil }
            self = .poisson(rate)
        case ("flash-crowd", 3):
            guard let base = Quantity.count(arguments[0]), let time = Quantity.time(arguments[1]), time <= 1e6,
                let within = Quantity.time(arguments[2]), within <= 1e6
            else { return nil }
            self = .flashCrowd(base: base, at: time, within: within)
        case ("trace", 1): self = .trace(file: arguments[0], try Guest.list(in: arguments[0], reading))
        default: return nil
        }
    }

    var spelling: String {
        switch self {
        case .atOnce: "at-once"
        case .over(let time): "over(\(Quantity.spell(time)) s)"
        case .poisson(let rate): "poisson(\(Quantity.spell(rate)) /s)"
        case .flashCrowd(let base, let time, let within):
            "flash-crowd(\(base), \(Quantity.spell(time)) s, \(Quantity.spell(within)) s)"
        case .trace(let file, _): "trace(\(file))"
        }
    }
}

/// How long viewers stay.
package enum Sessions: Hashable, Sendable {
    /// To the end.
    case stay
    /// Of this mean, in seconds.
    case exponential(Double)
    case lognormal(median: Double, sigma: Double)
    case weibull(scale: Double, shape: Double)

    init?(_ text: String) {
        guard let (name, arguments) = Quantity.call(text) else { return nil }
        guard name != "stay" || !arguments.isEmpty else {
            self = .stay
            return
        }
        guard let first = arguments.first, let time = Quantity.time(first), time > 0, time <= 1e9 else { return nil }
        switch (name, arguments.count) {
        case ("exponential", 1): self = .exponential(time)
        case ("lognormal", 2):
            guard let sigma = Quantity.number(arguments[1]), sigma <= 5 else { return nil }
            self = .lognormal(median: time, sigma: sigma)
        case ("weibull", 2):
            guard let shape = Quantity.number(arguments[1]), (0.1...20).contains(shape) else { return nil }
            self = .weibull(scale: time, shape: shape)
        default: return nil
        }
    }

    /// Seconds at `quantile` (0..<1) of the law; `nil` for who stays.
    package func seconds(at quantile: Double) -> Double? {
        switch self {
        case .stay: nil
        case .exponential(let mean): mean * Sampling.exponential(at: quantile)
        case .lognormal(let median, let sigma): median * Sampling.exp(sigma * Sampling.normal(at: quantile))
        case .weibull(let scale, let shape): scale * Sampling.power(Sampling.exponential(at: quantile), 1 / shape)
        }
    }

    var spelling: String {
        switch self {
        case .stay: "stay"
        case .exponential(let mean): "exponential(\(Quantity.spell(mean)) s)"
        case .lognormal(let median, let sigma): "lognormal(\(Quantity.spell(median)) s, \(Quantity.spell(sigma)))"
        case .weibull(let scale, let shape): "weibull(\(Quantity.spell(scale)) s, \(Quantity.spell(shape)))"
        }
    }
}

/// One line of an arrivals trace.
package struct Guest: Hashable, Sendable {
    /// Seconds from the start.
    package var join: Double
    package var leave: Double?
    /// Bits per second; what is not told is drawn as for everybody.
    package var up: Double?
    package var down: Double?
    package var region: String?
    package var nat: String?
    package var role: String?

    /// What a viewer may be, as tables of viewers call it.
    package static let roles = ["viewer", "free-rider", "stalled", "liar", "polluter"]

    /// Viewers that one trace may have.
    static let limit = 2_000_000

    /// Reads the columns that it knows by the names in the first line, `join_s` at least, and passes over the others.
    static func list(in file: String, _ reading: (String) -> String?) throws(Refusal) -> [Guest] {
        guard let text = reading(file) else { throw Refusal("\(file) can't be read") }
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
        let header =
            lines.popFirst()?.split(separator: ",", omittingEmptySubsequences: false).map { Quantity.trim($0) } ?? []
        guard header.contains("join_s") else { throw Refusal("\(file):1 names no column join_s") }
        var guests: [Guest] = []
        for (number, line) in lines.enumerated() where !line.isEmpty {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == header.count, guests.count < limit else {
                throw Refusal("\(file):\(number + 2) has not as many fields as line 1, or is one too many")
            }
            func field(_ name: String) -> String? {
                header.firstIndex(of: name).map { Quantity.trim(fields[$0]) }.flatMap { $0.isEmpty ? nil : $0 }
            }
            func value(_ name: String) throws(Refusal) -> Double? {
                guard let text = field(name) else { return nil }
                guard let value = Quantity.number(text), value <= Rate.fastest else {
                    throw Refusal(
                        "\(file):\(number + 2) has \(name) = \"\(text.prefix(40))\", which is no number from 0")
                }
                return value
            }
            guard let join = try value("join_s") else { throw Refusal("\(file):\(number + 2) has no join_s") }
            func word(_ name: String, of known: [String]?) throws(Refusal) -> String? {
                guard let word = field(name) else { return nil }
                guard known?.contains(word) != false else {
                    throw Refusal(
                        "\(file):\(number + 2) has \(name) = \"\(word.prefix(40))\"; there are "
                            + (known ?? []).joined(separator: ", "))
                }
                return word
            }
            let leave = try value("leave_s")
            guard leave ?? .infinity >= join else { throw Refusal("\(file):\(number + 2) leaves before it joins") }
            let down = try value("down_bps")
            guard down != 0 else { throw Refusal("\(file):\(number + 2) has no downlink, and sees nothing") }
            guests.append(
                Guest(
                    join: join, leave: leave, up: try value("up_bps"), down: down,
                    region: try word("region", of: nil), nat: try word("nat", of: Scenario.natKinds),
                    role: try word("role", of: Guest.roles)))
        }
        guard !guests.isEmpty else { throw Refusal("\(file) has no viewer") }
        return guests.sorted { $0.join < $1.join }
    }
}
