import ArgumentParser
import CommandLine
import Integrity
import Logging
import NIOCore
import NIOPosix
import OriginCore
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
              tributary-origin publish --input udp://127.0.0.1:5000 --listen 0.0.0.0:8080 \\
                --public-url http://stream.example.org:8080 --tracker http://127.0.0.1:7070
            """)

    @Option(help: "A file, - for standard input, or an address such as udp://, srt://, rtmp:// or http://.")
    var input: String

    @Flag(help: "Begin again when the file ends.")
    var loop = false

    @Option(help: "Where to serve HTTP; port 0 takes any free one.")
    var listen = "127.0.0.1:8080"

    @Option(help: "A tracker's address, http://HOST:PORT or udp://HOST:PORT; may be given several times.")
    var tracker: [String] = []

    @Option(help: "The folder of the broadcast's key, journal and segments.")
    var data = "tributary-data"

    @Option(help: "What viewers see as the broadcast's name.")
    var title: String?

    @OptionGroup var details: ListingOptions

    @Option(help: "Seconds that a segment should play, from 0.5 to 30.")
    var segmentDuration = 2.0

    @Option(help: "How segments are wrapped: ts, or cmaf for HLS and MPEG-DASH.")
    var container = Container.ts

    @Option(
        help: "Smaller renditions to make with ffmpeg, such as 720p,480p,audio, or none; only those below the source.")
    var ladder = LadderWish.standard

    @Option(help: "How viewers reach this origin, if not by the address it listens on.")
    var publicURL: String?

    @Flag(help: "Tell everything as JSON, one object a line, on standard output.")
    var json = false

    func validate() throws {
        guard (0.5...30).contains(segmentDuration) else {
            throw ValidationError("--segment-duration must be from 0.5 to 30 seconds")
        }
        guard !loop || MediaInput(input).kind == .file else { throw ValidationError("--loop needs a file as --input") }
        guard (title ?? "").utf8.count <= Limits.titleLength else {
            throw ValidationError("--title is longer than \(Limits.titleLength) bytes")
        }
        try OriginAddresses.check(trackers: tracker, publicURL: publicURL)
        do { _ = try HostPort(parsing: listen) } catch { throw ValidationError("--listen: \(error)") }
    }

    func run() async {
        prepareForSignals()
        bootstrapLogging()
        await complaining { try await publish() }
    }

    private func publish() async throws {
        let log = Logger(label: "origin")
        let place = try HostPort(parsing: listen)
        let media = MediaInput(input)
        let name = title ?? Self.name(of: media)
        let json = json

        let folder = try DataFolder(data)
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let publication = try Publication(folder, title: name, details: details.details, log: log) { record in
            change.yield()
            guard json else { return }
            Events.emit([
                ("event", "segment"), ("rendition", .integer(record.segment.rendition)),
                ("sequence", .integer(record.segment.sequence)), ("root", .string("\(record.root)")),
                ("length", .integer(record.length)), ("duration", .number(Double(record.duration) / 1e6)),
                ("discontinuity", .bool(record.isDiscontinuity)),
            ])
        }

        var settings = MediaSource.Settings(input: media)
        settings.isLooping = loop
        settings.segmentDuration = Int64(segmentDuration * 1_000_000)
        settings.targetDuration = publication.promisedTarget
        settings.container = container
        settings.ladder = ladder.heights
        settings.hasSoundAlone = ladder.hasSound
        let source = MediaSource(settings)
        // A live sender may come later; a file that cannot be broadcast never will.
        if media.kind != .live { try source.probe() }

        let group = MultiThreadedEventLoopGroup.singleton
        let address = Mutex((link: "", hls: ""))
        let running = Mutex<Server?>(nil)
        let site = OriginSite(
            publication, link: { address.withLock { $0 } },
            malformed: { running.withLock { $0 }?.malformed ?? [:] })
        let server: Server
        do {
            var limits = ServerLimits()
            limits.connections = 8_192  // a held request for news each, and players besides
            server = try await Server.start(host: place.host, port: place.port, group: group, limits: limits) {
                request, eventLoop in
                site.answer(request, on: eventLoop)
            }
        } catch {
            throw Complaint(binding: "\(place)", error)
        }
        running.withLock { $0 = server }

        let base = OriginAddresses.base(publicURL, place, port: server.port)
        let hls = "\(base)/\(publication.broadcast)/master.m3u8"
        let link =
            "\(MagnetLink(broadcast: publication.broadcast, title: name, trackers: tracker.map(OriginAddresses.trimmed), origins: [base]))"
        address.withLock { $0 = (link, hls) }
        tell(publication.broadcast, link: link, hls: hls)

        let (ends, end) = AsyncStream.makeStream(of: Complaint?.self)
        source.start { event in
            switch event {
            case .described(let description): publication.describe(description)
            case .cut(let segment): publication.publish(segment)
            case .warned(let message): log.warning("\(message)")
            case .retrying(let error, let delay):
                log.warning("\(error); trying again in \((delay * 10).rounded() / 10) s")
            // Only encoders come and go, and only `serve` takes them.
            case .joined, .left, .slateBegan, .abandoned: break
            case .ended: end.yield(nil)
            case .failed(let error):
                if publication.isClosed {
                    log.error("\(error); the broadcast is closed, and served until you stop this program")
                }
                end.yield(Complaint("\(error)"))
            }
        }

        let client = WebClient()
        let registrar = Registrar(publication, trackers: tracker, hls: hls, client: client, log: log)
        let complaint = await withTaskGroup(of: Outcome.self) { tasks in
            tasks.addTask {
                await registrar.run(changes)
                return .nothing
            }
            tasks.addTask {
                for await complaint in ends {
                    change.yield()
                    if publication.isClosed { Self.sayClosed(json: json) }
                    guard let complaint else { continue }
                    // What was published before the input broke off is served like any broadcast that has ended.
                    return publication.isClosed ? .endedEarly(complaint) : .failed(complaint)
                }
                return .nothing
            }
            tasks.addTask {
                _ = await waitForStop()
                return .stopped
            }
            defer { tasks.cancelAll() }
            var late: Complaint?
            for await outcome in tasks {
                switch outcome {
                case .nothing: continue
                case .endedEarly(let complaint):
                    late = Complaint("the broadcast ended early: \(complaint)", exitCode: complaint.exitCode)
                case .stopped: return late
                case .failed(let complaint): return complaint
                }
            }
            return late
        }
        source.stop()
        await server.stop()
        client.shutdown()
        if let complaint { throw complaint }
    }

    private enum Outcome: Sendable {
        case nothing
        case stopped
        case failed(Complaint)
        case endedEarly(Complaint)
    }

    private func tell(_ broadcast: BroadcastID, link: String, hls: String) {
        guard !json else {
            return Events.emit([
                ("event", "ready"), ("broadcast", .string("\(broadcast)")), ("link", .string(link)),
                ("hls", .string(hls)),
            ])
        }
        Events.say("Broadcasting \(MediaInput(input)).")
        Events.say("Viewers watch with:  tributary-peer watch '\(link)'")
        Events.say("Plain HLS:           \(hls)")
    }

    private static func sayClosed(json: Bool) {
        guard !json else { return Events.emit([("event", "closed")]) }
        Events.say("The input has ended; the broadcast is closed and served until you stop this program (Ctrl-C).")
    }

    private static func name(of media: MediaInput) -> String {
        guard media.kind == .file else { return "Live" }
        let file = media.text.split(separator: "/").last.map(String.init) ?? "Live"
        let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
        return stem.isEmpty || stem.utf8.count > Limits.titleLength ? "Live" : stem
    }
}
