import ArgumentParser
import CommandLine
import Logging
import NIOCore
import NIOPosix
import OriginIngest
import OriginService
import Synchronization
import Vocabulary
import WebClient
import WebServer
import Wire

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs all broadcasts of a data folder, and takes what encoders such as OBS send them.",
        discussion: """
            Examples:
              tributary-origin broadcasts add town-hall --title "Town hall"
              tributary-origin keys make town-hall
              tributary-origin serve --rtmp 0.0.0.0:1935 --listen 0.0.0.0:8080 \\
                --public-url http://stream.example.org:8080 --tracker http://127.0.0.1:7070

            With SRT the key is the stream id: srt://HOST:9000?streamid=KEY

            In OBS: Settings, Stream, Service "Custom", Server rtmp://HOST:1935/live, and the key as Stream Key;
            Settings, Output: Keyframe Interval 2 s. Broadcasts and keys may be added, changed and revoked while this
            runs: it looks at the folder every second.
            """)

    @Option(help: "Where to serve HTTP; port 0 takes any free one.")
    var listen = "127.0.0.1:8080"

    @Option(help: "Where to take RTMP from encoders; off to take none.")
    var rtmp = "127.0.0.1:1935"

    @Option(help: "Where to take RTMPS, RTMP in TLS, from encoders; needs a certificate.")
    var rtmps: String?

    @Option(help: "A PEM file with the certificate for RTMPS; it is read again when it changes.")
    var certificate: String?

    @Option(help: "A PEM file with the certificate's private key.")
    var privateKey: String?

    @Option(help: "Where to take SRT from encoders, with the stream key as the stream id; off to take none.")
    var srt = "127.0.0.1:9000"

    @Option(help: "A file whose first line is the passphrase with which SRT must be encrypted, 10 to 79 bytes.")
    var srtPassphraseFile: String?

    @Option(help: "A tracker's address, http://HOST:PORT or udp://HOST:PORT; may be given several times.")
    var tracker: [String] = []

    @Option(help: "The folder whose folders are the broadcasts.")
    var data = "tributary-broadcasts"

    @Option(help: "How viewers reach this origin, if not by the address it listens on.")
    var publicURL: String?

    @Flag(help: "Tell everything as JSON, one object a line, on standard output.")
    var json = false

    func validate() throws {
        try OriginAddresses.check(trackers: tracker, publicURL: publicURL)
        let places = [("--listen", listen), ("--rtmp", rtmp), ("--srt", srt), ("--rtmps", rtmps ?? "off")]
        for (name, text) in places where text != "off" {
            do { _ = try HostPort(parsing: text) } catch { throw ValidationError("\(name): \(error)") }
        }
        guard (rtmps == nil) == (certificate == nil), (rtmps == nil) == (privateKey == nil) else {
            throw ValidationError("--rtmps, --certificate and --private-key belong together")
        }
    }

    private var secure: Ingest.Secure? {
        guard let rtmps, let certificate, let privateKey else { return nil }
        return Ingest.Secure(place: rtmps, certificate: certificate, key: privateKey)
    }

    func run() async {
        prepareForSignals()
        bootstrapLogging()
        await complaining { try await serve() }
    }

    private func serve() async throws {
        let log = Logger(label: "origin")
        let place = try HostPort(parsing: listen)
        let group = MultiThreadedEventLoopGroup.singleton
        let reception = Reception(log: log)
        let running = Mutex<Server?>(nil)
        let sites = OriginSites {
            IngestMetrics.text(reception.figures, malformed: running.withLock { $0 }?.malformed ?? [:])
        }
        let server: Server
        do {
            var limits = ServerLimits()
            limits.connections = 8_192  // a held request for news each, and players besides
            server = try await Server.start(host: place.host, port: place.port, group: group, limits: limits) {
                sites.answer($0, on: $1)
            }
        } catch {
            throw Complaint(binding: "\(place)", error)
        }
        running.withLock { $0 = server }
        let ingest = Ingest(reception, group)
        do {
            try await ingest.start(rtmp: rtmp, secure: secure, srt: srt, srtPassphraseFile: srtPassphraseFile)
        } catch {
            await ingest.stop()
            await server.stop()
            throw error
        }

        let base = OriginAddresses.base(publicURL, place, port: server.port)
        let doors = await ingest.addresses
        if json {
            Events.emit(
                [("event", "ready"), ("http", .string(base))] + doors.map { ($0.protocol, .string($0.url)) })
        } else {
            for door in doors {
                Events.say("Encoders send to:    \(door.url)  (stream keys: tributary-origin keys make)")
            }
            Events.say("Viewers find all at: \(base)/")
        }

        let client = WebClient()
        let stage = BroadcastStage(
            Shelf(data), sites, reception,
            Broadcast.Surroundings(base: base, trackers: tracker.map(OriginAddresses.trimmed), client: client),
            log: log,
            json: json)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await stage.run() }
            tasks.addTask { _ = await waitForStop() }
            await tasks.next()
            tasks.cancelAll()
        }
        await ingest.stop()
        await stage.strike()
        await server.stop()
        client.shutdown()
    }
}
