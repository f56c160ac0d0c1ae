import NIOCore
import NIOPosix
import Synchronization
package import TrackerCore
import WebServer

/// A running tracker: one core behind a UDP port and an HTTP port.
package final class TrackerServer: Sendable {
    /// Which of the two ports could not be had.
    package enum StartError: Error {
        case http(any Error)
        case udp(any Error)
    }

    private let shared: SharedTracker
    private let datagrams: DatagramDoor
    private let web: Server
    private let group: MultiThreadedEventLoopGroup

    package var httpPort: Int { web.port }
    package var udpPort: Int { datagrams.port }

    package static func start(
        host: String, port: Int, udpHost: String, udpPort: Int, settings: Tracker.Settings = .init()
    ) async throws(StartError) -> TrackerServer {
        let shared = SharedTracker(settings: settings, seed: UInt64.random(in: .min ... .max))
        let datagrams: DatagramDoor
        do {
            datagrams = try DatagramDoor(host: udpHost, port: udpPort, shared: shared)
        } catch { throw .udp(error) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let door = WebDoor(shared: shared)
        let refusals = Refusals()
        do {
            let web = try await Server.start(host: host, port: port, group: group) { request, eventLoop in
                eventLoop.makeSucceededFuture(door.answer(request, malformed: refusals.counts))
            }
            refusals.follow(web)
            datagrams.start()
            return TrackerServer(shared: shared, datagrams: datagrams, web: web, group: group)
        } catch {
            await datagrams.stop()
            try? await group.shutdownGracefully()
            throw .http(error)
        }
    }

    private init(
        shared: SharedTracker, datagrams: DatagramDoor, web: Server, group: MultiThreadedEventLoopGroup
    ) {
        self.shared = shared
        self.datagrams = datagrams
        self.web = web
        self.group = group
    }

    /// Messages turned away as malformed so far, by reason.
    package var malformed: [String: Int] { shared.malformed }

    package var peerCount: Int { shared.with { $0.peerCount } }
    package var swarmCount: Int { shared.with { $0.swarmCount } }

    package func stop() async {
        await web.stop()
        await datagrams.stop()
        try? await group.shutdownGracefully()
    }
}

/// The web server's own counters, for the handler that was there before the server was.
private final class Refusals: Sendable {
    private let server = Mutex<Server?>(nil)

    func follow(_ web: Server) { server.withLock { $0 = web } }

    var counts: [String: Int] {
        let malformed = server.withLock { $0 }?.malformed ?? [:]
        return Dictionary(uniqueKeysWithValues: malformed.map { ($0.key.rawValue, $0.value) })
    }
}
