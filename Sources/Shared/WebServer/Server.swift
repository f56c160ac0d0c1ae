package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

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
        host: String, port: Int, group: any EventLoopGroup, limits: ServerLimits = .init(), handler: @escaping Handler
    ) async throws -> Server {
        let connections = Connections(limit: limits.connections)
        let malformed = MalformedRequests()
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                guard connections.admit(channel) else {
                    malformed.count(.tooManyConnections)
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    var decoding = NIOHTTPDecoderLimitConfiguration()
                    decoding.maxHeaderFieldSize = limits.headerField
                    decoding.maxHeaderListSize = limits.headerList
                    decoding.maxHeaderFieldCount = limits.headerFields
                    let connection = Connection(limits: limits, malformed: malformed, handler: handler)
                    let decoder = HTTPRequestDecoder(
                        leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop,
                        limitConfiguration: decoding)
                    try channel.pipeline.syncOperations.addHandlers([
                        FirstByte(connection), ByteToMessageHandler(decoder), connection,
                    ])
                }
            }
            .bind(host: host, port: port).get()
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

/// The open connections of a server, at most `limit`.
private final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    func admit(_ channel: any Channel) -> Bool {
        let name = ObjectIdentifier(channel)
        let isAdmitted = state.withLock { state in
            guard !state.isClosed, state.open.count < limit else { return false }
            state.open[name] = channel
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in
                _ = self.state.withLock { $0.open.removeValue(forKey: name) }
            }
        }
        return isAdmitted
    }

    func close() -> [any Channel] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.open.values)
        }
    }
}
