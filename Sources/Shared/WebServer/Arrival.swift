import Glibc
import NIOCore

/// When what was written has reached the client: the socket's buffer takes an answer long before that.
enum Arrival {
    private static let pause = TimeAmount.milliseconds(20)
    /// A client that acknowledges nothing for longer is another's business.
    private static let patience = TimeAmount.seconds(15)

    /// Runs `done` once: with `true` when all that was written to the connection so far has been acknowledged, with `false`
    /// when the connection has ended before.
    static func wait(on context: ChannelHandlerContext, _ done: @escaping @Sendable (Bool) -> Void) {
        let channel = context.channel
        let written = context.eventLoop.makePromise(of: Void.self)
        // The system takes things in order, so that this is taken when all before it is.
        context.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer())), promise: written)
        written.futureResult.whenComplete { result in
            switch result {
            case .success: look(at: channel, until: .now() + patience, done)
            case .failure: done(false)
            }
        }
    }

    private static func look(
        at channel: any Channel, until deadline: NIODeadline, _ done: @escaping @Sendable (Bool) -> Void
    ) {
        guard let socket = channel as? any SocketOptionProvider, .now() < deadline else { return done(true) }
        let progress: EventLoopFuture<Progress> = socket.unsafeGetSocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_INFO))
        progress.whenComplete { result in
            switch result {
            case .success(let progress) where progress.unacknowledged == 0 && progress.unsent == 0: done(true)
            case .success: channel.eventLoop.scheduleTask(in: pause) { look(at: channel, until: deadline, done) }
            case .failure: done(false)
            }
        }
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
