import Dispatch
import Glibc
import Logging
import Synchronization
import Vocabulary

/// Shares listings and viewer counts with other trackers through Redis.
///
///     tributary:listings       a hash: every broadcast's signed listing by its id
///     tributary:log            a stream of new ones: the tracker's name, the listing
///     tributary:viewers:NAME   how many watch what at a tracker; gone when it is silent
///     tributary:trackers       a sorted set: the names, by when they were last heard of
///
/// Redis is a messenger: a listing counts because of its signature, and every tracker keeps its own directory. So
/// nothing stops while Redis is away, and nothing is lost with it.
// Unchecked because what is mutable without a lock is confined to `queue`.
final class Exchange: @unchecked Sendable {
    private struct State {
        var outgoing: [BroadcastID: [UInt8]] = [:]
        var forgotten: Set<BroadcastID> = []
        var viewers: [BroadcastID: Int] = [:]
        var elsewhere: [BroadcastID: Int] = [:]
        var isConnected = false
        var isStopping = false
    }

    private static let prefix = "tributary:"
    private static let listings = prefix + "listings"
    private static let log = prefix + "log"
    private static let trackers = prefix + "trackers"
    /// Between two looks at Redis.
    private static let pause: useconds_t = 500_000
    /// A tracker that says nothing for so many seconds has no viewers.
    private static let silence = 15
    /// Bytes of a broadcast and how many watch it.
    private static let countLength = 40

    private let redis: TrackerOptions.Redis
    private let logger: Logger
    private let name = Hexadecimal.encode(withUnsafeBytes(of: UInt64.random(in: .min ... .max)) { Array($0) })
    private let queue = DispatchQueue(label: "tracker-exchange")
    private let ended = DispatchGroup()
    private let state = Mutex(State())
    private var connection: RedisConnection?
    private var last = "0-0"
    private var wasReached: Bool?

    init(_ redis: TrackerOptions.Redis, log: Logger) {
        self.redis = redis
        logger = log
    }

    var isConnected: Bool { state.withLock { $0.isConnected } }
    /// How many watch what, at the one of the other trackers where most do.
    var viewersElsewhere: [BroadcastID: Int] { state.withLock { $0.elsewhere } }

    /// What has been registered here; only the newest of each broadcast waits.
    func share(_ broadcast: BroadcastID, _ sealed: [UInt8]) { state.withLock { $0.outgoing[broadcast] = sealed } }

    func forget(_ broadcasts: [BroadcastID]) { state.withLock { $0.forgotten.formUnion(broadcasts) } }

    func note(_ viewers: [BroadcastID: Int]) { state.withLock { $0.viewers = viewers } }

    func start(_ listings: Listings) {
        queue.async(group: ended) { [weak listings] in
            while !self.state.withLock({ $0.isStopping }), let listings {
                self.round(listings)
                usleep(Self.pause)
            }
        }
    }

    func stop() { state.withLock { $0.isStopping = true } }

    private func round(_ listings: Listings) {
        do throws(RedisConnection.Failure) {
            let connection = try reach(listings)
            try give(connection)
            try take(connection, listings)
            try exchangeViewers(connection)
            if wasReached != true { logger.info("listings are shared", metadata: ["redis": "\(place)"]) }
            wasReached = true
        } catch {
            connection = nil
            if wasReached != false {
                logger.error("listings are not shared: \(error)", metadata: ["redis": "\(place)"])
            }
            wasReached = false
        }
        state.withLock { state in
            state.isConnected = wasReached == true
            if !state.isConnected { state.elsewhere = [:] }
        }
    }

    private func reach(_ listings: Listings) throws(RedisConnection.Failure) -> RedisConnection {
        if let connection { return connection }
        let fresh = try RedisConnection(redis)
        try catchUp(fresh, listings)
        connection = fresh
        return fresh
    }

    private var place: String { "\(redis.place.host):\(redis.place.port)" }

