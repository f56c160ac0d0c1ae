import Testing
import Vocabulary

@Suite struct `Time` {
    @Test func `saturates instead of overflowing`() {
        #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
        #expect(Interval.milliseconds(.max).nanoseconds == .max)
        #expect(Interval.microseconds(.min).nanoseconds == .min)
        #expect(Interval.seconds(.infinity).nanoseconds > 0)
    }
}
