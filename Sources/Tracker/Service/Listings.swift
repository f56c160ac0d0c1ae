import Glibc
import Integrity
import Logging
import NIOCore
import Synchronization
import TrackerDirectory
import Vocabulary
import WebServer
import Wire

/// The directory and those who follow it, kept in step with the swarms: who watches what goes in, what has fallen
/// silent goes out.
final class Listings: Sendable {
    private let desk: DirectoryDesk
    private let followers = Followers()
    private let shared: SharedTracker
    private let log: Logger
    /// Where listings are shared with other trackers.
    private let exchange: Exchange?
    private let known: Mutex<(count: Int, isFailing: Bool)>

    init(_ directory: BroadcastDirectory, shared: SharedTracker, exchange: Exchange? = nil, log: Logger) throws {
        for entry in try directory.everything() { shared.note(entry.listing) }
        let count = try directory.count
        known = Mutex((count, false))
        desk = DirectoryDesk(directory)
        self.shared = shared
        self.log = log
        self.exchange = exchange
        exchange?.start(self)
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    var count: Int { known.withLock { $0.count } }
    var followerCount: Int { followers.count }
    func hasRoomForFollower(from address: [UInt8]) -> Bool { followers.hasRoom(for: address) }
    var exchangeGauges: [(name: String, help: String, value: Int)] {
        guard let exchange else { return [] }
        return [
            (
                "tributary_tracker_redis_connected", "1 while listings are shared with other trackers.",
                exchange.isConnected ? 1 : 0
            )
        ]
    }
    /// Why the directory cannot be used now.
    var failure: DirectoryFailure? { desk.failure }

    /// Succeeds when the listing is durable.
    func register(
        _ listing: Listing, sealed: [UInt8], from address: [UInt8]?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        desk.perform { directory in
            try directory.register(listing, sealed: sealed, from: address, at: Self.now)
        } then: { result in
            if case .success(let change) = result {
                self.shared.note(listing)
                if address != nil { self.exchange?.share(listing.broadcast, sealed) }
                if let change { self.followers.tell(DirectoryDoor.event(change)) }
            }
            promise.completeWith(result.map { _ in })
        }
        return promise.futureResult
    }

    /// Takes what another tracker has shared, if it is signed.
    func take(_ sealed: [UInt8]) {
        guard let listing = Self.opened(sealed), shared.admits(listing.broadcast) else { return }
        desk.perform { directory in
            try directory.register(listing, sealed: sealed, from: nil, at: Self.now)
        } then: { result in
            // What is refused is known already.
            guard case .success(let change) = result else { return }
            self.shared.note(listing)
            if let change { self.followers.tell(DirectoryDoor.event(change)) }
        }
    }

    private static func opened(_ sealed: [UInt8]) -> Listing? {
        guard sealed.count <= Listing.lengthLimit + Envelope.signatureLength,
            let listing = try? Listing(bencoded: Array(sealed.dropFirst(Envelope.signatureLength))),
            (try? Envelope.open(sealed, as: .listing, by: listing.broadcast)) != nil
        else { return nil }
        return listing
    }

    /// Tells `body` of every listed broadcast, as it was signed.
    func all(_ body: @escaping @Sendable ([(listing: Listing, sealed: [UInt8])]) -> Void) {
        desk.perform {
            try $0.everything().map { ($0.listing, $0.sealed) }
        } then: { result in
            if case .success(let all) = result { body(all) }
        }
    }

    func find(_ question: Question, on eventLoop: any EventLoop) -> EventLoopFuture<Page> {
        desk.perform(on: eventLoop) { directory in
            var page = try directory.find(question)
            page.entries.removeAll { !self.shared.admits($0.listing.broadcast) }
            return page
        }
    }

    func entry(_ broadcast: BroadcastID, on eventLoop: any EventLoop) -> EventLoopFuture<Entry?> {
        desk.perform(on: eventLoop) { directory in
            guard self.shared.admits(broadcast), var entry = try directory.entry(broadcast) else { return nil }
            entry.viewers = max(entry.viewers, self.shared.viewers(of: broadcast))
            return entry
        }
    }

    /// Tells `writer` what has changed since the change `last`, and then what changes.
    func follow(_ writer: ResponseWriter, from address: [UInt8], after last: Int64?) {
        let backlog = Limits.broadcastsPerPage
        desk.perform { directory in
            let now = directory.lastChange
            guard let last else { return "id: \(now)\nretry: 3000\nevent: following\ndata: {}\n\n" }
            var changes = last <= now ? try directory.changes(after: last, limit: backlog + 1) : []
            for index in changes.indices where !self.shared.admits(changes[index].entry.listing.broadcast) {
                changes[index].kind = .gone
            }
            // A number that we have not reached comes from another directory; after very many changes the list is shorter.
            guard last <= now, changes.count <= backlog else { return "id: \(now)\nevent: reset\ndata: {}\n\n" }
            return "retry: 3000\n\n" + changes.map(DirectoryDoor.event).joined()
        } then: { result in
            guard case .success(let beginning) = result,
                self.followers.add(writer, from: address, beginning: beginning)
            else { return writer.eventLoop.execute { writer.finish() } }
        }
    }

    func keepFollowersAwake() { followers.tell(": still here\n\n") }

    /// To be called every few seconds with those who watch here.
    func tick(viewers: [BroadcastID: Int]) {
        exchange?.note(viewers)
        // A viewer who has just moved is counted at two trackers; so the larger count is the one to believe.
        let viewers = viewers.merging(exchange?.viewersElsewhere ?? [:], uniquingKeysWith: max)
        desk.perform { directory in
            try directory.setViewers(viewers)
            let swept = try directory.sweep(at: Self.now)
            return (swept, try directory.count)
        } then: { result in
            switch result {
            case .success(let (swept, count)):
                for change in swept.changes { self.followers.tell(DirectoryDoor.event(change)) }
                for broadcast in swept.forgotten { self.shared.forget(broadcast) }
                self.exchange?.forget(swept.forgotten)
                let wasFailing = self.known.withLock { known in
                    defer { known = (count, false) }
                    return known.isFailing
                }
                if wasFailing { self.log.notice("the directory can be written again") }
            case .failure(let error):
                let wasFailing = self.known.withLock { known in
                    defer { known.isFailing = true }
                    return known.isFailing
                }
                if !wasFailing { self.log.error("the directory cannot be written: \(error)") }
            }
        }
    }

    func end() {
        followers.end()
        exchange?.stop()
    }
}
