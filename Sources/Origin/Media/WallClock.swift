import CLibAVFormat

/// Unix time in milliseconds, for people and for what is told to players: it may jump, so nothing waits by it.
package enum WallClock {
    package static var now: Int64 { av_gettime() / 1_000 }
}
