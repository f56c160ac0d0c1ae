package import NIOCore
import NIOPosix
import Synchronization
import Vocabulary

/// Takes the programmes of any number of encoders over RTMP.
package final class RTMPServer: Sendable {
    private let listener: any Channel
    private let connections: Crowd

    package var port: Int { listener.localAddress?.port ?? 0 }

    /// - Parameter identity: a certificate makes it RTMPS.
    package static func start(
        at address: SocketAddress, tls identity: TLSIdentity? = nil, group: any EventLoopGroup, reception: Reception
    ) async throws -> RTMPServer {
        let crowd = Crowd()
        let transport = identity == nil ? "RTMP" : "RTMPS"
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            // What we have said and nobody has acknowledged for so long was said to nobody (RFC 5482).
            .childChannelOption(.tcpOption(.init(rawValue: 18)), value: 10_000)
            .childChannelInitializer { channel in
                guard crowd.admit(channel) else {
                    reception.malformed(
                        "too_many_connections", "there are too many connections", transport,
                        from: channel.remoteAddress?.ipAddress ?? "an unknown address")
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    if let identity {
                        guard let tls = TLSHandler(identity) else { throw TLSHandler.Failure() }
                        try channel.pipeline.syncOperations.addHandler(tls)
                    }
                    try channel.pipeline.syncOperations.addHandler(RTMPConnection(reception, transport: transport))
                }
            }
            .bind(to: address).get()
        return RTMPServer(listener: listener, connections: crowd)
    }

    private init(listener: any Channel, connections: Crowd) {
        self.listener = listener
        self.connections = connections
    }

    package func stop() async {
        try? await listener.close()
        for channel in connections.all { try? await channel.close() }
    }
}

/// The open connections of encoders, bounded in all and for each address.
final class Crowd: Sendable {
    private let open = Mutex<[ObjectIdentifier: (channel: any Channel, address: String)]>([:])

    func admit(_ channel: any Channel) -> Bool {
        let name = ObjectIdentifier(channel)
        let address = Reception.network(channel.remoteAddress?.ipAddress ?? "")
        let isAdmitted = open.withLock { open in
            guard open.count < Limits.encoders,
                open.values.count(where: { $0.address == address }) < Limits.encodersPerAddress
            else { return false }
            open[name] = (channel, address)
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in _ = self.open.withLock { $0.removeValue(forKey: name) } }
        }
        return isAdmitted
    }

    var all: [any Channel] { open.withLock { $0.values.map(\.channel) } }
}
