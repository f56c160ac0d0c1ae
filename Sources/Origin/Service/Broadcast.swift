package import Logging
import OriginCore
package import OriginMedia
import Synchronization
package import Vocabulary
package import WebClient
package import WebServer

/// One broadcast of an origin that serves several: its media, its publication, its place at the trackers.
package final class Broadcast: Sendable {
    /// How the origin reaches its surroundings, the same for all its broadcasts.
    package struct Surroundings: Sendable {
        /// Without a slash at its end.
        package var base: String
        package var trackers: [String]
        package var client: WebClient
        package let uplink = OriginUplink()
        /// What the HTTP server has refused, by kind.
        package var malformed: @Sendable () -> [MalformedRequest: Int]

        package init(
            base: String, trackers: [String], client: WebClient,
            malformed: @escaping @Sendable () -> [MalformedRequest: Int] = { [:] }
        ) {
            self.malformed = malformed
            self.base = base
            self.trackers = trackers
            self.client = client
        }
    }

    package enum Event: Sendable {
        case published(Record)
        case state(State, String)
        /// Nothing follows; with what was wrong, if anything was.
        case over(MediaError?)
    }

    package enum State: String, Sendable {
        case waiting, live, held, slate, closed, failed
    }

    package let name: String
    package let programme: Programme
    package let publication: Publication
    package let site: OriginSite
    package let link: String
    package let hls: String
    /// Where encoders come in, by rendition; none where none are taken.
    package let entrances: [Entrance]
    private let source: MediaSource
    private let log: Logger
    private let folder: DataFolder
    private let tell: @Sendable (Event) -> Void
    private let registration = Mutex<Task<Void, Never>?>(nil)
    private let registrar: Registrar
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation
    private let ended: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation
    private let current = Mutex((state: State.waiting, sentence: ""))

    package init(
        _ name: String, in folder: DataFolder, _ programme: Programme, _ surroundings: Surroundings,
        log: Logger, tell: @escaping @Sendable (Event) -> Void
    ) throws {
        var log = log
        log[metadataKey: "broadcast"] = "\(name)"
        self.name = name
        self.programme = programme
        self.folder = folder
        self.log = log
        self.tell = tell
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        (self.changes, self.change) = (changes, change)
        (ended, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        publication = try Publication(folder, title: programme.title, details: programme.details, log: log) { record in
            change.yield()
            tell(.published(record))
        }
        let hls = "\(surroundings.base)/\(publication.broadcast)/master.m3u8"
        let magnet = MagnetLink(
            broadcast: publication.broadcast, title: programme.title, trackers: surroundings.trackers,
            origins: [surroundings.base])
        let link = "\(magnet)"
        (self.hls, self.link) = (hls, link)
        site = OriginSite(
            publication, on: surroundings.uplink, link: { (link, hls) }, malformed: surroundings.malformed)
        registrar = Registrar(
            publication, trackers: surroundings.trackers, hls: hls, client: surroundings.client, log: log)

        var settings = MediaSource.Settings(input: programme.input)
        settings.isLooping = programme.isLooping
        settings.segmentDuration = Int64(programme.segmentDuration * 1_000_000)
        settings.targetDuration = publication.promisedTarget
        settings.container = programme.container
        settings.ladder = programme.ladder.heights
        settings.renditions = programme.renditions
        settings.hasSoundAlone = programme.ladder.hasSound
        settings.grace = .seconds(programme.grace)
        settings.isResumed = publication.isUnfinished
        settings.programEnd = publication.programEnd ?? 0
        settings.slate = programme.slate.map { MediaInput($0) }
        entrances =
            programme.input == .encoders ? ([programme.input] + programme.renditions).map { _ in Entrance() } : []
        settings.entrance = entrances.first
        settings.sideEntrances = Array(entrances.dropFirst())
        source = MediaSource(settings)
    }

    /// What is going on, and the newest sentence about it.
    package var state: (state: State, sentence: String) { current.withLock { $0 } }

    /// Opens the input to see whether it can be broadcast at all; a live sender may come later. Blocks.
    package func probe() throws(MediaError) {
        if !programme.input.isLive { try source.probe() }
    }

    package func start() {
        registration.withLock { $0 = Task { [registrar, changes] in await registrar.run(changes) } }
        enter(.waiting, programme.input == .encoders ? "waiting for an encoder" : "opening \(programme.input)")
        source.start { [self] event in handle(event) }
    }

    /// Returns when the media thread has let go of the broadcast.
    package func stop() async {
        source.stop()
        for await _ in ended { break }
        registration.withLock { $0 }?.cancel()
    }

    private func handle(_ event: MediaSource.Event) {
        switch event {
        case .described(let description): publication.describe(description)
        case .cut(let segment):
            publication.publish(segment)
            if programme.input != .encoders { enter(.live, "reading \(programme.input)") }
        case .warned(let message):
            log.warning("\(message)")
            enter(state.state, message)
        case .retrying(let error, let delay):
            log.warning("\(error); trying again in \((delay * 10).rounded() / 10) s")
            enter(publication.isClosed ? .closed : .held, "\(error)")
        case .joined(let encoder):
            log.info("an encoder is on air", metadata: ["encoder": "\(encoder)"])
            enter(.live, encoder)
        case .left(let error, let isHeld):
            log.warning("\(error)\(isHeld ? "; the broadcast is held open for \(programme.grace) s" : "")")
            enter(isHeld ? .held : state.state, "\(error)")
        case .slateBegan:
            log.warning("no encoder has come back: the slate is shown")
            enter(.slate, "no encoder has come back: the slate is shown")
        case .abandoned:
            publication.close()
            change.yield()
            let who = programme.input == .encoders ? "no encoder" : "nothing"
            log.warning("\(who) has come back: the programme is over until one comes")
            enter(.closed, "\(who) has come back: the programme is over until one comes")
        case .ended:
            if publication.isClosed, programme.input != .encoders { enter(.closed, "the input has ended") }
            finish(nil)
        case .failed(let error):
            log.error("\(error)")
            enter(publication.isClosed ? .closed : .failed, "\(error)")
            finish(error)
        }
    }

    private func finish(_ error: MediaError?) {
        change.yield()
        tell(.over(error))
        end.yield()
    }

    private func enter(_ state: State, _ sentence: String) {
        let isNews = current.withLock { current in
            defer { current = (state, sentence) }
            return current != (state, sentence)
        }
        guard isNews else { return }
        folder.note("\(state.rawValue): \(sentence)")
        change.yield()
        tell(.state(state, sentence))
    }
}
