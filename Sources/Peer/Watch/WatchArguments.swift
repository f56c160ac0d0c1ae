import ArgumentParser
import CommandLine
package import NIOCore
import PeerAgent
package import Vocabulary

/// The arguments of `watch`, and the command itself.
package struct WatchArguments: ParsableArguments {
    @Argument(help: "The broadcast's link: magnet:?xs=urn:btpk:...")
    var link: String

    @Option(help: "Where to serve the player, as HOST:PORT; port 0 takes a free one.")
    var listen = "127.0.0.1:0"

    @Option(help: "Where to take links from other peers, as HOST:PORT; port 0 takes a free one.")
    var peerListen = "0.0.0.0:0"

    @Option(help: "The most that other peers may take, such as 10mbit or 800kbit.")
    var uploadLimit: String?

    @Flag(help: "Give nothing to other peers.")
    var noUpload = false

    @Option(help: "The origin of web pages that may read the video, such as http://localhost:3000.")
    var allowOrigin: String?

    @Option(help: "Stop after this many seconds.")
    var duration: Double?

    @Flag(help: "Write one JSON object a line on standard output.")
    var json = false

    package init() {}

    package func validate() throws {
        if let duration, !(duration >= 0 && duration.isFinite) {
            throw ValidationError("--duration needs a number of seconds, 0 or more.")
        }
        if let allowOrigin, !allowOrigin.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) || allowOrigin.isEmpty {
            throw ValidationError("--allow-origin needs an origin such as http://localhost:3000, or *.")
        }
    }

    /// Watches until stopped, and ends the process with one clear sentence if it cannot.
    package func watch(
        altering alter: (@Sendable (PieceID, ByteBuffer) -> ByteBuffer?)? = nil
    ) async {
        prepareForSignals()
        bootstrapLogging()
        await complaining {
            var options = try options()
            options.alterServedPiece = alter
            try await Viewing(options, isJSON: json).run(for: duration)
        }
    }

    private func options() throws(Complaint) -> AgentOptions {
        let magnet: MagnetLink
        do {
            magnet = try MagnetLink(parsing: link)
        } catch {
            throw Complaint("\(error)", exitCode: Complaint.usage)
        }
        let listen = try HostPort(parsing: listen)
        let peerListen = try HostPort(parsing: peerListen)
        var options = AgentOptions(link: magnet)
        options.listenHost = listen.host
        options.listenPort = listen.port
        options.peerHost = peerListen.host
        options.peerPort = peerListen.port
        options.uploads = !noUpload
        options.uploadLimit = try uploadLimit.map { text throws(Complaint) in try Self.bytesPerSecond(text) }
        options.allowedOrigin = allowOrigin
        return options
    }

    /// Takes a rate in bits per second, such as "10mbit".
    static func bytesPerSecond(_ text: String) throws(Complaint) -> Int {
        let units: [(String, Double)] = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("bit", 1)]
        let lower = text.lowercased()
        for (unit, scale) in units where lower.hasSuffix(unit) {
            guard let number = Double(lower.dropLast(unit.count)), number > 0, number * scale < 1e13 else { break }
            return max(1, Int(number * scale / 8))
        }
        throw Complaint("\"\(text)\" is no rate: write it as 10mbit or 800kbit", exitCode: Complaint.usage)
    }
}
