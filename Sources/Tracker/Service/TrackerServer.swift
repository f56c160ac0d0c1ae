import CDatagrams
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
    private let swarms: Swarms
    private let datagrams: DatagramDoor
    private let web: Server
    private let group: MultiThreadedEventLoopGroup

    /// Those that this process may run on.
    package static var processors: Int { Int(datagrams_processors()) }

    package var httpPort: Int { web.port }
    package var udpPort: Int { datagrams.port }

    package static func start(
        host: String, port: Int, udpHost: String, udpPort: Int, settings: Tracker.Settings = .init(),
        swarms swarmSettings: Swarms.Settings = .init(), workers: Int = 1
    ) async throws(StartError) -> TrackerServer {
        let shared = SharedTracker(settings: settings, seed: UInt64.random(in: .min ... .max))
        let swarms = Swarms(
            settings: swarmSettings, native: shared,
            secret: SwarmSecret(UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)))
        let datagrams: DatagramDoor
        do {
            datagrams = try DatagramDoor(
                host: udpHost, port: udpPort, workers: workers, shared: shared, swarms: swarms)
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
            return TrackerServer(shared: shared, swarms: swarms, datagrams: datagrams, web: web, group: group)
        } catch {
            await datagrams.stop()
            try? await group.shutdownGracefully()
            throw .http(error)
        }
    }

    private init(
        shared: SharedTracker, swarms: Swarms, datagrams: DatagramDoor, web: Server,
        group: MultiThreadedEventLoopGroup
    ) {
        self.shared = shared
        self.swarms = swarms
        self.datagrams = datagrams
        self.web = web
        self.group = group
    }

    /// Messages turned away as malformed so far, by reason.
    package var malformed: [String: Int] { shared.malformed }

    package var peerCount: Int { shared.with { $0.peerCount } }
    package var swarmCount: Int { shared.with { $0.swarmCount } }
    /// BitTorrent clients.
    package var clientCount: Int { swarms.peerCount }

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
