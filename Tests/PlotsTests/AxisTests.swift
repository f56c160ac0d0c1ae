import Testing

@testable import Plots

@Suite struct `An axis` {
    @Test(arguments: [
        (0.0...1.0, 100.0, ["0", "20", "40", "60", "80", "100"]),
        (0...0.93, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0...37, 1, ["0", "10", "20", "30", "40"]), (-3...4, 1, ["\u{2212}4", "\u{2212}2", "0", "2", "4"]),
        (0...0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0...0.004, 1, ["0.000", "0.001", "0.002", "0.003", "0.004"]),
        (0...41_000, 1, ["0", "10\u{2009}000", "20\u{2009}000", "30\u{2009}000", "40\u{2009}000", "50\u{2009}000"]),
    ])
    func `has its ticks at round numbers and ends at them`(
        range: ClosedRange<Double>, factor: Double, labels: [String]
    ) {
        let axis = Axis.linear("", range, factor: factor, about: 5)
        #expect(axis.ticks.map(\.label) == labels)
        #expect(axis.range.lowerBound <= range.lowerBound && axis.range.upperBound >= range.upperBound)
    }

    @Test func `may end where the data ends`() {
        let axis = Axis.linear("", 3...58, about: 6, isExact: true)
        #expect(axis.range == 3...58)
        #expect(axis.ticks.map(\.label) == ["10", "20", "30", "40", "50"])
        #expect(axis.position(3) == 0 && axis.position(58) == 1)
    }

    @Test func `of logarithms has ticks at one, two and five`() {
        let axis = Axis.logarithmic("", 0.1...10)
        #expect(axis.ticks.map(\.label).filter { !$0.isEmpty } == ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
        #expect(abs(axis.position(1) - 0.5) < 1e-12)
        #expect(axis.position(0) < 0)
    }
}

@Suite struct `Text` {
    @Test func `of a picture is escaped, and what XML cannot hold is replaced`() {
        #expect(Drawing.escaped("a<b>&\"\u{1}\n") == "a&lt;b&gt;&amp;&quot;\u{fffd} ")
    }

    @Test func `is wrapped at spaces and shortened at its end`() {
        #expect(TextMetrics.wrapped("one two three", size: 10, width: 60) == ["one two", "three"])
        #expect(TextMetrics.shortened("one two three", size: 10, width: 40).hasSuffix("…"))
        #expect(TextMetrics.shortened("one", size: 10, width: 40) == "one")
    }
}
