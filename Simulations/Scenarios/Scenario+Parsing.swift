import Vocabulary

extension Scenario {
    /// Characters that a scenario file may have.
    private static let sizeLimit = 100_000

    /// Reads a scenario file: a first line `# <question>?`, then `key = value` lines; `#` starts a comment.
    ///
    /// `overrides` are further `key = value` lines, from the command line; they win. `policies` are the names to choose
    /// from by question; without them, any word will do. `reading` gives the text of a file that a value names.
    package init(
        parsing text: String, name: String = "scenario", file: String = "scenario", overrides: [String] = [],
        policies choices: [String: [String]]? = nil, reading: (String) -> String? = { _ in nil }
    ) throws(ScenarioError) {
        guard text.utf8.count <= Self.sizeLimit else {
            throw ScenarioError(
                file: file, line: 1, key: nil, reason: "the file is longer than \(Self.sizeLimit) bytes")
        }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map { Quantity.trim($0) }
        guard let first = lines.first, first.hasPrefix("#"), first.hasSuffix("?"), first.count > 3 else {
            throw ScenarioError(
                file: file, line: 1, key: nil,
                reason: "the first line is the question that the scenario asks, as in `# Who stalls when half leave?`")
        }
        self.init(name: name, question: Quantity.trim(first.drop { $0 == "#" }))
        let places = try apply(Array(lines.dropFirst()), in: file, from: 2, choices, reading)
        let later = try apply(overrides.map { Quantity.trim($0) }, in: "--set", from: 1, choices, reading)
        try refuseTheImpossible(places.merging(later) { $1 })
    }

    private typealias Place = (file: String, line: Int)

    private mutating func apply(
        _ lines: [String], in file: String, from first: Int, _ choices: [String: [String]]?,
        _ reading: (String) -> String?
    ) throws(ScenarioError) -> [String: Place] {
        var places: [String: Place] = [:]
        for (number, line) in lines.enumerated() {
            let content = Quantity.trim(line.prefix { $0 != "#" })
            guard !content.isEmpty else { continue }
            func error(_ reason: String, key: String? = nil) -> ScenarioError {
                ScenarioError(file: file, line: first + number, key: key, reason: reason)
            }
            guard let equals = content.firstIndex(of: "=") else {
                throw error("\"\(content.prefix(60))\" is no line of the form `key = value`")
            }
            let key = Quantity.trim(content[..<equals])
            let value = Quantity.trim(content[content.index(after: equals)...])
            if let place = places[key] { throw error("it was given in line \(place.line) already", key: key) }
            if key.hasPrefix("policy.") {
                let question = String(key.dropFirst(7))
                if let reason = Self.refusal(of: value, for: question, among: choices) { throw error(reason, key: key) }
                policies[question] = value
                places[key] = (file, first + number)
                continue
            }
            guard let entry = Key.named(key) else {
                let names = Key.all.map(\.name).joined(separator: ", ")
                throw error("there is no key \"\(key.prefix(60))\"; there are \(names) and policy.<question>")
            }
            for other in entry.excludes {
                guard let place = places[other] else { continue }
                throw error("\(other) in line \(place.line) says it already: give one of the two", key: key)
            }
            var read: [String: UInt64] = [:]
            do throws(Refusal) {
                let isValue = try entry.read(&self, value) { path in
                    let text = reading(path)
                    read[path] = text.map(Self.hash)
                    return text
                }
                guard isValue else {
                    throw Refusal("\"\(value.prefix(60))\" is not \(entry.allowed)")
                }
            } catch {
                throw ScenarioError(file: file, line: first + number, key: key, reason: error.reason)
            }
            files.merge(read) { $1 }
            places[key] = (file, first + number)
        }
        return places
    }

    private static func refusal(of name: String, for question: String, among choices: [String: [String]]?) -> String? {
        guard let choices else {
            let isWord =
                !name.isEmpty && name.count <= 60 && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            return isWord ? nil : "\"\(name.prefix(60))\" is not the name of a policy"
        }
        guard let names = choices[question] else {
            let questions = choices.keys.sorted().map { "policy.\($0)" }.joined(separator: ", ")
            return "there is no such choice; " + (questions.isEmpty ? "there is none yet" : "there are \(questions)")
        }
        return names.contains(name) ? nil : "\"\(name.prefix(60))\" is not one of \(names.joined(separator: ", "))"
    }

