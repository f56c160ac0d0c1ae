import ArgumentParser
import CommandLine
import TrackerService
import Wire

@main
struct TrackerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-tracker",
        abstract: "Introduces the viewers of a broadcast to each other.",
        subcommands: [Serve.self])
}

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a tracker until it is told to stop.",
        discussion: """
            Peers and origins announce over UDP or HTTP; GET /v1/broadcasts lists what is on, /metrics counts.
            Everything is kept in memory: after a restart peers announce themselves again within half a minute.

            EXAMPLES
              tributary-tracker serve
              tributary-tracker serve --listen 0.0.0.0:7070 --udp 0.0.0.0:6969
              tributary-tracker serve --listen 127.0.0.1:0 --udp 127.0.0.1:0 --json
            """)

    @Option(help: "Where the HTTP API listens.")
    var listen = "127.0.0.1:7070"

    @Option(help: "Where announces are taken over UDP.")
    var udp = "127.0.0.1:6969"

    @Option(help: ArgumentHelp("Folder for durable state; nothing is durable yet.", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("Threads that answer UDP; one a processor unless said otherwise.", valueName: "n"))
    var workers: Int?

    @Flag(help: "BitTorrent clients may use any info-hash, not only segments of known broadcasts.")
    var open = false

    @Flag(help: "Write events as JSON lines on standard output.")
    var json = false

    func validate() throws {
        guard workers.map({ (1...256).contains($0) }) ?? true else {
            throw ValidationError("--workers is a number from 1 to 256.")
        }
    }

    func run() async throws {
        prepareForSignals()
        bootstrapLogging()
        await complaining {
            let http = try HostPort(parsing: listen)
            let datagrams = try HostPort(parsing: udp)
            let server: TrackerServer
            var swarms = Swarms.Settings()
            swarms.isOpen = open
            do {
                server = try await TrackerServer.start(
                    host: http.host, port: http.port, udpHost: datagrams.host, udpPort: datagrams.port,
                    swarms: swarms, workers: workers ?? TrackerServer.processors)
            } catch TrackerServer.StartError.http(let error) {
                throw Complaint(binding: listen, error)
            } catch TrackerServer.StartError.udp(let error) {
                throw Complaint(binding: "\(udp) (UDP)", error)
            }
            let httpURL = "http://\(HostPort(host: http.host, port: server.httpPort))"
            let udpURL = "udp://\(HostPort(host: datagrams.host, port: server.udpPort))"
            if json {
                Events.emit([("event", "ready"), ("http", .string(httpURL)), ("udp", .string(udpURL))])
            } else {
                Events.say("The tracker listens on \(httpURL) and \(udpURL). Ctrl-C stops it.")
            }
            _ = await waitForStop()
            await server.stop()
        }
    }
}
