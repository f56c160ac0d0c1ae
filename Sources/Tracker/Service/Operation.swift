import Synchronization
import TrackerCore
import Vocabulary

/// What an operator has set and may change while the tracker runs.
final class Operation: Sendable {
    private let draining = Atomic(false)
    private let requests: Mutex<RateLimit>

    /// - Parameter requestsPerSecond: to the directory, of one address; 0 for no limit.
    init(requestsPerSecond: Int, seed: UInt64) {
        requests = Mutex(RateLimit(perSecond: requestsPerSecond, seed: seed))
    }

    /// The tracker is about to stop: it answers as before, and tells balancers to send nobody new.
    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func drain() { draining.store(true, ordering: .relaxed) }

    func mayAsk(_ address: IPAddress, at now: Instant) -> Bool { requests.withLock { $0.admits(address, at: now) } }
}
