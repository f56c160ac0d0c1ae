import ArgumentParser
import CommandLine
import NIOCore
import OriginService
import WebServer

/// What the commands of an origin make of the addresses that they are given.
enum OriginAddresses {
    static func check(trackers: [String], publicURL: String?) throws {
        for url in trackers where !["http://", "https://", "udp://"].contains(where: { url.hasPrefix($0) }) {
            throw ValidationError("--tracker \(url) is no http://, https:// or udp:// address")
        }
        if let publicURL, !publicURL.hasPrefix("http://"), !publicURL.hasPrefix("https://") {
            throw ValidationError("--public-url \(publicURL) is no http:// or https:// address")
        }
    }

    static func start(
        _ place: HostPort, _ group: any EventLoopGroup, shortcut: @escaping Shortcut,
        handler: @escaping Server.Handler
    ) async throws(Complaint) -> Server {
        do {
            return try await Server.start(
                host: place.host, port: place.port, group: group, limits: OriginSite.limits, shortcut: shortcut,
                handler: handler)
        } catch {
            throw Complaint(binding: "\(place)", error)
        }
    }

    /// How viewers reach the origin, without a slash at the end.
    static func base(_ publicURL: String?, _ place: HostPort, port: Int) -> String {
        trimmed(publicURL ?? "http://\(reachable(place, port: port))")
    }

    /// An address that listens everywhere can be called by a name only on this machine.
    static func reachable(_ place: HostPort, port: Int) -> HostPort {
        HostPort(host: ["0.0.0.0", "::"].contains(place.host) ? "127.0.0.1" : place.host, port: port)
    }

    static func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }
}
