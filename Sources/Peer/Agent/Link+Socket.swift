import Glibc
import NIOCore

/// How a link's socket is set up.
extension Link {
    /// What the kernel holds unsent can neither be called back nor overtaken by a small frame (tcp(7)).
    private static let unsent = ChannelOptions.Types.SocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT))
    private static let unsentBytes = 32 << 10
    /// Two pieces: what is in the channel can neither be called back nor overtaken, either.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 16 << 10, high: 32 << 10)

    /// How long sent bytes may lie unacknowledged before the kernel ends the connection (tcp(7)): a neighbor whose
    /// machine has vanished says nothing, and retransmission alone would go on for a quarter of an hour.
    private static let userTimeout = ChannelOptions.Types.SocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT))
    private static let userTimeoutMilliseconds = 10_000

    /// Lets connections leave from the port that a listener has, when both say so (socket(7)).
    static let sharedPort = ChannelOptions.Types.SocketOption(
        level: .socket, name: NIOBSDSocket.Option(rawValue: SO_REUSEPORT))

    /// How often the kernel repeats its answer to who opens a connection (tcp(7)). A NAT that remembers our own attempt may
    /// drop it, and for a minute, by default, nothing else could leave from that port to there.
    static let attempts = ChannelOptions.Types.SocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_SYNCNT))

    /// Makes the link the one handler of a new channel.
    func attach(to channel: any Channel) throws {
        let options = channel.syncOptions
        try options?.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options?.setOption(Self.unsent, value: Self.unsentBytes)
        try options?.setOption(Self.userTimeout, value: Self.userTimeoutMilliseconds)
        try options?.setOption(.writeBufferWaterMark, value: Self.waterMark)
        try channel.pipeline.syncOperations.addHandler(self)
    }
}
