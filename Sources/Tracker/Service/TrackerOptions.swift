package import TrackerCore
package import TrackerDirectory
package import Vocabulary

/// What a tracker is told at its start.
package struct TrackerOptions: Sendable {
    package struct Place: Hashable, Sendable {
        package var host: String
        package var port: Int

        package init(_ host: String, _ port: Int) {
            self.host = host
            self.port = port
        }
    }

    package struct Redis: Hashable, Sendable {
        package var place: Place
        package var password: String?

        package init(_ place: Place, password: String? = nil) {
            self.place = place
            self.password = password
        }
    }

    /// Where the HTTP API listens, and where announces are taken over UDP; "::" takes IPv4 too.
    package var http = [Place("127.0.0.1", 0)]
    package var udp = [Place("127.0.0.1", 0)]
    /// The folder of the directory's file; without one the directory ends with the process.
    package var data: String?
    /// Threads that answer UDP, and as many that answer HTTP.
    package var workers = 1
    package var swarms = Swarms.Settings()
    package var core = Tracker.Settings()
    package var directory = BroadcastDirectory.Settings()
    /// The Redis server through which several trackers share their directories and viewer counts.
    package var redis: Redis?
    /// Files with the names that alone are allowed, and that are denied.
    package var allow: String?
    package var deny: String?
    /// Of one address; 0 for no limit. Announces are cheaper than their refusal, so theirs is for those who need it.
    package var announcesPerSecond = 0
    package var requestsPerSecond = 50
    /// How long a tracker that is told to stop says so at /readyz and goes on answering.
    package var drain = Interval.zero

    package init() {}
}
