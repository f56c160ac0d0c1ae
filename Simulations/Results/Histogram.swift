/// Counts of values that are not negative, in bins finer than one percent of the value; any two can be merged.
///
/// A bin is a 128th of the way from one power of two to the next. It follows from the value's bits alone, so it is the
/// same on every machine.
package struct Histogram: Hashable, Sendable {
    /// Bins by the leading bits of their values; zero has one of its own.
    private var counts: [Int32: Int] = [:]
    package private(set) var count = 0

    private static let binBits = 7
    private static let droppedBits = UInt64(Double.significandBitCount - binBits)

    package init() {}

    package init(_ values: some Sequence<Double>) { for value in values { add(value) } }

    /// Adds `count` times a finite value from 0.
    package mutating func add(_ value: Double, count: Int = 1) {
        precondition(value.isFinite && value >= 0 && count >= 0, "a histogram counts finite values from 0")
        guard count > 0 else { return }
        let bin = value == 0 ? -1 : Int32(truncatingIfNeeded: value.bitPattern >> Self.droppedBits)
        counts[bin, default: 0] += count
        self.count += count
    }

    package mutating func merge(_ other: Histogram) {
        counts.merge(other.counts, uniquingKeysWith: +)
        count += other.count
    }

    /// The bins that are not empty, ascending.
    package var bins: [(upperEdge: Double, count: Int)] {
        counts.sorted { $0.key < $1.key }.map { (Self.upperEdge($0.key), $0.value) }
    }

    private static func upperEdge(_ bin: Int32) -> Double {
        bin < 0 ? 0 : Double(bitPattern: UInt64(bin + 1) << droppedBits)
    }

    /// The upper edge of the bin in which the share `q` of all values is reached; `nil` without values.
    package func quantile(_ q: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = max(1, (q * Double(count)).rounded(.up))
        var seen = 0
        for bin in bins {
            seen += bin.count
            if Double(seen) >= rank { return bin.upperEdge }
        }
        return bins.last?.upperEdge
    }

    /// Reads the bins of one metric back from its rows.
    package init(of metric: String, in rows: some Sequence<DistributionPoint>) {
        // An edge is the first value of the next bin, and was rounded to nine digits: a little less lies inside.
        for row in rows where row.metric == metric { add(row.value * 0.999, count: row.count) }
    }
}
