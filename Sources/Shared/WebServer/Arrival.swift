import Glibc
import NIOCore

/// Tells when what was written to a connection has reached the client: the socket's buffer takes an answer long before.
///
/// The system says only whether anything is on its way, so an answer is taken to have arrived when all behind it has, too.
final class Arrival {
    private static let shortestPause = TimeAmount.milliseconds(10)
    private static let longestPause = TimeAmount.milliseconds(160)
    /// Whoever acknowledges nothing for longer is not waited for.
    private static let patience = TimeAmount.seconds(15)

    private let channel: any Channel
    private var waiting: [(since: NIODeadline, done: @Sendable (Bool) -> Void)] = []
    private var pause = Arrival.shortestPause
    private var isLooking = false

    init(on channel: any Channel) { self.channel = channel }

    /// Runs `done` once: with `true` when all that was written so far has been acknowledged, with `false` when the
    /// connection ends or nothing is heard for long.
    func wait(_ done: @escaping @Sendable (Bool) -> Void) {
        waiting.append((.now(), done))
        pause = Self.shortestPause
        look(in: pause)
    }

    /// The connection has ended.
    func end() {
        let ended = waiting
        waiting = []
        for (_, done) in ended { done(false) }
    }

    /// One look at a time for all that wait.
    private func look(in time: TimeAmount) {
        guard !isLooking, !waiting.isEmpty else { return }
        isLooking = true
        channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
            guard let socket = self.channel as? any SocketOptionProvider else { return self.seen(true) }
            let progress: EventLoopFuture<Progress> = socket.unsafeGetSocketOption(
                level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_INFO))
            progress.assumeIsolated().whenComplete { result in
                let isQuiet = (try? result.get()).map { $0.unacknowledged == 0 && $0.unsent == 0 } ?? false
                // What the socket has not taken yet waits in the channel.
                self.seen(isQuiet && self.channel.isWritable)
            }
        }
    }

    private func seen(_ hasArrived: Bool) {
        isLooking = false
        let limit = NIODeadline.now() - Self.patience
        let ended = waiting.prefix { hasArrived || $0.since < limit }
        waiting.removeFirst(ended.count)
        for (_, done) in ended { done(hasArrived) }
        pause = min(pause * 2, Self.longestPause)
        look(in: pause)
    }

    /// The first part of `struct tcp_info` of linux/tcp.h; glibc's own ends before what is of interest.
    private struct Progress {
        var states: UInt64 = 0
        var counts = InlineArray<24, UInt32>(repeating: 0)
        var rates = InlineArray<4, UInt64>(repeating: 0)
        var packets = InlineArray<2, UInt32>(repeating: 0)
        /// Bytes, for which the client may have no room.
        var unsent: UInt32 = 0

        /// Packets.
        var unacknowledged: UInt32 { counts[4] }
    }
}
