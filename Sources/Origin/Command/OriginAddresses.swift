import ArgumentParser
import CommandLine
import NIOCore
import OriginService
import WebServer

/// How viewers reach an origin, and which trackers know it.
struct ServingOptions: ParsableArguments {
    @Option(help: "Where to serve HTTP; port 0 takes any free one.")
    var listen = "127.0.0.1:8080"

    @Option(
        help: ArgumentHelp(
            "How many connections one address may have, or one /64 of IPv6; this machine's own may have any number.",
            valueName: "number"))
    var connectionsPerAddress = 1_024

    @Option(help: "A tracker's address, http://HOST:PORT or udp://HOST:PORT; may be given several times.")
    var tracker: [String] = []

    @Option(help: "How viewers reach this origin, if not by the address it listens on.")
    var publicURL: String?

    func validate() throws {
        for url in tracker where !["http://", "https://", "udp://"].contains(where: { url.hasPrefix($0) }) {
            throw ValidationError("--tracker \(url) is no http://, https:// or udp:// address")
        }
        if let publicURL, !publicURL.hasPrefix("http://"), !publicURL.hasPrefix("https://") {
            throw ValidationError("--public-url \(publicURL) is no http:// or https:// address")
        }
        guard connectionsPerAddress > 0 else { throw ValidationError("--connections-per-address must be 1 or more") }
        do { _ = try HostPort(parsing: listen) } catch { throw ValidationError("--listen: \(error)") }
    }

    func start(
        _ group: any EventLoopGroup, shortcut: @escaping Shortcut, handler: @escaping Server.Handler
    ) async throws -> Server {
        let place = try HostPort(parsing: listen)
        do {
            return try await Server.start(
                host: place.host, port: place.port, group: group,
                limits: OriginSite.limits(perAddress: connectionsPerAddress), shortcut: shortcut, handler: handler)
        } catch {
            throw Complaint(binding: "\(place)", error)
        }
    }

    /// Without a slash at the end.
    func base(of server: Server) throws -> String {
        let place = try HostPort(parsing: listen)
        return OriginAddresses.trimmed(publicURL ?? "http://\(OriginAddresses.reachable(place, port: server.port))")
    }

    var trackers: [String] { tracker.map(OriginAddresses.trimmed) }
}

/// What the commands of an origin make of the addresses that they are given.
enum OriginAddresses {
    /// An address that listens everywhere can be called by a name only on this machine.
    static func reachable(_ place: HostPort, port: Int) -> HostPort {
        HostPort(host: ["0.0.0.0", "::"].contains(place.host) ? "127.0.0.1" : place.host, port: port)
    }

    static func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }
}
