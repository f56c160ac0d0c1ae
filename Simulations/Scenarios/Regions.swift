/// Where viewers are, and what packets take from one region to another.
package struct Regions: Hashable, Sendable {
    package let names: [String]
    /// One way in seconds, by the sender's region and the receiver's.
    package let delays: [[Double]]

    /// Round, in the middle of what cloud providers publish as round trips between their sites, halved.
    package static let builtIn = Regions(
        names: ["europe", "north-america", "south-america", "asia", "oceania"],
        delays: [
            [0.010, 0.045, 0.095, 0.085, 0.130],
            [0.045, 0.015, 0.065, 0.080, 0.085],
            [0.095, 0.065, 0.015, 0.140, 0.145],
            [0.085, 0.080, 0.140, 0.025, 0.060],
            [0.130, 0.085, 0.145, 0.060, 0.010],
        ])

    private init(names: [String], delays: [[Double]]) {
        self.names = names
        self.delays = delays
    }

    /// A first line of names, then a line of one-way delays in milliseconds for each sender's region; commas between.
    init(file: String, reading: (String) -> String?) throws(Refusal) {
        guard let text = reading(file) else { throw Refusal("\(file) can't be read") }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ",").map { Quantity.trim($0) } }
        guard let names = lines.first, !names.isEmpty, names.count <= 1_000, Set(names).count == names.count,
            names.allSatisfy({ !$0.isEmpty && !$0.contains(" ") })
        else { throw Refusal("\(file):1 does not name regions, each once and without blanks") }
        guard lines.count == names.count + 1 else {
            throw Refusal("\(file) has not one line of delays for each of its \(names.count) regions")
        }
        var delays: [[Double]] = []
        for (number, line) in lines.dropFirst().enumerated() {
            let row = line.compactMap { Quantity.number($0) }.filter { $0 <= 60_000 }
            guard row.count == names.count, line.count == names.count else {
                throw Refusal("\(file):\(number + 2) does not have \(names.count) delays from 0 to 60000 ms")
            }
            delays.append(row.map { $0 / 1_000 })
        }
        self.init(names: names, delays: delays)
    }
}
