import Glibc
import Integrity
import NIOCore
import Synchronization
import TrackerCore
import Vocabulary
import Wire

/// The one core behind both of the service's doors, its clock, and what has been counted.
final class SharedTracker: Sendable {
    private struct Counts {
        var malformed: [String: Int] = [:]
        var refused: [String: Int] = [:]
        var listings = 0
        var searches = 0
        var dials: [String: Int] = [:]
        var calls: [String: Int] = [:]
    }

    private let tracker: Mutex<Tracker>
    private let counts = Mutex(Counts())
    private let start = SharedTracker.monotonic()
    /// So that nobody asks the core about segments when there are none.
    private let rootCount = Atomic(0)
    let tallies = Tallies()
    private struct Attached: Sendable { weak var dialer: Dialer? }
    private let attached = Mutex(Attached())
    /// The dialer is awake, so that nobody has to wake it.
    let isDialling = Atomic(false)

    private let access: AccessGuard
    private let announces: Mutex<RateLimit>
    private let limitsAnnounces: Bool

    /// - Parameter announcesPerSecond: of one address; 0 for no limit.
    init(settings: Tracker.Settings, access: AccessGuard, announcesPerSecond: Int = 0, seed: UInt64) {
        tracker = Mutex(Tracker(settings: settings, seed: seed))
        self.access = access
        limitsAnnounces = announcesPerSecond > 0
        announces = Mutex(RateLimit(perSecond: announcesPerSecond, seed: Randomness.mix(seed)))
    }

    /// Whether the operator's lists let the broadcast use this tracker.
    func admits(_ broadcast: BroadcastID) -> Bool { access.admits(broadcast) }
    func admits(_ hash: InfoHash) -> Bool { access.admits(hash) }

    /// Whether the address may announce once more now.
    func mayAnnounce(_ address: IPAddress) -> Bool {
        guard limitsAnnounces else { return true }
        let now = now
        return announces.withLock { $0.admits(address, at: now) }
    }

    var now: Instant { Instant(nanoseconds: Self.monotonic() - start) }

    /// For connection ids; its start is of no consequence.
    var seconds: UInt64 { UInt64(Self.monotonic() / 1_000_000_000) }

    private static func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Holds the core for one transition.
    func with<Result: Sendable>(_ body: (inout Tracker) -> Result) -> Result {
        tracker.withLock { body(&$0) }
    }

    /// Takes an announcement, writes the answer over an old one, and calls whom the asker will dial in vain otherwise.
    func announce(
        _ announcement: Announcement, from source: Endpoint, bell: Tracker.Bell? = nil, at now: Instant,
        into welcome: inout Welcome
    ) throws(Tracker.Refusal) {
        do throws(Tracker.Refusal) {
            guard access.admits(announcement.broadcast) else { throw .notAllowed }
            guard mayAnnounce(source.ip) else { throw .tooFast }
            let (calls, mustDial) = try tracker.withLock { tracker throws(Tracker.Refusal) in
                try tracker.announce(announcement, from: source, bell: bell, at: now, into: &welcome)
                if tracker.rootCount != rootCount.load(ordering: .relaxed) {
                    rootCount.store(tracker.rootCount, ordering: .relaxed)
                }
                return (tracker.takeCalls(), tracker.hasChecks)
            }
            if mustDial, !isDialling.load(ordering: .relaxed) { attached.withLock { $0.dialer }?.wake() }
            for call in calls { countCall(DatagramDoor.ring(call) ? "sent" : "failed") }
        } catch {
            countRefused("\(error)")
            throw error
        }
    }

    /// Wakes the dialer, as long as it lives, whenever somebody is to be dialled.
    func follow(_ dialer: Dialer) { attached.withLock { $0.dialer = dialer } }

    var hasRoots: Bool { rootCount.load(ordering: .relaxed) > 0 }

    /// Whether a segment of that name is known.
    func knows(_ hash: InfoHash) -> Bool { hasRoots && with { $0.knows(hash) } }

