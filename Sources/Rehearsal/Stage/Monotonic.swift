import Glibc
package import Vocabulary

extension Instant {
    /// The kernel's monotonic clock, which all processes of a machine share.
    package static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
