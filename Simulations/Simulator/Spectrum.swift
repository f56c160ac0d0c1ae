package import Vocabulary

/// How many times fell into each of many bins, none wider than a hundredth of its value.
package struct Spectrum: Hashable, Sendable {
    private var counts: [UInt32] = []
    package private(set) var count = 0
    package private(set) var total = Interval.zero

    /// Bins from one power of two of microseconds to the next.
    private static let steps = 128

    package init() {}

    package mutating func add(_ time: Interval) {
        let place = Self.place(time)
        if place >= counts.count { counts += Array(repeating: 0, count: place + 1 - counts.count) }
        counts[place] += 1
        count += 1
        total = total + time
    }

    /// The first bins hold one microsecond each; further up, 128 of them share each power of two.
    private static func place(_ time: Interval) -> Int {
        let value = Int(max(0, time.nanoseconds / 1_000))
        guard value >= Self.steps else { return value }
        let exponent = value.bitWidth - 1 - value.leadingZeroBitCount - 7
        return exponent * Self.steps + value >> exponent
    }

    private static func upperEdge(_ place: Int) -> Interval {
        let exponent = max(0, place / Self.steps - 1)
        return .microseconds(Int64((place - exponent * Self.steps + 1) << exponent))
    }

    /// The bins that are not empty, ascending.
    package var bins: [(upperEdge: Interval, count: Int)] {
        counts.enumerated().filter { $1 > 0 }.map { (Self.upperEdge($0), Int($1)) }
    }

    /// The upper edge of the bin in which the share `q` of all is reached; `nil` when there is none.
    package func quantile(_ q: Double) -> Interval? {
        guard count > 0 else { return nil }
        let rank = min(count, Int(q * Double(count)) + 1)
        var seen = 0
        for (place, bin) in counts.enumerated() {
            seen += Int(bin)
            if seen >= rank { return Self.upperEdge(place) }
        }
        return nil
    }
}
