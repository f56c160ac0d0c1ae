import Dispatch
import Synchronization
import Vocabulary

/// Where the encoders of one broadcast come in, one after the other.
package final class Entrance: Sendable {
    private let waiting = Mutex<Feed?>(nil)
    private let news = DispatchSemaphore(value: 0)

    package init() {}

    /// The newest encoder is the one that is taken.
    package func admit(_ feed: Feed) {
        waiting.withLock { $0 = feed }
        news.signal()
    }

    var hasNewcomer: Bool { waiting.withLock { $0 != nil } }

    /// Waits for an encoder, for at most `patience`; `nil` when none came, or the wait was interrupted.
    func take(within patience: Interval?, _ interrupt: Interrupt) -> Feed? {
        let end = patience.map { MonotonicClock.now + $0 } ?? .distantFuture
        while !interrupt.isStopped {
            let feed = waiting.withLock { feed in
                defer { feed = nil }
                return feed
            }
            if let feed { return feed }
            guard MonotonicClock.now < end else { return nil }
            _ = news.wait(timeout: .now() + .milliseconds(50))
        }
        return nil
    }
}
