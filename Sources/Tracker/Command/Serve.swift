import ArgumentParser
import CommandLine
import Glibc
import Logging
import TrackerService
import Wire

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a tracker until it is told to stop.",
        discussion: """
            Peers and origins announce over UDP or HTTP; GET /v1/broadcasts lists what is on, /v1/events tells what
            changes, /metrics counts, /readyz says whether new clients are welcome. Who watches what is kept in memory:
            after a restart peers announce themselves again within half a minute. The directory is kept in --data.

            Every option but --config and --json can also stand in the file of --config, as "max-peers = 5", and in the
            environment, as TRIBUTARY_TRACKER_MAX_PEERS=5; what is typed wins over the environment, and that over the file.
            SIGHUP reads the allow and deny lists again; so does a change of their files.

            EXAMPLES
              tributary-tracker serve
              tributary-tracker serve --listen '[::]:7070' --udp '[::]:6969' --data /var/lib/tributary-tracker
              tributary-tracker serve --config /etc/tributary/tracker.conf
              tributary-tracker serve --listen 127.0.0.1:0 --udp 127.0.0.1:0 --json
            """)

    @Option(help: ArgumentHelp("A file of settings, one \"name = value\" a line.", valueName: "file"))
    var config: String?

    @Option(
        help: "Where the HTTP API listens; may be given several times. [::] takes IPv4 too. (default: 127.0.0.1:7070)")
    var listen: [String] = []

    @Option(help: "Where announces are taken over UDP; may be given several times. (default: 127.0.0.1:6969)")
    var udp: [String] = []

    @Option(
        help: ArgumentHelp("Folder of the directory; without it the directory ends with the program.", valueName: "dir")
    )
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Threads that answer UDP, and as many for HTTP; one a processor unless said otherwise.", valueName: "n"))
    var workers: String?

    @Flag(help: "BitTorrent clients may use any info-hash, not only segments of known broadcasts.")
    var open = false

    @Flag(help: "Peers that nobody can dial are not called to dial each other at the same time (hole punching).")
    var noCalls = false

    @Option(
        help: ArgumentHelp(
            "Only the broadcasts and info-hashes in this file may be used, one a line.", valueName: "file"))
    var allow: String?

    @Option(help: ArgumentHelp("The broadcasts and info-hashes in this file may not be used.", valueName: "file"))
    var deny: String?

    @Option(help: "Announces a second that one address may send; 0 for no limit. (default: 0)")
    var announceLimit: String?

    @Option(help: "Requests a second to the directory that one address may send; 0 for no limit. (default: 50)")
    var requestLimit: String?

    @Option(help: "Peers of all broadcasts together; when they are reached, newcomers are refused. (default: 1000000)")
    var maxPeers: String?

    @Option(help: "BitTorrent clients; when they are reached, newcomers are refused. (default: 10000000)")
    var maxClients: String?

    @Option(help: "Broadcasts that may have viewers at one time; a further one is refused. (default: 20000)")
    var maxBroadcasts: String?

    @Option(help: "Broadcasts in the directory; closed ones make room, then a new one is refused. (default: 10000)")
    var maxListings: String?

    @Option(help: "Hours that a closed broadcast stays in the directory. (default: 168)")
    var keepClosed: String?

    @Option(
        help: ArgumentHelp(
            "A Redis server through which trackers share their directories. Its password is never typed, but stands in the file as redis-password, or in the environment.",
            valueName: "host:port"))
    var redis: String?

    @Option(help: "Seconds between a signal to stop and the end, in which /readyz answers 503. (default: 0)")
    var drain: String?

    @Flag(help: "Write events as JSON lines on standard output.")
    var json = false

    func run() async throws {
        prepareForSignals()
        bootstrapLogging()
        await complaining { try await serve() }
    }

    /// Each setting's name and what was typed for it.
    private var typed: [String: [String]] {
        func one(_ value: String?) -> [String] { value.map { [$0] } ?? [] }
        return [
            "listen": listen, "udp": udp, "data": one(data), "workers": one(workers), "open": open ? ["yes"] : [],
            "no-calls": noCalls ? ["yes"] : [], "allow": one(allow),
            "deny": one(deny), "announce-limit": one(announceLimit), "request-limit": one(requestLimit),
            "max-peers": one(maxPeers), "max-clients": one(maxClients), "max-broadcasts": one(maxBroadcasts),
            "max-listings": one(maxListings),
            "keep-closed": one(keepClosed), "drain": one(drain), "redis": one(redis),
        ]
    }

    private func serve() async throws {
        let typed = typed
        var file: (String, String)?
        if let config {
            do throws(TextFile.Failure) {
                file = (config, try TextFile.read(config))
            } catch { throw Complaint("\(error)", exitCode: Complaint.usage) }
        }
        let configuration = try Configuration(
            names: Array(typed.keys) + ["redis-password"], typed: typed, environment: Self.environment,
            prefix: "TRIBUTARY_TRACKER_",
            file: file)
        let options = try TrackerOptions(configuration)
        let log = Logger(label: "tracker")
        let server: TrackerServer
        do {
            server = try await TrackerServer.start(options, log: log)
        } catch {
            switch error {
            case .http(let place, let error): throw Complaint(binding: "\(HostPort(place))", error)
            case .udp(let place, let error): throw Complaint(binding: "\(HostPort(place)) (UDP)", error)
            case .directory(let folder, let error): throw Complaint("the directory in \(folder)", error)
            case .accessList(let error): throw Complaint("\(error)", exitCode: Complaint.usage)
            }
        }
        onHangUp { server.reload() }
        tell(options, server)
        _ = await waitForStop()
        await server.stop()
    }

    private func tell(_ options: TrackerOptions, _ server: TrackerServer) {
        let http = zip(options.http, server.httpPorts).map { "http://\(HostPort(host: $0.host, port: $1))" }
        let udp = zip(options.udp, server.udpPorts).map { "udp://\(HostPort(host: $0.host, port: $1))" }
        guard json else {
            return Events.say("The tracker listens on \((http + udp).joined(separator: ", ")). Ctrl-C stops it.")
        }
        Events.emit([
            ("event", "ready"), ("http", .string(http.first ?? "")), ("udp", .string(udp.first ?? "")),
            ("listening", .array((http + udp).map { .string($0) })),
        ])
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let line = next.pointee {
            let parts = String(cString: line).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return variables
    }
}

extension HostPort {
    init(_ place: TrackerOptions.Place) { self.init(host: place.host, port: place.port) }
}
