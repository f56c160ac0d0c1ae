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

    @OptionGroup var serving: ServingOptions

    @OptionGroup var ingestion: IngestOptions

    @Option(help: "The folder whose folders are the broadcasts.")
    var data = "tributary-broadcasts"

    @Flag(help: "Tell everything as JSON, one object a line, on standard output.")
    var json = false

    func run() async {
        prepareForSignals()
        OpenFiles.raiseLimit()
        bootstrapLogging()
        await complaining { try await serve() }
    }

    private func serve() async throws {
        let log = Logger(label: "origin")
        let group = MultiThreadedEventLoopGroup.singleton
        let reception = Reception(log: log)
        let running = Mutex<Server?>(nil)
        let sites = OriginSites {
            IngestMetrics.text(reception.figures, malformed: running.withLock { $0 }?.malformed ?? [:])
        }
        let server = try await serving.start(group, shortcut: sites.answer) { sites.answer($0, on: $1) }
        running.withLock { $0 = server }
        let base = try serving.base(of: server)
        let client = WebClient()
        let stage = BroadcastStage(
            Shelf(data), sites, reception,
            Broadcast.Surroundings(base: base, trackers: serving.trackers, client: client),
            log: log,
            json: json)
        await stage.open()
        sites.complete()
        // Not before: an encoder whose key is unknown is refused for good.
        let ingest = Ingest(reception, group)
        do {
            try await ingest.start(ingestion)
        } catch {
            await ingest.stop()
            await stage.strike()
            await server.stop()
            throw error
        }

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