    /// Writes viewers who hold the segment to a compact list that has `count` entries already; returns how many.
    func list(
        _ hash: InfoHash, except asker: Endpoint, isV4: Bool, limit: Int, into list: UnsafeMutableRawPointer,
        after count: Int
    ) -> Int {
        let now = now
        let holders = with { $0.holders(of: hash, for: asker.ip, at: now) }
            .filter { ($0.endpoint.ip.v4 != nil) == isV4 && $0.endpoint != asker }.prefix(max(0, limit))
        var end = list + count * (isV4 ? 6 : 18)
        for holder in holders {
            for byte in holder.endpoint.address {
                end.storeBytes(of: byte, as: UInt8.self)
                end += 1
            }
            end.storeBytes(of: holder.endpoint.port.bigEndian, as: UInt16.self)
            end += 2
        }
        return holders.count
    }

    func viewers(of broadcast: BroadcastID) -> Int { with { $0.viewers(of: broadcast) } }

    /// What an origin has signed and the directory has kept.
    func note(_ listing: Listing) {
        with { $0.note(newest: listing.newest, of: listing.broadcast) }
        counts.withLock { $0.listings += 1 }
    }

    func forget(_ broadcast: BroadcastID) { with { $0.forget(broadcast) } }

    func countSearch() { counts.withLock { $0.searches += 1 } }

    func countDial(_ result: String) { counts.withLock { $0.dials[result, default: 0] += 1 } }

    private func countCall(_ result: String) { counts.withLock { $0.calls[result, default: 0] += 1 } }

    func countRefused(_ reason: String) { counts.withLock { $0.refused[reason, default: 0] += 1 } }

    func countMalformed(_ reason: String) { counts.withLock { $0.malformed[reason, default: 0] += 1 } }

    var malformed: [String: Int] { counts.withLock { $0.malformed } }

    /// Prometheus text; `http` are the web server's own refusals, `gauges` what others count.
    func metrics(http: [String: Int], gauges: [(name: String, help: String, value: Int)] = []) -> String {
        let now = now
        let sizes = with { tracker in
            tracker.expire(at: now)
            return (tracker.swarmCount, tracker.peerCount, tracker.rootCount)
        }
        let counts = counts.withLock { $0 }
        var announces = ["udp": tallies[.nativeDatagrams], "http": tallies[.nativePages]]
        announces["bittorrent_udp"] = tallies[.udpAnnounces]
        announces["bittorrent_http"] = tallies[.httpAnnounces]
        announces["bittorrent_socket"] = tallies[.socketAnnounces]
        var refused = counts.refused
        refused["unknownHash"] = tallies[.unknownHash]
        refused["isFull"] = tallies[.isFull]
        refused["notAllowed", default: 0] += tallies[.notAllowed]
        refused["tooFast", default: 0] += tallies[.tooFast]
        refused["peerIsElsewhere", default: 0] += tallies[.peerIsElsewhere]
        var text = ""
        func gauge(_ name: String, _ help: String, _ value: Int) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) gauge\n\(name) \(value)\n"
        }
        func counter(_ name: String, _ help: String, _ label: String, _ values: [String: Int]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) counter\n"
            for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                text += "\(name){\(label)=\"\(key)\"} \(value)\n"
            }
        }
        gauge("tributary_tracker_swarms", "Broadcasts with peers.", sizes.0)
        gauge("tributary_tracker_peers", "Peers in all broadcasts.", sizes.1)
        gauge("tributary_tracker_roots", "Segments in the index.", sizes.2)
        for other in gauges { gauge(other.name, other.help, other.value) }
        counter("tributary_tracker_announces_total", "Announces taken.", "transport", announces)
        counter(
            "tributary_tracker_requests_total", "Other requests taken.", "kind",
            [
                "connect": tallies[.connects], "listing": counts.listings, "search": counts.searches,
                "udp_scrape": tallies[.udpScrapes],
                "http_scrape": tallies[.httpScrapes], "socket_scrape": tallies[.socketScrapes],
            ])
        counter("tributary_tracker_dials_total", "Peers dialled back.", "result", counts.dials)
        counter("tributary_tracker_calls_total", "Peers called to dial another.", "result", counts.calls)
        counter("tributary_tracker_refused_total", "Well-formed requests refused.", "reason", refused)
        counter("tributary_tracker_malformed_total", "Malformed messages.", "reason", counts.malformed)
        counter("tributary_tracker_http_malformed_total", "Malformed HTTP requests.", "reason", http)
        return text
    }
}
