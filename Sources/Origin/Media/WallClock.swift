import Glibc

/// Unix time in milliseconds, for people and for what is told to players: it may jump, so nothing waits by it.
package enum WallClock {
    package static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
