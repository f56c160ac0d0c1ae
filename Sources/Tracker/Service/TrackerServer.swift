import CDatagrams
import Glibc
package import Logging
import NIOCore
import NIOPosix
import Synchronization
package import TrackerCore
import TrackerDirectory
import Vocabulary
import WebServer

/// A running tracker: one core and one directory behind UDP ports and HTTP ports.
package final class TrackerServer: Sendable {
    /// What could not be had.
    package enum StartError: Error {
        case http(TrackerOptions.Place, any Error)
        case udp(TrackerOptions.Place, any Error)
        case directory(String, any Error)
        case accessList(any Error)
    }

    private let shared: SharedTracker
    private let swarms: Swarms
    private let listings: Listings
    private let operation: Operation
    private let access: AccessGuard
    private let drain: Interval
    private let datagrams: [DatagramDoor]
    private let web: [Server]
    private let group: MultiThreadedEventLoopGroup
    private let upkeep: RepeatedTask
    private let dialer: Dialer

    /// Those that this process may run on.
    package static var processors: Int { Int(datagrams_processors()) }

    package var httpPort: Int { web.first?.port ?? 0 }
    package var udpPort: Int { datagrams.first?.port ?? 0 }
    /// In the order of the options.
    package var httpPorts: [Int] { web.map(\.port) }
    package var udpPorts: [Int] { datagrams.map(\.port) }

    package static func start(
        host: String, port: Int, udpHost: String, udpPort: Int, settings: Tracker.Settings = .init(),
        swarms: Swarms.Settings = .init(), workers: Int = 1
    ) async throws(StartError) -> TrackerServer {
        var options = TrackerOptions()
        options.http = [.init(host, port)]
        options.udp = [.init(udpHost, udpPort)]
        options.core = settings
        options.swarms = swarms
        options.workers = workers
        return try await start(options)
    }

    package static func start(
        _ options: TrackerOptions, log: Logger = Logger(label: "tracker")
    ) async throws(StartError) -> TrackerServer {
        let access: AccessGuard
        do {
            access = try AccessGuard(allow: options.allow, deny: options.deny, log: log)
        } catch { throw .accessList(error) }
        var core = options.core
        core.checksReachability = true
        let shared = SharedTracker(
            settings: core, access: access, announcesPerSecond: options.announcesPerSecond,
            seed: UInt64.random(in: .min ... .max))
        let operation = Operation(
            requestsPerSecond: options.requestsPerSecond, seed: UInt64.random(in: .min ... .max))
        let listings: Listings
        do {
            listings = try Listings(
                openDirectory(options), shared: shared, exchange: options.redis.map { Exchange($0, log: log) }, log: log
            )
        } catch { throw .directory(options.data ?? "", error) }
        let swarms = Swarms(
            settings: options.swarms, native: shared,
            secret: SwarmSecret(UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)))
        let datagrams = try openDatagrams(options, shared, swarms, log)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.workers)
        let swarmDoor = SwarmDoor(shared: shared, swarms: swarms)
        let socketDoor = SocketDoor(shared: shared, swarms: swarms, seed: UInt64.random(in: .min ... .max))
        let door = WebDoor(
            shared: shared, listings: listings, operation: operation, swarms: swarms, sockets: socketDoor)
        let refusals = Refusals()
        var web: [Server] = []
        func open(_ place: TrackerOptions.Place) async throws -> Server {
            try await Server.start(
                host: place.host, port: place.port, group: group, limits: limits, shortcut: swarmDoor.answer
            ) { request, eventLoop in
                (socketDoor.answer(request) ?? swarmDoor.answer(request)).map(eventLoop.makeSucceededFuture)
                    ?? door.answer(request, malformed: refusals.counts, on: eventLoop)
            }
        }
        for place in options.http {
            do {
                let server: Server
                do {
                    server = try await open(place)
                } catch {
                    guard let other = withoutIPv6(place, error, log) else { throw error }
                    server = try await open(other)
                }
                refusals.follow(server)
                web.append(server)
            } catch {
                for server in web { await server.stop() }
                for door in datagrams { door.discard() }
                try? await group.shutdownGracefully()
                throw .http(place, error)
            }
        }
        for door in datagrams { door.start() }
        return TrackerServer(shared, swarms, listings, operation, access, options.drain, datagrams, web, group)
    }

    private static func openDirectory(_ options: TrackerOptions) throws -> BroadcastDirectory {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        if let folder = options.data, mkdir(folder, 0o750) != 0, errno != EEXIST {
            throw IOError(errnoCode: errno, reason: "cannot make the folder")
        }
        return try BroadcastDirectory(
            options.data.map { "\($0)/directory.sqlite" }, settings: options.directory,
            at: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// "::" means every address there is; `nil` unless the kernel has none of IPv6.
    private static func withoutIPv6(
        _ place: TrackerOptions.Place, _ error: any Error, _ log: Logger
    ) -> TrackerOptions.Place? {
        guard place.host == "::", (error as? IOError)?.errnoCode == EAFNOSUPPORT else { return nil }
        log.warning("this machine has no IPv6, so that IPv4 alone is served", metadata: ["port": "\(place.port)"])
        return TrackerOptions.Place("0.0.0.0", place.port)
    }

    private static func openDatagrams(
        _ options: TrackerOptions, _ shared: SharedTracker, _ swarms: Swarms, _ log: Logger
    ) throws(StartError) -> [DatagramDoor] {
        var doors: [DatagramDoor] = []
        func open(_ place: TrackerOptions.Place) throws -> DatagramDoor {
            try DatagramDoor(
                host: place.host, port: place.port, workers: options.workers, shared: shared, swarms: swarms)
        }
        for place in options.udp {
            do {
                do {
                    doors.append(try open(place))
                } catch {
                    guard let other = withoutIPv6(place, error, log) else { throw error }
                    doors.append(try open(other))
                }
            } catch {
                for door in doors { door.discard() }
                throw .udp(place, error)
            }
        }
        return doors
    }

    private static var limits: ServerLimits {
        var limits = ServerLimits()
        // Each follower of the directory holds one, and clients keep theirs to announce again.
        limits.connections = 4_096
        limits.connectionsPerAddress = 512
        return limits
    }

    private init(
        _ shared: SharedTracker, _ swarms: Swarms, _ listings: Listings, _ operation: Operation, _ access: AccessGuard,
        _ drain: Interval, _ datagrams: [DatagramDoor], _ web: [Server], _ group: MultiThreadedEventLoopGroup
    ) {
        self.shared = shared
        self.swarms = swarms
        self.listings = listings
        self.operation = operation
        self.access = access
        self.drain = drain
        self.datagrams = datagrams
        self.web = web
        self.group = group
        let ticks = Atomic(0)
        dialer = Dialer(group.next(), shared)
        shared.follow(dialer)
        upkeep = group.next().scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(2)) { _ in
            let viewers = shared.with { tracker in
                tracker.expire(at: shared.now)
                return tracker.audiences
            }
            listings.tick(viewers: Dictionary(uniqueKeysWithValues: viewers.map { ($0.broadcast, $0.viewers) }))
            // Proxies close streams that are silent for half a minute.
            if ticks.wrappingAdd(1, ordering: .relaxed).newValue % 7 == 0 { listings.keepFollowersAwake() }
        }
    }

    /// Messages turned away as malformed so far, by reason.
    package var malformed: [String: Int] { shared.malformed }

    package var peerCount: Int { shared.with { $0.peerCount } }
    package var swarmCount: Int { shared.with { $0.swarmCount } }
    /// BitTorrent clients.
    package var clientCount: Int { swarms.peerCount }

    /// Reads the allow and deny lists again.
    package func reload() { access.reload(always: true) }

    /// Stops after the time to drain: until then it says at /readyz that it goes, and answers as ever.
    package func stop() async {
        operation.drain()
        if drain > .zero { try? await Task.sleep(for: .seconds(drain.seconds)) }
        upkeep.cancel()
        listings.end()
        for server in web { await server.stop() }
        for door in datagrams { await door.stop() }
        try? await group.shutdownGracefully()
    }
}

/// The web servers' own counters, for the handler that was there before the servers were.
private final class Refusals: Sendable {
    private let servers = Mutex<[Server]>([])

    func follow(_ web: Server) { servers.withLock { $0.append(web) } }

    var counts: [String: Int] {
        var counts: [String: Int] = [:]
        for server in servers.withLock({ $0 }) {
            for (reason, count) in server.malformed { counts[reason.rawValue, default: 0] += count }
        }
        return counts
    }
}
