/// How fast a line is.
package enum Rate: Hashable, Sendable {
    case bitsPerSecond(Double)
    /// As a multiple of the stream's bitrate.
    case times(Double)
    case unlimited

    /// The fastest line: 1 Tbit/s.
    static let fastest = 1e12

    init?(_ text: some StringProtocol) {
        if Quantity.trim(text) == "unlimited" {
            self = .unlimited
        } else if let rate = Quantity.rate(text), rate <= Self.fastest {
            self = .bitsPerSecond(rate)
        } else if let (number, unit) = Quantity.split(text), unit == "x", number <= 1e6 {
            self = .times(number)
        } else {
            return nil
        }
    }

    /// Bytes per second of a line beside a stream of `bitrate` bits per second.
    package func bytesPerSecond(beside bitrate: Double) -> Double {
        switch self {
        case .bitsPerSecond(let rate): rate / 8
        case .times(let factor): factor * bitrate / 8
        case .unlimited: .infinity
        }
    }

    var spelling: String {
        switch self {
        case .bitsPerSecond(let rate): "\(Quantity.spell(rate)) bit/s"
        case .times(let factor): "\(Quantity.spell(factor)) x"
        case .unlimited: "unlimited"
        }
    }
}

/// How the rates of one direction are spread over viewers.
package enum Spread: Hashable, Sendable {
    case same(Rate)
    /// A lognormal law of this median; `sigma` is the deviation of the logarithm.
    case lognormal(median: Rate, sigma: Double)
    /// A measured distribution: bits per second and the share of lines that are at most so fast, ascending.
    case measured(file: String, [Step])

    package struct Step: Hashable, Sendable {
        package let rate: Double
        package let share: Double
    }

    /// Bytes per second of the line at `quantile` (0..<1) of the spread.
    package func bytesPerSecond(at quantile: Double, beside bitrate: Double) -> Double {
        switch self {
        case .same(let rate): return rate.bytesPerSecond(beside: bitrate)
        case .lognormal(let median, let sigma):
            return median.bytesPerSecond(beside: bitrate) * Sampling.exp(sigma * Sampling.normal(at: quantile))
        case .measured(_, let steps):
            guard let above = steps.firstIndex(where: { $0.share >= quantile }) else {
                return (steps.last?.rate ?? 0) / 8
            }
            guard above > 0 else { return steps[0].rate / 8 }
            let (a, b) = (steps[above - 1], steps[above])
            return (a.rate + (b.rate - a.rate) * (quantile - a.share) / max(1e-12, b.share - a.share)) / 8
        }
    }

    /// The mean in bytes per second, where it has a closed form or is a table.
    package func mean(beside bitrate: Double) -> Double {
        switch self {
        case .same(let rate): return rate.bytesPerSecond(beside: bitrate)
        case .lognormal(let median, let sigma):
            return median.bytesPerSecond(beside: bitrate) * Sampling.exp(sigma * sigma / 2)
        case .measured:
            return (0..<1_000).reduce(0) {
                $0 + bytesPerSecond(at: (Double($1) + 0.5) / 1_000, beside: bitrate) / 1_000
            }
        }
    }

    init?(_ text: String, reading: (String) -> String?) throws(Refusal) {
        if let rate = Rate(text) {
            self = .same(rate)
            return
        }
        guard let (name, arguments) = Quantity.call(text) else { return nil }
        switch (name, arguments.count) {
        case ("lognormal", 2):
            guard let median = Rate(arguments[0]), median != .unlimited, median.bytesPerSecond(beside: 1) > 0,
                let sigma = Quantity.number(arguments[1]),
                sigma <= 5
            else { return nil }
            self = .lognormal(median: median, sigma: sigma)
        case ("from", 1):
            self = .measured(file: arguments[0], try Self.steps(in: arguments[0], reading))
        default: return nil
        }
    }

    /// A table of `bps,cumulative_share`, both ascending, up to a share of 1.
    private static func steps(in file: String, _ reading: (String) -> String?) throws(Refusal) -> [Step] {
        guard let text = reading(file) else { throw Refusal("\(file) can't be read") }
        var steps: [Step] = []
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            guard !line.isEmpty, number > 0 || !line.contains("bps") else { continue }
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 2, let rate = Quantity.number(fields[0]), rate <= Rate.fastest,
                let share = Quantity.number(fields[1]), share <= 1, rate >= steps.last?.rate ?? 0,
                share >= steps.last?.share ?? 0
            else {
                throw Refusal(
                    "\(file):\(number + 1) is not `bps,cumulative_share` with both growing from line to line")
            }
            steps.append(Step(rate: rate, share: share))
        }
        guard let last = steps.last, last.share == 1 else { throw Refusal("\(file) does not end at a share of 1") }
        return steps
    }

    var spelling: String {
        switch self {
        case .same(let rate): rate.spelling
        case .lognormal(let median, let sigma): "lognormal(\(median.spelling), \(Quantity.spell(sigma)))"
        case .measured(let file, _): "from(\(file))"
        }
    }
}
