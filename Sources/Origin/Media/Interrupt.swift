import CLibAVFormat
import Glibc
import Synchronization
import Vocabulary

/// What ends a blocking call of libavformat: a stop, or the call's own time limit.
final class Interrupt: Sendable {
    private let isStopping = Atomic(false)
    private let deadline = Atomic(Int64.max)

    var isStopped: Bool { isStopping.load(ordering: .relaxed) }

    func stop() { isStopping.store(true, ordering: .relaxed) }

    /// Calls from now on may block for `limit`; forever when `nil`.
    func arm(_ limit: Interval?) {
        let end = limit.map { (MonotonicClock.now + $0).nanoseconds } ?? .max
        deadline.store(end, ordering: .relaxed)
    }

    /// Whether what blocks must return now.
    var isDue: Bool { isStopped || MonotonicClock.now.nanoseconds > deadline.load(ordering: .relaxed) }

    /// The opaque pointer is not retained: the interrupt outlives whatever it is given to.
    var callback: AVIOInterruptCB {
        AVIOInterruptCB(
            callback: { opaque in
                guard let opaque else { return 0 }
                let interrupt = Unmanaged<Interrupt>.fromOpaque(opaque).takeUnretainedValue()
                return interrupt.isDue ? 1 : 0
            }, opaque: Unmanaged.passUnretained(self).toOpaque())
    }

    /// Waits, in short steps so that a stop is noticed soon.
    func sleep(_ length: Interval) {
        let end = MonotonicClock.now + length
        while !isStopped {
            let rest = (end - MonotonicClock.now).nanoseconds
            guard rest > 0 else { return }
            var step = timespec(tv_sec: 0, tv_nsec: Int(min(rest, 50_000_000)))
            nanosleep(&step, nil)
        }
    }

    /// A short wait for another thread.
    static func pause() {
        var step = timespec(tv_sec: 0, tv_nsec: 5_000_000)
        nanosleep(&step, nil)
    }
}
