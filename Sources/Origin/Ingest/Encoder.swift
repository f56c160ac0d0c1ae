package import OriginMedia
import Synchronization
import Vocabulary

/// One connection over which somebody wants to publish.
package final class Encoder: Sendable {
    let id: UInt64
    /// "RTMP", "RTMPS" or "SRT".
    let transport: String
    /// Without the port.
    let address: String
    let format: Feed.Format
    /// Says why, and ends the connection; from any thread.
    let hangUp: @Sendable (String) -> Void
    /// There is room for more bytes again; from any thread.
    let resume: @Sendable () -> Void
    private let heard: Atomic<Int64>
    private static let count = Atomic<UInt64>(0)

    package init(
        transport: String, address: String, format: Feed.Format, hangUp: @escaping @Sendable (String) -> Void,
        resume: @escaping @Sendable () -> Void
    ) {
        id = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        self.transport = transport
        self.address = address
        self.format = format
        self.hangUp = hangUp
        self.resume = resume
        heard = Atomic(MonotonicClock.now.nanoseconds)
    }

    /// Something has come from it.
    package func note() { heard.store(MonotonicClock.now.nanoseconds, ordering: .relaxed) }

    var lastHeard: Instant { Instant(nanoseconds: heard.load(ordering: .relaxed)) }

    var name: String { "\(transport) from \(address)" }
}
