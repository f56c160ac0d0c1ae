import NIOCore
import Vocabulary

/// The machine's monotonic clock.
enum Clock {
    static var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }
}
