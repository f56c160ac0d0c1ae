import Integrity
import Logging
import NIOCore
import NIOPosix
import Stage
import Synchronization
import Testing
import Vocabulary
import WebClient
import WebServer
import Wire

@testable import OriginService

/// A tracker's directory that answers as it is told and remembers what it was told.
private final class Directory: Sendable {
    private let heard = Mutex<[Listing]>([])
    private let status = Mutex(200)

    var listings: [Listing] { heard.withLock { $0 } }

    func refuse() { status.withLock { $0 = 503 } }

    func answer(_ request: Request, from broadcast: BroadcastID, _ eventLoop: any EventLoop) -> EventLoopFuture<
        Response
    > {
        let listing = try? Envelope.open(Array(request.body.readableBytesView), as: .listing, by: broadcast)
        if let listing, let listing = try? Listing(bencoded: listing) { heard.withLock { $0.append(listing) } }
        let status = status.withLock { $0 }
        // Slow enough that much can happen meanwhile.
        return eventLoop.scheduleTask(in: .milliseconds(150)) { Response(status: status) }.futureResult
    }
}

@Suite(.timeLimit(.minutes(1))) struct `A registrar` {
    private func running(
        _ body: (Publication, Directory, AsyncStream<Void>.Continuation) async throws -> Void
    ) async throws {
        let desk = try Desk()
        let publication = try desk.publication()
        let directory = Directory()
        let server = try await Server.start(host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton) {
            directory.answer($0, from: publication.broadcast, $1)
        }
        let client = WebClient()
        var log = Logger(label: "test")
        log.logLevel = .critical
        let registrar = Registrar(
            publication, trackers: ["http://127.0.0.1:\(server.port)", "udp://127.0.0.1:9"], hls: "http://127.0.0.1/x",
            client: client, log: log)
        let (changes, change) = AsyncStream.makeStream(of: Void.self)
        let task = Task { await registrar.run(changes) }
        let result: Result<Void, any Error>
        do { result = .success(try await body(publication, directory, change)) } catch { result = .failure(error) }
        task.cancel()
        await task.value
        await client.shutdownAndWait()
        await server.stop()
        withExtendedLifetime(desk) {}
        try result.get()
    }

    @Test func `lists the broadcast from the start, through its life and at its end`() async throws {
        try await running { publication, directory, change in
            #expect(await holds(within: .seconds(60)) { directory.listings.last?.status == .ready })
            publication.publish(0..<2)
            change.yield()
            #expect(await holds(within: .seconds(60)) { directory.listings.last?.status == .streaming })
            #expect(directory.listings.last?.newest == 1)
            let root = try publication.newest().record.root
            #expect(directory.listings.last?.roots.first == root)
            publication.publish(2..<3, isClosing: true)
            change.yield()
            #expect(await holds(within: .seconds(60)) { directory.listings.last?.status == .closed })
        }
    }

    @Test func `tells once what happened while the tracker was thinking`() async throws {
        try await running { _, directory, change in
            #expect(await holds(within: .seconds(60)) { !directory.listings.isEmpty })
            for _ in 0..<50 { change.yield() }
            #expect(await !holds(within: .milliseconds(800)) { directory.listings.count > 3 })
        }
    }

    @Test func `never has more than one retry waiting`() async throws {
        try await running { _, directory, change in
            directory.refuse()
            for count in 1...4 {
                #expect(await holds(within: .seconds(60)) { directory.listings.count >= count })
                change.yield()
            }
            let told = directory.listings.count
            // One may be on its way, and one retry is due; five changes must not have left five of them.
            #expect(await !holds(within: .seconds(4)) { directory.listings.count > told + 2 })
        }
    }
}
