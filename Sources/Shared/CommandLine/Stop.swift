import Dispatch
import Glibc
import Synchronization

package enum StopReason: Sendable {
    case signal(Int32)
    case timeUp
}

/// Notes SIGINT and SIGTERM from now on, so that none is missed between a command's "ready" and its `waitForStop`,
/// and makes a write to a closed connection an error instead of the end of the process.
package func prepareForSignals() {
    signal(SIGPIPE, SIG_IGN)
    _ = Signals.shared
}

/// Waits for SIGINT, SIGTERM or, if given, for `duration` seconds.
///
/// A second signal ends the process at once.
package func waitForStop(duration: Double? = nil) async -> StopReason {
    let signals = Signals.shared
    // Time that nobody lives to see would overflow the deadline's arithmetic.
    if let duration, duration < 1e9 {
        DispatchQueue.global().asyncAfter(deadline: .now() + max(0, duration)) { signals.note(.timeUp) }
    }
    for await reason in signals.reasons { return reason }
    return .timeUp
}

/// Runs `body` whenever SIGHUP comes, which ends the process no more: operators send it to have files read again.
package func onHangUp(_ body: @escaping @Sendable () -> Void) {
    signal(SIGHUP, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
    source.setEventHandler(handler: body)
    source.resume()
    hangUps.withLock { $0.append(HangUp(source: source)) }
}

/// Keeps the sources alive.
private let hangUps = Mutex<[HangUp]>([])

// Unsafe only to the compiler: nobody touches the source any more.
private struct HangUp: @unchecked Sendable {
    let source: any DispatchSourceSignal
}

private final class Signals: Sendable {
    static let shared = Signals()

    let reasons: AsyncStream<StopReason>
    private let continuation: AsyncStream<StopReason>.Continuation
    private let seen = Mutex(0)
    // Unsafe only to the compiler: written in init and never read, it keeps the sources alive.
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []

    private init() {
        (reasons, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
        let numbers = [SIGINT, SIGTERM]
        for number in numbers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                let count = seen.withLock { seen in
                    seen += 1
                    return seen
                }
                guard count == 1 else { _exit(128 + number) }
                note(.signal(number))
            }
            source.resume()
            sources.append(source)
        }
    }

    func note(_ reason: StopReason) { continuation.yield(reason) }
}
