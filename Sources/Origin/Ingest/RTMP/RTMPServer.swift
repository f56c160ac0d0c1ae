package import NIOCore
import NIOPosix
import Synchronization
import Vocabulary

/// Takes the programmes of any number of encoders over RTMP.
package final class RTMPServer: Sendable {
    private let listener: any Channel
    private let connections: Crowd

    package var port: Int { listener.localAddress?.port ?? 0 }

    /// - Parameters:
    ///   - identity: a certificate makes it RTMPS.
    ///   - room: for how many connections.
    ///   - prepare: what is done with the listener before it listens.
    package static func start(
        at address: SocketAddress, tls identity: TLSIdentity? = nil, room: Int = Limits.encoders,
        group: any EventLoopGroup, reception: Reception,
        preparing prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<Void> = {
            $0.eventLoop.makeSucceededVoidFuture()
        }
    ) async throws -> RTMPServer {
        let crowd = Crowd(room: room)
        let transport = identity == nil ? "RTMP" : "RTMPS"
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer(prepare)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            // What we have said and nobody has acknowledged for so long was said to nobody (RFC 5482).
            .childChannelOption(.tcpOption(.init(rawValue: 18)), value: 10_000)
            .childChannelInitializer { channel in
                if let surplus = crowd.admit(channel) {
                    reception.malformed(
                        "too_many_connections", "there are too many, and it has shown no key yet", transport,
                        from: surplus.remoteAddress?.ipAddress ?? "an unknown address")
                    guard surplus !== channel else { return channel.close() }
                    surplus.close(promise: nil)
                }
                return channel.eventLoop.makeCompletedFuture {
                    if let identity {
                        guard let tls = TLSHandler(identity) else { throw TLSHandler.Failure() }
                        try channel.pipeline.syncOperations.addHandler(tls)
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        RTMPConnection(reception, transport: transport) { crowd.settle(channel) })
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
///
/// When there is no room, whoever has come first of those that have shown no key makes some: an encoder shows its own
/// within a few round trips, and a few hundred silent connections would keep all others out.
final class Crowd: Sendable {
    private struct Guest {
        let channel: any Channel
        let address: String
        /// Counts those that have come; `nil` once it has shown a right key.
        var number: Int?
    }

    private struct State {
        var open: [ObjectIdentifier: Guest] = [:]
        var count = 0
    }

    private let room: Int
    private let state = Mutex(State())

    init(room: Int = Limits.encoders) { self.room = room }

    /// Takes the connection in; returns the one that must be closed for it, which is itself when all others publish.
    func admit(_ channel: any Channel) -> (any Channel)? {
        let name = ObjectIdentifier(channel)
        let address = Reception.network(channel.remoteAddress?.ipAddress ?? "")
        let surplus = state.withLock { state -> (any Channel)? in
            state.count += 1
            state.open[name] = Guest(channel: channel, address: address, number: state.count)
            let neighbors = state.open.filter { $0.value.address == address }
            guard neighbors.count > Limits.encodersPerAddress || state.open.count > room else { return nil }
            let crowd = neighbors.count > Limits.encodersPerAddress ? neighbors : state.open
            let first = crowd.min { $0.value.number ?? .max < $1.value.number ?? .max }
            return first.flatMap { state.open.removeValue(forKey: $0.key)?.channel }
        }
        if surplus !== channel {
            channel.closeFuture.whenComplete { _ in _ = self.state.withLock { $0.open.removeValue(forKey: name) } }
        }
        return surplus
    }

    /// It publishes, and stays.
    func settle(_ channel: any Channel) { state.withLock { $0.open[ObjectIdentifier(channel)]?.number = nil } }

    var all: [any Channel] { state.withLock { $0.open.values.map(\.channel) } }
}
