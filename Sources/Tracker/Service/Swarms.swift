import Synchronization
import TrackerCore
package import Vocabulary

/// All BitTorrent swarms, behind all doors: 1,024 stores with a lock each, so that nobody waits for everybody.
package final class Swarms: Sendable {
    package struct Settings: Sendable {
        /// Any info-hash may be used, not only those of segments that peers have announced.
        package var isOpen = false
        /// How many there may be of all together; whoever comes later gets others named, but is not listed.
        package var peers = 10_000_000
        package var swarms = 1_000_000
        /// Seconds until a client is to come again; a tenth is added or taken by chance, so that they come spread out.
        package var interval = 1_800
        package var minimumInterval = 60
        /// After this long without a word a client is gone.
        package var silence = Interval.seconds(45 * 60)
        package var wanted = 50

        package init() {}
    }

    enum Refusal: String, Error {
        case unknownHash = "this tracker does not serve this info-hash"
        case isFull = "the tracker is full"
        case notAllowed = "this info-hash is not allowed here"
        case tooFast = "too many announces from this address"
        case peerIsElsewhere = "this peer id is in use at another address"
    }

    private static let storeCount = 1_024
    /// Each store is swept once a second, one after the other.
    private static let sweepPace: Int64 = 1_000_000_000 / Int64(storeCount)

    let settings: Settings
    private let secret: SwarmSecret
    private let stores: InlineArray<1_024, Mutex<SwarmStore>>
    private let peers = Atomic(0)
    private let swarms = Atomic(0)
    private let native: SharedTracker

    init(settings: Settings, native: SharedTracker, secret: SwarmSecret) {
        self.settings = settings
        self.native = native
        self.secret = secret
        stores = InlineArray { _ in Mutex(SwarmStore(secret: secret, silence: settings.silence)) }
    }

    var peerCount: Int { peers.load(ordering: .relaxed) }
    var swarmCount: Int { swarms.load(ordering: .relaxed) }

    /// Whether clients may meet under this hash.
    func serves(_ hash: InfoHash) -> Bool { settings.isOpen || native.knows(hash) }

    /// Why the address may not announce under this hash now.
    func refusal(of hash: InfoHash, to ip: IPAddress?) -> Refusal? {
        guard native.admits(hash) else { return .notAllowed }
        guard ip.map(native.mayAnnounce) ?? true else { return .tooFast }
        return serves(hash) ? nil : .unknownHash
    }

    func interval(_ random: UInt64) -> Int {
        let tenth = settings.interval / 10
        return settings.interval - tenth + Int(random % UInt64(2 * tenth + 1))
    }

    /// Takes an announce and writes others to `lists`: BitTorrent clients, and behind them viewers who hold the segment.
    func announce(
        _ announce: SwarmAnnounce, from ip: IPAddress, wanted: Int, at now: Instant, random: UInt64,
        into lists: SwarmStore.Lists
    ) throws(Refusal) -> SwarmStore.Answer {
        if let refusal = refusal(of: announce.hash, to: ip) { throw refusal }
        let wanted = announce.event == .stopped ? 0 : wanted
        let place = SwarmStore.place(of: announce.hash, secret)
        let mayGrow = peerCount < settings.peers && swarmCount < settings.swarms
        var answer = stores[Int(place >> 54)].withLock { store in
            store.announce(
                announce, from: ip, place: place, wanted: wanted, mayGrow: mayGrow, at: now, random: random,
                into: lists)
        }
        note(answer.change)
        guard !answer.isFull else { throw .isFull }
        if answer.own < wanted, native.hasRoots, let list = lists.own.baseAddress {
            answer.own += native.list(
                announce.hash, except: Endpoint(ip: ip, port: announce.port), isV4: ip.v4 != nil,
                limit: wanted - answer.own - answer.other, into: list, after: answer.own)
        }
        return answer
    }

    func counts(of hash: InfoHash) -> SwarmCounts {
        let place = SwarmStore.place(of: hash, secret)
        return stores[Int(place >> 54)].withLock { $0.counts(of: hash, place: place) }
    }

    /// Lets go of the silent in the stores whose turn has come, of those that are `part`'s out of `parts`.
    func sweep(part: Int, of parts: Int, after last: inout Int, at now: Instant) {
        let due = Int(now.nanoseconds / Self.sweepPace)
        last = max(last, due - Self.storeCount)
        while last < due {
            last += 1
            guard last % parts == part else { continue }
            note(stores[last % Self.storeCount].withLock { $0.sweep(at: now) })
        }
    }

    private func note(_ change: SwarmStore.Change) {
        if change.peers != 0 { peers.wrappingAdd(change.peers, ordering: .relaxed) }
        if change.swarms != 0 { swarms.wrappingAdd(change.swarms, ordering: .relaxed) }
    }
}
