import Glibc
import Integrity
import NIOCore
import TrackerCore
import Vocabulary
import WebServer
import Wire

/// The tracker's HTTP API.
struct WebDoor: Sendable {
    /// How far an origin's clock may be from ours, in milliseconds; beyond it a listing could be an old one, replayed.
    private static let clockTolerance: Int64 = 3_600_000

    let shared: SharedTracker

    func answer(_ request: Request, malformed: [String: Int]) -> Response {
        let path = request.path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        let isRead = request.method == "GET" || request.method == "HEAD"
        var response: Response
        switch (path.first, path.dropFirst().first, path.count) {
        case _ where request.method == "OPTIONS":
            response = Response(
                status: 204,
                headers: [
                    ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
                    ("access-control-allow-headers", "content-type"),
                ])
        case ("healthz", _, 1) where isRead: response = Response(text: "ok\n")
        case ("metrics", _, 1) where isRead:
            response = Response(
                text: shared.metrics(http: malformed), type: "text/plain; version=0.0.4; charset=utf-8")
        case ("v1", "announce", 2) where request.method == "POST": response = announce(request)
        case ("v1", "broadcasts", 2) where isRead: response = broadcasts(request)
        case ("v1", "broadcasts", 3) where isRead: response = broadcast(path[2])
        case ("v1", "broadcasts", 3) where request.method == "POST": response = publish(request, path[2])
        case ("v1", "who-has", 3) where isRead: response = holders(path[2])
        case ("healthz", _, 1), ("metrics", _, 1), ("v1", "announce", 2), ("v1", "broadcasts", 2...3),
            ("v1", "who-has", 3):
            response = complaint(405, "this path does not take that method")
        default: response = complaint(404, "there is nothing here")
        }
        response.headers += [("access-control-allow-origin", "*"), ("cache-control", "no-store")]
        return response
    }

    private func announce(_ request: Request) -> Response {
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return complaint(400, "the sender has no IP address")
        }
        let announcement: Announcement
        do throws(WireError) {
            announcement = try Announcement(parsing: request.body)
        } catch { return malformed(error) }
        switch shared.announce(announcement, from: source, over: "http") {
        case .failure(let refusal): return complaint(503, refusal.rawValue)
        case .success(let welcome):
            var bytes = ByteBufferAllocator().buffer(capacity: Limits.datagramLength)
            welcome.encode(into: &bytes)
            return Response(
                status: 200, headers: [("content-type", "application/octet-stream")], body: .bytes(bytes))
        }
    }

    private func publish(_ request: Request, _ name: String) -> Response {
        guard let id = BroadcastID(hex: name) else { return complaint(400, "a broadcast id has 64 hex digits") }
        let sealed = Array(request.body.readableBytesView)
        guard sealed.count <= Listing.lengthLimit + Envelope.signatureLength else {
            return malformed(.oversized(length: sealed.count, limit: Listing.lengthLimit))
        }
        let listing: Listing
        do {
            listing = try Listing(bencoded: Envelope.open(sealed, as: .listing, by: id))
        } catch let error as WireError {
            return malformed(error)
        } catch {
            shared.countMalformed("http_bad_signature")
            return complaint(403, "the listing is not signed by this broadcast's key")
        }
        guard listing.broadcast == id else { return malformed(.outOfRange("broadcast")) }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        guard abs(listing.time - Int64(now.tv_sec) * 1_000) <= Self.clockTolerance else {
            return complaint(409, "the listing's time is more than an hour from the tracker's")
        }
        switch shared.publish(listing) {
        case nil: return Response(status: 204)
        case .listingIsOld?: return complaint(409, Tracker.Refusal.listingIsOld.rawValue)
        case let refusal?: return complaint(503, refusal.rawValue)
        }
    }

    private func broadcasts(_ request: Request) -> Response {
        var status: Listing.Status?
        if let text = request.query("status"), !text.isEmpty {
            status = Listing.Status(rawValue: text.uppercased())
            guard status != nil else { return complaint(400, "status is READY, STREAMING or CLOSED") }
        }
        var limit = 100
        if let text = request.query("limit") {
            guard let number = Int(text), (1...1_000).contains(number) else {
                return complaint(400, "limit is a number from 1 to 1000")
            }
            limit = number
        }
        let query = request.query("query") ?? ""
        let now = shared.now
        let found = shared.with { tracker in
            tracker.expire(at: now)
            return tracker.listings(status: status, matching: query, limit: limit)
        }
        return json(.object([("broadcasts", .array(found.map { Self.json($0.listing, viewers: $0.viewers) }))]))
    }

    private func broadcast(_ name: String) -> Response {
        guard let id = BroadcastID(hex: name) else { return complaint(400, "a broadcast id has 64 hex digits") }
        let now = shared.now
        let found = shared.with { tracker in
            tracker.expire(at: now)
            return (tracker.listing(id), tracker.viewers(of: id))
        }
        guard let listing = found.0 else { return complaint(404, "no such broadcast is listed") }
        return json(Self.json(listing, viewers: found.1))
    }

    private func holders(_ name: String) -> Response {
        guard let root = Root(hex: name) else { return complaint(400, "a root has 64 hex digits") }
        let now = shared.now
        let found = shared.with { tracker in
            tracker.expire(at: now)
            return tracker.holders(of: root)
        }
        let peers = found.map { holder in
            JSONValue.object([
                ("peer", .string(holder.peer.description)), ("endpoint", .string(holder.endpoint.description)),
            ])
        }
        return json(.object([("root", .string(root.description)), ("peers", .array(peers))]))
    }

    private static func json(_ listing: Listing, viewers: Int) -> JSONValue {
        .object([
            ("id", .string(listing.broadcast.description)),
            ("title", .string(listing.title)),
            ("status", .string(listing.status.rawValue)),
            ("viewers", .integer(viewers)),
            ("started", .integer(listing.started)),
            ("newest", .integer(listing.newest)),
            ("target_duration", .integer(listing.targetDuration)),
            ("hls", .string(listing.hls)),
        ])
    }

    private func json(_ value: JSONValue, status: Int = 200) -> Response {
        Response(status: status, text: value.encoded + "\n", type: "application/json")
    }

    private func complaint(_ status: Int, _ sentence: String) -> Response {
        json(.object([("error", .string(sentence))]), status: status)
    }

    private func malformed(_ error: WireError) -> Response {
        shared.countMalformed("http_" + error.reason)
        return complaint(400, "the body is malformed: \(error.reason)")
    }
}
