import NIOCore
import Synchronization
import TrackerCore
import Vocabulary
import WebServer
import Wire

/// The tracker's HTTP API.
struct WebDoor: Sendable {
    let shared: SharedTracker
    let listings: Listings
    let operation: Operation
    let swarms: Swarms
    let sockets: SocketDoor
    private let tally: Tally

    init(
        shared: SharedTracker, listings: Listings, operation: Operation, swarms: Swarms, sockets: SocketDoor
    ) {
        self.shared = shared
        self.listings = listings
        self.operation = operation
        self.swarms = swarms
        self.sockets = sockets
        tally = shared.tallies.make()
    }

    func answer(
        _ request: Request, malformed: [String: Int], on eventLoop: any EventLoop
    ) -> EventLoopFuture<Response> {
        route(request, malformed: malformed, on: eventLoop).map { response in
            var response = response
            response.headers += [("access-control-allow-origin", "*"), ("cache-control", "no-store")]
            return response
        }
    }

    private func route(
        _ request: Request, malformed: [String: Int], on eventLoop: any EventLoop
    ) -> EventLoopFuture<Response> {
        let path = request.path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        let isRead = request.method == "GET" || request.method == "HEAD"
        let directory = DirectoryDoor(listings: listings, shared: shared)
        func now(_ response: Response) -> EventLoopFuture<Response> { eventLoop.makeSucceededFuture(response) }
        switch (path.first, path.dropFirst().first, path.count) {
        case _ where request.method == "OPTIONS":
            return now(
                Response(
                    status: 204,
                    headers: [
                        ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
                        ("access-control-allow-headers", "content-type, last-event-id"),
                    ]))
        case ("healthz", _, 1) where isRead: return now(Response(text: "ok\n"))
        case ("readyz", _, 1) where isRead: return now(readiness)
        case ("metrics", _, 1) where isRead:
            return now(
                Response(
                    text: shared.metrics(http: malformed, gauges: gauges),
                    type: "text/plain; version=0.0.4; charset=utf-8"))
        case ("v1", "announce", 2) where request.method == "POST": return now(announce(request))
        case ("v1", "address", 2) where isRead: return now(address(of: request))
        case ("v1", "broadcasts", 2...3), ("v1", "events", 2):
            guard let source = request.remote.flatMap(Endpoint.init), operation.mayAsk(source.ip, at: shared.now)
            else {
                shared.countRefused("tooManyRequests")
                var response = Response.complaint(429, "too many requests from this address: try again in a second")
                response.headers.append(("retry-after", "1"))
                return now(response)
            }
            shared.countSearch()
            switch (path[1], path.count) {
            case ("broadcasts", 2) where isRead: return directory.find(request, on: eventLoop)
            case ("broadcasts", 3) where isRead: return directory.entry(path[2], on: eventLoop)
            case ("broadcasts", 3) where request.method == "POST":
                return directory.register(request, path[2], on: eventLoop)
            case ("events", 2) where request.method == "GET": return directory.follow(request, on: eventLoop)
            default: return now(.complaint(405, "this path does not take that method"))
            }
        case ("v1", "who-has", 3) where isRead: return now(holders(path[2], for: request))
        case ("healthz", _, 1), ("readyz", _, 1), ("metrics", _, 1), ("v1", "announce", 2), ("v1", "address", 2),
            ("v1", "who-has", 3):
            return now(.complaint(405, "this path does not take that method"))
        default: return now(.complaint(404, "there is nothing here"))
        }
    }

    /// Whether new clients should be sent here; those who are here are served in any case.
    private var readiness: Response {
        if operation.isDraining { return Response(status: 503, text: "draining\n") }
        if let failure = listings.failure { return Response(status: 503, text: "the directory: \(failure)\n") }
        return Response(text: "ready\n")
    }

    private var gauges: [(name: String, help: String, value: Int)] {
        listings.exchangeGauges + [
            ("tributary_tracker_clients", "BitTorrent clients that are listed.", swarms.peerCount),
            ("tributary_tracker_client_swarms", "Swarms of BitTorrent clients.", swarms.swarmCount),
            ("tributary_tracker_socket_clients", "WebTorrent clients that are listed.", sockets.peerCount),
            ("tributary_tracker_broadcasts", "Broadcasts in the directory.", listings.count),
            ("tributary_tracker_followers", "Streams of directory changes.", listings.followerCount),
            (
                "tributary_tracker_ready", "1 when new clients are welcome.",
                operation.isDraining || listings.failure != nil ? 0 : 1
            ),
        ]
    }

    private func announce(_ request: Request) -> Response {
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return .complaint(400, "the sender has no IP address")
        }
        let announcement: Announcement
        do throws(WireError) {
            announcement = try Announcement(parsing: request.body)
        } catch { return malformed(error) }
        var welcome = Welcome()
        do throws(Tracker.Refusal) {
            try shared.announce(announcement, from: source, at: shared.now, into: &welcome)
        } catch { return .complaint(503, error.rawValue) }
        tally.count(.nativePages)
        var bytes = ByteBufferAllocator().buffer(capacity: Limits.datagramLength)
        welcome.encode(into: &bytes)
        return Response(status: 200, headers: [("content-type", "application/octet-stream")], body: .bytes(bytes))
    }

    /// Where the asker's connection comes from, as it looks from here: behind a NAT that is another port than its own.
    private func address(of request: Request) -> Response {
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return .complaint(400, "the sender has no IP address")
        }
        return Response(text: "\(source)\n")
    }

    private func holders(_ name: String, for request: Request) -> Response {
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return .complaint(400, "the sender has no IP address")
        }
        guard let root = Root(hex: name) else { return .complaint(400, "a root has 64 hex digits") }
        let now = shared.now
        let found = shared.with { tracker in
            tracker.expire(at: now)
            return tracker.holders(of: root, for: source.ip, at: now)
        }
        let peers = found.map { holder in
            JSONValue.object([
                ("peer", .string(holder.peer.description)), ("endpoint", .string(holder.endpoint.description)),
            ])
        }
        return .json(.object([("root", .string(root.description)), ("peers", .array(peers))]))
    }

    private func malformed(_ error: WireError) -> Response {
        shared.countMalformed("http_" + error.reason)
        return .complaint(400, "the body is malformed: \(error.explanation)")
    }
}
