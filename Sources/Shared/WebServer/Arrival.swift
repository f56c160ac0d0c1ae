import Glibc
import NIOCore

/// Tells when what was written to a connection has reached the client: the socket's buffer takes an answer long before.
///
/// The system says only whether anything is on its way, so an answer is taken to have arrived when all behind it has, too.
final class Arrival {
    private static let shortestPause = TimeAmount.milliseconds(10)
    private static let longestPause = TimeAmount.milliseconds(80)
    /// Whoever acknowledges nothing for longer is not waited for.
    private static let patience = TimeAmount.seconds(15)

    private let channel: any Channel
    private var waiting: [(since: NIODeadline, escort: any Escort)] = []
    /// Acknowledged in the connection's life before what waits first.
    private var before: UInt64?
    private var pause = Arrival.shortestPause
    private var isLooking = false

    init(on channel: any Channel) { self.channel = channel }

    /// What was written so far has ended when all of it has been acknowledged, and not whole when the connection ends or
    /// nothing is heard for long.
    func wait(_ escort: any Escort) {
        waiting.append((.now(), escort))
        pause = Self.shortestPause
        look(in: pause)
    }

    /// The connection has ended.
    func end() {
        let ended = waiting
        waiting = []
        for (_, escort) in ended { escort.ended(isWhole: false) }
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
                guard let progress = try? result.get() else { return self.seen(false) }
                self.carried(progress.acknowledged)
                let isQuiet = progress.unacknowledged == 0 && progress.unsent == 0
                // What the socket has not taken yet waits in the channel.
                self.seen(isQuiet && self.channel.isWritable)
            }
        }
    }

    /// Of several that wait, only the first is under way for certain.
    private func carried(_ acknowledged: UInt64) {
        let before = self.before ?? acknowledged
        self.before = before
        waiting.first?.escort.carried(Int(clamping: acknowledged &- before))
    }

    private func seen(_ hasArrived: Bool) {
        isLooking = false
        let limit = NIODeadline.now() - Self.patience
        let ended = waiting.prefix { hasArrived || $0.since < limit }
        waiting.removeFirst(ended.count)
        if !ended.isEmpty { before = nil }
        for (_, escort) in ended { escort.ended(isWhole: hasArrived) }
        pause = min(pause * 2, Self.longestPause)
        look(in: pause)
    }

    /// The first part of `struct tcp_info` of linux/tcp.h; glibc's own ends before what is of interest.
    private struct Progress {
        var states: UInt64 = 0
        var counts = InlineArray<24, UInt32>(repeating: 0)
        var rates = InlineArray<2, UInt64>(repeating: 0)
        /// Bytes, in the connection's life.
        var acknowledged: UInt64 = 0
        var received: UInt64 = 0
        var packets = InlineArray<2, UInt32>(repeating: 0)
        /// Bytes, for which the client may have no room.
        var unsent: UInt32 = 0

        /// Packets.
        var unacknowledged: UInt32 { counts[4] }
    }
}
