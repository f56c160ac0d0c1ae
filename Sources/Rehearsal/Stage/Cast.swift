import Foundation
package import Vocabulary
package import WebClient

/// One tracker, one origin and their peers as real processes on loopback, wired together and cleaned up.
package actor Cast {
    package nonisolated let client = WebClient()
    /// Holds the data folders of all of them.
    package nonisolated let folder: String
    private let programs: String
    private let video: String
    private let originOptions: [String]
    package private(set) var tracker: Program?
    package private(set) var origin: Program?
    package private(set) var peers: [Program] = []
    package private(set) var link = ""
    /// The origin's multivariant playlist.
    package private(set) var hls = ""
    package private(set) var trackerURL = ""
    private var trackerPorts = (http: 0, udp: 0)
    private var originPort = 0

    /// - Parameters:
    ///   - programs: the folder with tributary-tracker, tributary-origin and tributary-peer.
    ///   - originOptions: what `tributary-origin publish` is told besides input, addresses and data folder.
    package init(programs: String, video: String, originOptions: [String] = ["--loop", "--ladder", "none"]) throws {
        self.programs = programs
        self.video = video
        self.originOptions = originOptions
        var template = Array((NSTemporaryDirectory() + "/tributary-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Program.Failure(description: "no temporary folder: \(String(cString: strerror(errno)))")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Starts the tracker, on the ports that it had before if it ran before.
    package func startTracker() async throws {
        let program = try Program(
            "\(programs)/tributary-tracker",
            [
                "serve", "--json", "--listen", "127.0.0.1:\(trackerPorts.http)", "--udp",
                "127.0.0.1:\(trackerPorts.udp)", "--data", "\(folder)/tracker",
            ])
        tracker = program
        let ready = try await program.event("ready", within: .seconds(20))
        trackerPorts = (Self.port(in: ready["http"]), Self.port(in: ready["udp"]))
        trackerURL = "http://127.0.0.1:\(trackerPorts.http)"
    }

    /// Starts the origin, on the port and with the data folder that it had before if it ran before.
    package func startOrigin() async throws {
        var arguments = [
            "publish", "--json", "--input", video, "--listen", "127.0.0.1:\(originPort)", "--data", "\(folder)/origin",
        ]
        if trackerPorts.http != 0 {
            arguments += ["--tracker", "udp://127.0.0.1:\(trackerPorts.udp)", "--tracker", trackerURL]
        }
        let program = try Program("\(programs)/tributary-origin", arguments + originOptions)
        origin = program
        let ready = try await program.event("ready", within: .seconds(20))
        hls = ready["hls"]?.text ?? ""
        link = ready["link"]?.text ?? ""
        originPort = Self.port(in: ready["hls"])
    }

    /// Starts a peer that watches the broadcast; returns it with its local HLS URL.
    @discardableResult
    package func startPeer(
        _ options: [String] = [], program: String = "tributary-peer"
    ) async throws -> (program: Program, hls: String) {
        let peer = try Program(
            "\(programs)/\(program)",
            ["watch", link, "--json", "--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"] + options,
            name: "\(program) \(peers.count + 1)")
        peers.append(peer)
        let ready = try await peer.event("ready", within: .seconds(20))
        return (peer, ready["hls"]?.text ?? "")
    }

    /// Waits until the origin lists at least `count` segments.
    package func segments(atLeast count: Int, within bound: Interval) async throws {
        let ledger = Ledger(of: hls, client: client)
        try await wait(for: "\(count) segments at the origin", within: bound) {
            await ledger.read()
            return await ledger.entries.count >= count
        }
    }

    /// Ends everybody, viewers first, and removes their folders.
    package func strike() async {
        let all = peers.reversed() + [origin, tracker].compactMap { $0 }
        await withTaskGroup { group in
            for program in peers { group.addTask { await program.stop() } }
        }
        for program in all { await program.stop() }
        client.shutdown()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The port at the end of an address, or in a URL.
    private static func port(in value: JSON?) -> Int {
        guard let text = value?.text else { return 0 }
        if let port = URL(string: text)?.port { return port }
        return text.split(separator: ":").last.flatMap { Int($0) } ?? 0
    }
}
