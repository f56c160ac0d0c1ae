import Dispatch
package import Vocabulary

/// The machine's monotonic clock, by which everything of an origin waits and measures.
package enum MonotonicClock {
    package static var now: Instant { Instant(nanoseconds: Int64(clamping: DispatchTime.now().uptimeNanoseconds)) }
}
