import ArgumentParser
import CommandLine
import Logging
import NIOCore
import NIOPosix
import OriginIngest
import OriginMedia
import OriginService
import Synchronization
import Vocabulary
import WebClient
import WebServer
import Wire

struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cuts a live source into segments, signs them and serves them over HTTP.",
        discussion: """
            Examples:
              tributary-origin publish --input film.mp4 --loop
              tributary-origin publish --input camera.ts --container cmaf --ladder 720p,360p,audio
              tributary-origin publish --input high.mp4 --rendition middle.mp4 --rendition low.mp4
              tributary-origin publish --input encoders --rtmp 0.0.0.0:1935 --listen 0.0.0.0:8080
              tributary-origin publish --input udp://127.0.0.1:5000 --listen 0.0.0.0:8080 \\
                --public-url http://stream.example.org:8080 --tracker http://127.0.0.1:7070

            An address such as rtmp://HOST/live/show is called. With "encoders" they call us, over RTMP or SRT, with a
            stream key that is made at the first start and shown then, and never again.
            """)

    @Option(
        help: "A file, - for standard input, an address such as udp://, srt://, rtmp:// or http://, or \"encoders\".")
    var input: String

    @OptionGroup var media: MediaOptions

    @OptionGroup var serving: ServingOptions

    @OptionGroup(title: "With --input encoders") var ingestion: IngestOptions

    @Option(help: "The folder of the broadcast's key, journal and segments.")
    var data = "tributary-data"

    @OptionGroup var details: ListingOptions

    @Flag(help: "Tell everything as JSON, one object a line, on standard output.")
    var json = false

    func validate() throws {
        try media.check(input)
    }

    func run() async {
        prepareForSignals()
        OpenFiles.raiseLimit()
        bootstrapLogging()
        await complaining { try await publish() }
    }

    private func publish() async throws {
        let log = Logger(label: "origin")
        let json = json
        var programme = media.programme(input, title: Self.title(of: input))
        programme.details = details.details
        let folder = try DataFolder(data)

        let group = MultiThreadedEventLoopGroup.singleton
        let served = Mutex<Broadcast?>(nil)
        let running = Mutex<Server?>(nil)
        let server = try await serving.start(group) { request, remote, body in
            served.withLock { $0 }?.site.answer(request, from: remote, to: &body)
        } handler: { request, eventLoop in
            served.withLock { $0 }?.site.answer(request, on: eventLoop)
                ?? eventLoop.makeSucceededFuture(Response(status: 503, headers: [("retry-after", "1")]))
        }
        running.withLock { $0 = server }
        let client = WebClient()
        let (ends, end) = AsyncStream.makeStream(of: Complaint?.self)
        let broadcast = try Broadcast(
            data.split(separator: "/").last.map(String.init) ?? "broadcast", in: folder, programme,
            Broadcast.Surroundings(
                base: try serving.base(of: server),
                trackers: serving.trackers, client: client
            ) { running.withLock { $0 }?.malformed ?? [:] },
            log: log
        ) { event in
            if json { BroadcastEvents.emit(event) }
            if case .over(let error) = event { end.yield(error.map { Complaint("\($0)") }) }
        }
        served.withLock { $0 = broadcast }
        try broadcast.probe()

        let reception = Reception(log: log)
        let ingest = Ingest(reception, group)
        var key: String?
        if programme.input == .encoders {
            if try KeyRing(in: data).entries.isEmpty { key = try KeyRing.make("main", in: data) }
            let keys = try KeyRing(in: data).entries.map { Reception.Key(name: $0.name, hash: $0.hash) }
            reception.open(broadcast.name, keys: keys, to: broadcast.entrances, policy: programme.secondEncoder)
            try await ingest.start(ingestion)
        }
        tell(broadcast, doors: await ingest.addresses, key: key)
        broadcast.start()

        let complaint = await withTaskGroup(of: Outcome.self) { tasks in
            tasks.addTask {
                for await complaint in ends {
                    let isClosed = broadcast.publication.isClosed
                    if isClosed { Self.sayClosed(json: json) }
                    guard let complaint else { continue }
                    // What was published before the input broke off is served like any broadcast that has ended.
                    return isClosed ? .endedEarly(complaint) : .failed(complaint)
                }
                return .stopped
            }
            tasks.addTask {
                _ = await waitForStop()
                return .stopped
            }
            defer { tasks.cancelAll() }
            var late: Complaint?
            for await outcome in tasks {
                switch outcome {
                case .endedEarly(let complaint):
                    log.error("the broadcast is closed, and served until you stop this program")
                    late = Complaint("the broadcast ended early: \(complaint)", exitCode: complaint.exitCode)
                case .stopped: return late
                case .failed(let complaint): return complaint
                }
            }
            return late
        }
        await ingest.stop()
        await broadcast.stop()
        await server.stop()
        client.shutdown()
        if let complaint { throw complaint }
    }

    private enum Outcome: Sendable {
        case stopped
        case failed(Complaint)
        case endedEarly(Complaint)
    }

    private func tell(_ broadcast: Broadcast, doors: [(protocol: String, url: String)], key: String?) {
        guard !json else {
            return Events.emit(
                [
                    ("event", "ready"), ("broadcast", .string("\(broadcast.publication.broadcast)")),
                    ("link", .string(broadcast.link)), ("hls", .string(broadcast.hls)),
                ] + doors.map { ($0.protocol, .string($0.url)) } + (key.map { [("stream_key", .string($0))] } ?? []))
        }
        Events.say("Broadcasting \(broadcast.programme.input).")
        for door in doors { Events.say("Encoders send to:    \(door.url)") }
        if let key { Events.say("Stream key:          \(key)  (shown this once)") }
        Events.say("Viewers watch with:  tributary-peer watch '\(broadcast.link)'")
        Events.say("Plain HLS:           \(broadcast.hls)")
    }

    private static func sayClosed(json: Bool) {
        guard !json else { return Events.emit([("event", "closed")]) }
        Events.say("The input has ended; the broadcast is closed and served until you stop this program (Ctrl-C).")
    }

    private static func title(of input: String) -> String {
        let media = MediaOptions.input(input)
        guard media.kind == .file else { return "Live" }
        let file = media.text.split(separator: "/").last.map(String.init) ?? "Live"
        let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
        return stem.isEmpty || stem.utf8.count > Limits.titleLength ? "Live" : stem
    }
}
