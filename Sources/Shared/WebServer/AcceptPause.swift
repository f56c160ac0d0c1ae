package import NIOCore

/// A listener that cannot take who calls, because no more files may be open, tries again after a second. NIO would try at
/// once, for as long as somebody waits: a failed attempt leaves the read that is pending as it is, so that NIO's own
/// `AcceptBackoffHandler`, which puts off the next one, changes nothing.
package final class AcceptPause: ChannelInboundHandler, Sendable {
    package typealias InboundIn = any Channel

    private static let pause = TimeAmount.seconds(1)

    private init() {}

    @Sendable package static func install(on listener: any Channel) -> EventLoopFuture<Void> {
        listener.eventLoop.makeCompletedFuture {
            try listener.pipeline.syncOperations.addHandler(AcceptPause())
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else { return context.fireErrorCaught(error) }
        let listener = context.channel
        listener.setOption(.autoRead, value: false).whenSuccess {
            listener.eventLoop.scheduleTask(in: Self.pause) { listener.setOption(.autoRead, value: true) }
        }
    }
}