    /// FNV-1a, so that a run is named by what its files say.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private func refuseTheImpossible(_ places: [String: Place]) throws(ScenarioError) {
        func refuse(_ keys: [String], unless holds: Bool, _ reason: String) throws(ScenarioError) {
            guard !holds else { return }
            let named = keys.compactMap { key in places[key].map { (key, $0) } }
            // What was said last made it impossible.
            let last = named.max { a, b in
                (a.1.file == "--set" ? 1 : 0, a.1.line) < (b.1.file == "--set" ? 1 : 0, b.1.line)
            }
            let (key, place) = last ?? (keys[0], ("the built-in values", 0))
            throw ScenarioError(file: place.file, line: place.line, key: key, reason: reason)
        }
        try refuse(
            ["segment-duration", "bitrate", "segment-size"], unless: segmentLength <= Limits.segmentLength,
            "a segment has \(segmentLength) bytes, and at most \(Limits.segmentLength) are allowed")
        try refuse(
            ["length", "segment-duration"], unless: length >= segmentDuration,
            "the broadcast ends before its first segment would")
        try refuse(
            ["free-riders", "stalled-peers", "liars", "polluters"],
            unless: freeRiders + stalledPeers + liars + polluters <= 1 + 1e-9,
            "free riders, stalled peers, liars and polluters are more than 100 % in all")
        try refuse(
            ["exodus"], unless: exodus.map { $0.time <= length } ?? true, "it comes after the end of the broadcast")
        for (key, outage) in [("origin-outage", originOutage), ("tracker-outage", trackerOutage)] {
            try refuse(
                [key], unless: outage.map { $0.start <= length } ?? true, "it comes after the end of the broadcast")
        }
        if case .flashCrowd(let base, let time, _) = arrivals {
            try refuse(
                ["arrivals", "viewers"], unless: base <= viewers,
                "\(base) viewers at first are more than \(viewers) in all")
            try refuse(["arrivals"], unless: time <= length, "the crowd comes after the end of the broadcast")
        }
        if case .over(let time) = arrivals {
            try refuse(["arrivals"], unless: time <= length, "viewers come after the end of the broadcast")
        }
        if case .trace = arrivals {
            let isOverridden = places["arrivals"]?.file == "--set" && places["viewers"]?.file != "--set"
            try refuse(
                ["arrivals", "viewers"], unless: places["viewers"] == nil || isOverridden,
                "a trace says itself how many viewers there are")
            try refuse(
                ["arrivals", "sessions", "churn"], unless: churn == 0 && sessions == .stay,
                "a trace says itself when viewers leave")
        }
        if case .trace(let file, let guests) = arrivals,
            let region = guests.lazy.compactMap(\.region).first(where: { !regionDelays.names.contains($0) })
        {
            try refuse(
                ["arrivals", "region-delays"], unless: false,
                "\(file) has a viewer in \"\(region.prefix(40))\"; the delays know only of "
                    + regionDelays.names.joined(separator: ", "))
        }
        if let region = regions?.parts.first(where: { !regionDelays.names.contains($0.name) }) {
            try refuse(
                ["regions", "region-delays"], unless: false,
                "there is no \"\(region.name.prefix(40))\"; the delays know only of "
                    + regionDelays.names.joined(separator: ", "))
        }
        try refuse(
            ["free-rider-uplink"], unless: freeRiderUplink == nil || freeRiders > 0, "there are no free riders")
        try refuse(
            ["origin-uplink"], unless: originUplink.bytesPerSecond(beside: bitrate) > 0,
            "an origin without an uplink has nothing to show")
        if case .spread(_, let down) = lines, case .same(let rate) = down {
            try refuse(
                ["downlink"], unless: rate.bytesPerSecond(beside: bitrate) > 0, "viewers without a downlink see nothing"
            )
        }
        if case .spread(_, .measured(let file, let steps)) = lines {
            try refuse(
                ["downlink"], unless: steps.allSatisfy { $0.rate > 0 },
                "\(file) has viewers without a downlink, and they see nothing")
        }
        for part in lines.classes ?? [] {
            try refuse(
                ["lines"], unless: part.down.bytesPerSecond(beside: bitrate) > 0,
                "viewers without a downlink see nothing")
        }
    }

    /// Every key but those of policies, and what its value may be.
    package static var keys: [(name: String, allowed: String)] { Key.all.map { ($0.name, $0.allowed) } }

    /// Every key but the seed with its value, spelled so that it is read as the same again.
    package var parameters: [(key: String, value: String)] {
        Key.all.compactMap { key in key.write(self).map { (key.name, $0) } }
            + policies.sorted { $0.key < $1.key }.map { ("policy.\($0.key)", $0.value) }
    }

    /// The files that values name, with what identifies their content; they are not part of a scenario file.
    package var inputs: [(file: String, hash: String)] {
        files.sorted { $0.key < $1.key }.map { ($0.key, String($0.value, radix: 16)) }
    }

    /// As a file that asks the same question in the same world.
    package var text: String {
        (["# \(question)"] + parameters.map { "\($0.key) = \($0.value)" }).joined(separator: "\n") + "\n"
    }
}
