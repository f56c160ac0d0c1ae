/// A moment on somebody's monotonic clock, in nanoseconds since that clock's own start.
///
/// Usable from inline, as all here that is asked for every piece: of a type that is not, nothing is inlined elsewhere, and
/// `max` and `min` go through a table.
@usableFromInline package struct Instant: Hashable, Comparable, Sendable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable package var seconds: Double { Double(nanoseconds) / 1e9 }

    @inlinable package static var zero: Instant { Instant(nanoseconds: 0) }
    @inlinable package static var distantFuture: Instant { Instant(nanoseconds: .max) }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable package static func > (a: Self, b: Self) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable package static func <= (a: Self, b: Self) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable package static func >= (a: Self, b: Self) -> Bool { a.nanoseconds >= b.nanoseconds }
    @inlinable package static func == (a: Self, b: Self) -> Bool { a.nanoseconds == b.nanoseconds }

    @inlinable package static func + (a: Self, b: Interval) -> Instant {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return Instant(nanoseconds: overflow ? (b.nanoseconds > 0 ? .max : .min) : sum)
    }

    @inlinable package static func - (a: Self, b: Interval) -> Instant { a + Interval(nanoseconds: 0 &- b.nanoseconds) }

    @inlinable package static func - (a: Self, b: Self) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
}

/// A length of time in nanoseconds; negative when it points back.
@usableFromInline package struct Interval: Hashable, Comparable, Sendable {
    @usableFromInline package var nanoseconds: Int64

    @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable package static var zero: Interval { Interval(nanoseconds: 0) }

    @inlinable package static func seconds(_ value: Double) -> Interval {
        Interval(nanoseconds: Int64(max(-9.2e18, min(9.2e18, value * 1e9))))
    }

    @inlinable package static func milliseconds(_ value: Int64) -> Interval {
        let (product, overflow) = value.multipliedReportingOverflow(by: 1_000_000)
        return Interval(nanoseconds: overflow ? (value > 0 ? .max : .min) : product)
    }

    @inlinable package static func microseconds(_ value: Int64) -> Interval {
        let (product, overflow) = value.multipliedReportingOverflow(by: 1_000)
        return Interval(nanoseconds: overflow ? (value > 0 ? .max : .min) : product)
    }

    @inlinable package var seconds: Double { Double(nanoseconds) / 1e9 }
    @inlinable package var milliseconds: Int64 { nanoseconds / 1_000_000 }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable package static func > (a: Self, b: Self) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable package static func <= (a: Self, b: Self) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable package static func >= (a: Self, b: Self) -> Bool { a.nanoseconds >= b.nanoseconds }
    @inlinable package static func == (a: Self, b: Self) -> Bool { a.nanoseconds == b.nanoseconds }

    @inlinable package static func + (a: Self, b: Self) -> Interval {
        Interval(nanoseconds: a.nanoseconds &+ b.nanoseconds)
    }

    @inlinable package static func - (a: Self, b: Self) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }

    @inlinable package static func * (a: Self, b: Double) -> Interval { .seconds(a.seconds * b) }
}
