import Glibc
import Integrity
import NIOCore
import TrackerDirectory
import Vocabulary
import WebServer
import Wire

/// The directory over HTTP: `Documentation/tracker-api.json` describes it, and a test holds it to that.
struct DirectoryDoor: Sendable {
    let listings: Listings
    let shared: SharedTracker

    // MARK: Registration

    func register(_ request: Request, _ name: String, on eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        func now(_ response: Response) -> EventLoopFuture<Response> { eventLoop.makeSucceededFuture(response) }
        guard let id = BroadcastID(hex: name) else { return now(.complaint(400, "a broadcast id has 64 hex digits")) }
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return now(.complaint(400, "the sender has no IP address"))
        }
        let sealed = Array(request.body.readableBytesView)
        let listing: Listing
        do {
            guard sealed.count <= Listing.lengthLimit + Envelope.signatureLength else {
                throw WireError.oversized(length: sealed.count, limit: Listing.lengthLimit)
            }
            listing = try Listing(bencoded: Envelope.open(sealed, as: .listing, by: id))
            guard listing.broadcast == id else { throw WireError.outOfRange("broadcast") }
        } catch let error as WireError {
            shared.countMalformed("http_" + error.reason)
            return now(.complaint(400, "the body is malformed: \(error.explanation)"))
        } catch {
            shared.countMalformed("http_bad_signature")
            return now(.complaint(403, "the listing is not signed by this broadcast's key"))
        }
        guard shared.admits(id) else { return now(.complaint(403, "this broadcast is not allowed here")) }
        return listings.register(listing, sealed: sealed, from: source.address, on: eventLoop)
            .map { Response(status: 204) }
            .flatMapErrorThrowing { error in
                guard let refusal = error as? BroadcastDirectory.Refusal else { return try Self.trouble(error) }
                shared.countRefused("\(refusal)")
                let isFull = refusal == .tooManyListings || refusal == .tooManyFromAddress
                return .complaint(isFull ? 503 : 409, refusal.rawValue)
            }
    }

    private static func trouble(_ error: any Error) throws -> Response {
        error is DirectoryDesk.Busy
            ? .complaint(503, "the directory has more to do than it can: try again in a moment")
            : .complaint(503, "the directory cannot be written or read now")
    }

    // MARK: Questions

    func find(_ request: Request, on eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        let question: Question
        switch Self.question(request) {
        case .success(let asked): question = asked
        case .failure(let mistake): return eventLoop.makeSucceededFuture(.complaint(400, mistake.sentence))
        }
        return listings.find(question, on: eventLoop).map { page in
            .json(
                .object([
                    ("broadcasts", .array(page.entries.map(Self.json))),
                    ("next", page.next.map { .string($0.text) } ?? .null),
                ]))
        }.flatMapErrorThrowing(Self.trouble)
    }

    private struct Mistake: Error {
        let sentence: String
    }

    private static func question(_ request: Request) -> Result<Question, Mistake> {
        func mistake(_ sentence: String) -> Result<Question, Mistake> { .failure(Mistake(sentence: sentence)) }
        var question = Question()
        let known: Set = ["query", "status", "sort", "cursor", "limit"]
        if let strange = request.query.first(where: { !known.contains($0.name) }) {
            return mistake("there is no parameter \"\(strange.name.prefix(32))\"")
        }
        question.query = request.query("query") ?? ""
        guard question.query.utf8.count <= Limits.searchLength,
            question.query.split(whereSeparator: \.isWhitespace).count <= Limits.searchWords
        else {
            return mistake("a query has at most \(Limits.searchWords) words and \(Limits.searchLength) bytes")
        }
        if let text = request.query("status"), !text.isEmpty {
            guard let status = Listing.Status(rawValue: text.uppercased()) else {
                return mistake("status is READY, STREAMING or CLOSED")
            }
            question.status = status
        }
        if let text = request.query("sort"), !text.isEmpty {
            guard let order = Question.Order(rawValue: text) else {
                return mistake("sort is viewers, started or title")
            }
            question.order = order
        }
        if let text = request.query("limit") {
            guard let number = Int(text), (1...Limits.broadcastsPerPage).contains(number) else {
                return mistake("limit is a number from 1 to \(Limits.broadcastsPerPage)")
            }
            question.limit = number
        }
        if let text = request.query("cursor"), !text.isEmpty {
            guard let cursor = Cursor(text), cursor.order == question.order else {
                return mistake("the cursor is not one that this search has given")
            }
            question.after = cursor
        }
        return .success(question)
    }

    func entry(_ name: String, on eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        guard let id = BroadcastID(hex: name) else {
            return eventLoop.makeSucceededFuture(.complaint(400, "a broadcast id has 64 hex digits"))
        }
        return listings.entry(id, on: eventLoop).map { entry in
            guard let entry else { return .complaint(404, "no such broadcast is listed") }
            return .json(Self.json(entry))
        }.flatMapErrorThrowing(Self.trouble)
    }

    // MARK: Changes

    func follow(_ request: Request, on eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        var last: Int64?
        if let text = request.header("last-event-id") ?? request.query("after") {
            guard let number = Int64(text), number >= 0 else {
                return eventLoop.makeSucceededFuture(.complaint(400, "an event's id is a number"))
            }
            last = number
        }
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return eventLoop.makeSucceededFuture(.complaint(400, "the sender has no IP address"))
        }
        guard listings.hasRoomForFollower(from: source.address) else {
            return eventLoop.makeSucceededFuture(.complaint(503, "too many follow the directory already"))
        }
        let after = last
        return eventLoop.makeSucceededFuture(
            Response(
                status: 200, headers: [("content-type", "text/event-stream")],
                body: .stream(length: nil) { writer in
                    listings.follow(writer, from: source.address, after: after)
                }))
    }

    static func event(_ change: Change) -> String {
        "id: \(change.number)\nevent: \(change.kind.rawValue)\ndata: \(json(change.entry).encoded)\n\n"
    }

    static func json(_ entry: Entry) -> JSONValue {
        let listing = entry.listing
        return .object([
            ("id", .string(listing.broadcast.description)),
            ("title", .string(listing.title)),
            ("description", .string(listing.details.description)),
            ("tags", .array(listing.details.tags.map { .string($0) })),
            ("language", .string(listing.details.language)),
            (
                "renditions",
                .array(
                    listing.renditions.map {
                        .object([
                            ("width", .integer($0.width)), ("height", .integer($0.height)),
                            ("bandwidth", .integer($0.bandwidth)),
                        ])
                    })
            ),
            ("thumbnail", listing.details.thumbnail.isEmpty ? .null : .string(listing.details.thumbnail)),
            ("status", .string(listing.status.rawValue)),
            ("viewers", .integer(entry.viewers)),
            ("started", .integer(listing.started)),
            ("ended", entry.ended.map { .integer($0) } ?? .null),
            ("newest", .integer(listing.newest)),
            ("target_duration", .integer(listing.targetDuration)),
            ("hls", .string(listing.hls)),
        ])
    }
}

extension Response {
    static func json(_ value: JSONValue, status: Int = 200) -> Response {
        Response(status: status, text: value.encoded + "\n", type: "application/json")
    }

    static func complaint(_ status: Int, _ sentence: String) -> Response {
        json(.object([("error", .string(sentence))]), status: status)
    }
}
