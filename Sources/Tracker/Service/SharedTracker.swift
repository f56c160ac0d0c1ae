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
        var announces: [String: Int] = [:]
        var malformed: [String: Int] = [:]
        var refused: [String: Int] = [:]
        var listings = 0
    }

    private let tracker: Mutex<Tracker>
    private let counts = Mutex(Counts())
    private let start = SharedTracker.monotonic()
    /// So that nobody asks the core about segments when there are none.
    private let rootCount = Atomic(0)
    let tallies = Tallies()

    init(settings: Tracker.Settings, seed: UInt64) {
        tracker = Mutex(Tracker(settings: settings, seed: seed))
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

    func announce(
        _ announcement: Announcement, from source: Endpoint, over transport: String
    ) -> Swift.Result<Welcome, Tracker.Refusal> {
        let now = now
        let result = with { tracker -> Swift.Result<Welcome, Tracker.Refusal> in
            defer { rootCount.store(tracker.rootCount, ordering: .relaxed) }
            do throws(Tracker.Refusal) {
                return .success(try tracker.announce(announcement, from: source, at: now))
            } catch { return .failure(error) }
        }
        counts.withLock { counts in
            switch result {
            case .success: counts.announces[transport, default: 0] += 1
            case .failure(let refusal): counts.refused["\(refusal)", default: 0] += 1
            }
        }
        return result
    }

    var hasRoots: Bool { rootCount.load(ordering: .relaxed) > 0 }

    /// Whether a segment of that name is known.
    func knows(_ hash: InfoHash) -> Bool { hasRoots && with { $0.knows(hash) } }

    /// Writes viewers who hold the segment to a compact list that has `count` entries already; returns how many.
    func list(
        _ hash: InfoHash, except asker: Endpoint, isV4: Bool, limit: Int, into list: UnsafeMutableRawPointer,
        after count: Int
    ) -> Int {
        let holders = with { $0.holders(of: hash) }
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

    func publish(_ listing: Listing) -> Tracker.Refusal? {
        let now = now
        let refusal = with { tracker -> Tracker.Refusal? in
            do throws(Tracker.Refusal) {
                try tracker.publish(listing, at: now)
                return nil
            } catch { return error }
        }
        counts.withLock { counts in
            if let refusal { counts.refused["\(refusal)", default: 0] += 1 } else { counts.listings += 1 }
        }
        return refusal
    }

    func countMalformed(_ reason: String) { counts.withLock { $0.malformed[reason, default: 0] += 1 } }

    var malformed: [String: Int] { counts.withLock { $0.malformed } }

    /// Prometheus text; `http` are the web server's own refusals.
    func metrics(http: [String: Int]) -> String {
        let now = now
        let sizes = with { tracker in
            tracker.expire(at: now)
            return (tracker.swarmCount, tracker.peerCount, tracker.rootCount, tracker.listingCount)
        }
        let counts = counts.withLock { $0 }
        var announces = counts.announces
        announces["bittorrent_udp"] = tallies[.udpAnnounces]
        announces["bittorrent_http"] = tallies[.httpAnnounces]
        announces["bittorrent_socket"] = tallies[.socketAnnounces]
        var refused = counts.refused
        refused["unknownHash"] = tallies[.unknownHash]
        refused["isFull"] = tallies[.isFull]
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
        gauge("tributary_tracker_broadcasts", "Listed broadcasts.", sizes.3)
        counter("tributary_tracker_announces_total", "Announces taken.", "transport", announces)
        counter(
            "tributary_tracker_requests_total", "Other requests taken.", "kind",
            [
                "connect": tallies[.connects], "listing": counts.listings, "udp_scrape": tallies[.udpScrapes],
                "http_scrape": tallies[.httpScrapes], "socket_scrape": tallies[.socketScrapes],
            ])
        counter("tributary_tracker_refused_total", "Well-formed requests refused.", "reason", refused)
        counter("tributary_tracker_malformed_total", "Malformed messages.", "reason", counts.malformed)
        counter("tributary_tracker_http_malformed_total", "Malformed HTTP requests.", "reason", http)
        return text
    }
}