    /// After a start or an outage: takes all that the others have, and gives what they lack.
    private func catchUp(_ connection: RedisConnection, _ listings: Listings) throws(RedisConnection.Failure) {
        let newest = try connection.ask("XREVRANGE", Self.log, "+", "-", "COUNT", "1")
        last = newest.items.first?.items.first?.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "0-0"
        let all = try connection.ask("HGETALL", Self.listings).items
        var theirs: Set<[UInt8]> = []
        for position in stride(from: 1, to: all.count, by: 2) {
            guard let sealed = all[position].bytes else { continue }
            theirs.insert(sealed)
            listings.take(sealed)
        }
        listings.all { [theirs] ours in
            for (listing, sealed) in ours where !theirs.contains(sealed) { self.share(listing.broadcast, sealed) }
        }
    }

    private func give(_ connection: RedisConnection) throws(RedisConnection.Failure) {
        let (outgoing, forgotten) = state.withLock { state in
            defer { (state.outgoing, state.forgotten) = ([:], []) }
            return (state.outgoing, state.forgotten)
        }
        do throws(RedisConnection.Failure) {
            for (broadcast, sealed) in outgoing {
                let id = Array("\(broadcast)".utf8)
                _ = try connection.ask([Array("HSET".utf8), Array(Self.listings.utf8), id, sealed])
                _ = try connection.ask(
                    ["XADD", Self.log, "MAXLEN", "~", "4096", "*", name].map { Array($0.utf8) } + [sealed])
            }
            for broadcast in forgotten { _ = try connection.ask("HDEL", Self.listings, "\(broadcast)") }
        } catch {
            // Once more when Redis is back, unless something newer waits by then.
            state.withLock { state in
                state.outgoing.merge(outgoing) { newer, _ in newer }
                state.forgotten.formUnion(forgotten)
            }
            throw error
        }
    }

    private func take(_ connection: RedisConnection, _ listings: Listings) throws(RedisConnection.Failure) {
        while true {
            let news = try connection.ask("XREAD", "COUNT", "512", "STREAMS", Self.log, last).items
            let entries = news.first?.items.last?.items ?? []
            for entry in entries {
                guard entry.items.count == 2, let id = entry.items[0].bytes else { continue }
                last = String(decoding: id, as: UTF8.self)
                let pair = entry.items[1].items
                guard pair.count == 2, let sender = pair[0].bytes, sender != Array(name.utf8),
                    let sealed = pair[1].bytes
                else { continue }
                listings.take(sealed)
            }
            if entries.count < 512 { return }
        }
    }

    private func exchangeViewers(_ connection: RedisConnection) throws(RedisConnection.Failure) {
        let viewers = state.withLock { $0.viewers }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let counts = viewers.flatMap { broadcast, count in
            broadcast.key.bytes + withUnsafeBytes(of: UInt64(clamping: count).bigEndian) { Array($0) }
        }
        let key = Self.prefix + "viewers:" + name
        _ = try connection.ask(
            [Array("SET".utf8), Array(key.utf8), counts] + ["EX", "\(Self.silence)"].map { Array($0.utf8) })
        _ = try connection.ask("ZADD", Self.trackers, "\(time.tv_sec)", name)
        _ = try connection.ask("ZREMRANGEBYSCORE", Self.trackers, "-inf", "\(time.tv_sec - 3_600)")
        let names = try connection.ask("ZRANGE", Self.trackers, "-64", "-1").items.compactMap(\.bytes)
        let others = names.filter { $0 != Array(name.utf8) }
        guard !others.isEmpty else { return state.withLock { $0.elsewhere = [:] } }
        let answers = try connection.ask(
            [Array("MGET".utf8)] + others.map { Array((Self.prefix + "viewers:").utf8) + $0 })
        var elsewhere: [BroadcastID: Int] = [:]
        for answer in answers.items {
            guard let bytes = answer.bytes, bytes.count % Self.countLength == 0 else { continue }
            for start in stride(from: 0, to: bytes.count, by: Self.countLength) {
                guard let id = Word256(bytes[start..<start + 32]) else { continue }
                let count = bytes[start + 32..<start + 40].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
                elsewhere[BroadcastID(id)] = max(elsewhere[BroadcastID(id)] ?? 0, Int(clamping: count))
            }
        }
        state.withLock { [elsewhere] in $0.elsewhere = elsewhere }
    }
}
