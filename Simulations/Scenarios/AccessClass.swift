/// A share of viewers with one kind of line.
package struct AccessClass: Hashable, Sendable {
    package let share: Double
    package let up: Rate
    package let down: Rate

    /// Lines of homes by technology, as offered: synthetic, in the proportions of the technologies in fixed lines of the
    /// OECD at the end of 2022 (fibre 38 %, cable 32 %, DSL 24 %, others 6 %), with each technology's usual tariffs.
    /// For measured distributions, `uplink = from(<file>)` reads tables such as those of the FCC's Measuring Broadband
    /// America or of Ookla's open data.
    package static let mixes: [String: [AccessClass]] = [
        "homes": [
            line(0.38, 100, 250), line(0.16, 20, 200), line(0.16, 40, 500), line(0.16, 10, 50), line(0.08, 5, 16),
            line(0.06, 8, 40),
        ],
        // As in the years when most peer-assisted broadcasts were measured: asymmetric lines that cannot carry what they
        // take.
        "asymmetric": [line(0.5, 1, 16), line(0.3, 2, 25), line(0.2, 10, 100)],
    ]

    private static func line(_ share: Double, _ up: Double, _ down: Double) -> AccessClass {
        AccessClass(share: share, up: .bitsPerSecond(up * 1e6), down: .bitsPerSecond(down * 1e6))
    }
}

/// The lines of the viewers.
package enum Lines: Hashable, Sendable {
    case spread(up: Spread, down: Spread)
    case classes([AccessClass])
    case mix(String)

    /// The classes, if viewers fall into some.
    package var classes: [AccessClass]? {
        switch self {
        case .spread: nil
        case .classes(let classes): classes
        case .mix(let name): AccessClass.mixes[name]
        }
    }

    /// `mix(<name>)`, or classes as `<share>: <up> / <down>`, with commas between.
    init?(_ text: String) throws(Refusal) {
        guard let (name, arguments) = Quantity.call(text) else { return nil }
        switch (name, arguments.count) {
        case ("mix", 1):
            guard AccessClass.mixes[arguments[0]] != nil else {
                let names = AccessClass.mixes.keys.sorted().joined(separator: ", ")
                throw Refusal("there is no mix \"\(arguments[0])\"; there are \(names)")
            }
            self = .mix(arguments[0])
        case ("classes", 1...):
            var classes: [AccessClass] = []
            for argument in arguments {
                let parts = argument.split(separator: ":")
                guard parts.count == 2, let share = Quantity.share(parts[0]) else { return nil }
                // A rate's unit has a stroke of its own, so the one between the two rates stands among blanks.
                let rates = Self.split(Quantity.trim(parts[1]))
                guard rates.count == 2, let up = Rate(rates[0]), let down = Rate(rates[1]) else { return nil }
                classes.append(AccessClass(share: share, up: up, down: down))
            }
            guard abs(classes.reduce(0) { $0 + $1.share } - 1) < 1e-6 else {
                throw Refusal("the shares are not 100 % in all")
            }
            self = .classes(classes)
        default: return nil
        }
    }

    private static func split(_ text: String) -> [String] {
        var sides = [""]
        for word in text.split(separator: " ") {
            if word == "/" { sides.append("") } else { sides[sides.count - 1] += " " + word }
        }
        return sides
    }

    var spelling: String {
        switch self {
        case .spread: "spread"
        case .mix(let name): "mix(\(name))"
        case .classes(let classes):
            "classes("
                + classes.map { "\(Quantity.spellShare($0.share)): \($0.up.spelling) / \($0.down.spelling)" }
                .joined(separator: ", ") + ")"
        }
    }
}
