package import NIOCore
import NIOHTTP1
import NIOPosix

/// A plain HTTP/1.1 server: bounded in everything that a stranger controls, and without any opinion on content.
package final class Server: Sendable {
    /// Answers one request; runs on the connection's event loop and may take as long as it likes.
    package typealias Handler = @Sendable (Request, any EventLoop) -> EventLoopFuture<Response>

    private let listener: any Channel
    private let connections: Connections
    private let requests: MalformedRequests

    /// Where the server listens, with the real port.
    package let address: SocketAddress
    package var port: Int { address.port ?? 0 }

    /// How many requests or connections were turned away, by reason.
    package var malformed: [MalformedRequest: Int] { requests.all }

    package static func start(
        host: String, port: Int, group: any EventLoopGroup, limits: ServerLimits = .init(), shortcut: Shortcut? = nil,
        handler: @escaping Handler
    ) async throws -> Server {
        let connections = Connections(limits)
        let malformed = MalformedRequests()
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer(AcceptPause.install)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Requests are short: a second read would mostly find nothing.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                if let quietest = connections.admit(channel) {
                    malformed.count(.tooManyConnections)
                    guard quietest !== channel else { return channel.close() }
                    quietest.close(promise: nil)
                }
                return channel.eventLoop.makeCompletedFuture {
                    var decoding = NIOHTTPDecoderLimitConfiguration()
                    decoding.maxHeaderFieldSize = limits.headerField
                    decoding.maxHeaderListSize = limits.headerList
                    decoding.maxHeaderFieldCount = limits.headerFields
                    let connection = Connection(limits: limits, malformed: malformed, handler: handler) { isBusy in
                        connections.note(channel, isBusy: isBusy)
                    }
                    let decoder = HTTPRequestDecoder(
                        leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                        limitConfiguration: decoding)
                    let first: any ChannelInboundHandler & RemovableChannelHandler =
                        shortcut.map { ShortcutHandler($0, connection) } ?? FirstByte(connection)
                    let parser = ByteToMessageHandler(decoder)
                    connection.forerunners = [first, parser]
                    try channel.pipeline.syncOperations.addHandlers([first, parser, connection])
                }
            }
            .bind(to: SocketAddress(host, port: port)).get()
        guard let address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
        return Server(listener: listener, connections: connections, requests: malformed, address: address)
    }

    private init(
        listener: any Channel, connections: Connections, requests: MalformedRequests, address: SocketAddress
    ) {
        self.listener = listener
        self.connections = connections
        self.requests = requests
        self.address = address
    }

    /// Closes the listener and every connection.
    package func stop() async {
        try? await listener.close()
        for channel in connections.close() { try? await channel.close() }
    }
}
