import CommandLine
import Glibc
import PeerAgent
import PeerCore
import Vocabulary
import Wire

/// One run of `watch`: starts the agent, tells how it is doing, and ends it.
struct Viewing {
    private let options: AgentOptions
    private let isJSON: Bool

    init(_ options: AgentOptions, isJSON: Bool) {
        self.options = options
        self.isJSON = isJSON
    }

    func run(for duration: Double?) async throws {
        let agent: Agent
        do {
            agent = try await Agent.start(options)
        } catch let failure as ListenFailure {
            throw Complaint(binding: failure.place, failure.reason)
        }
        await sayReady(agent)
        // The events go on beside the wait for the end.
        let events = Task { await tellEachSecond(agent) }
        _ = await waitForStop(duration: duration)
        events.cancel()
        await events.value
        await sayLast(agent)
        await agent.stop()
    }

    private func sayReady(_ agent: Agent) async {
        let urls = await agent.urls
        guard isJSON else {
            Events.say("Play    \(urls.hls)")
            Events.say("Status  \(urls.status)")
            return
        }
        Events.emit([
            ("event", "ready"), ("hls", .string(urls.hls)), ("peer_port", .integer(await agent.peerPort)),
            ("status", .string(urls.status)), ("broadcast", .string("\(options.link.broadcast)")),
        ])
    }

    private func tellEachSecond(_ agent: Agent) async {
        var second = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            second += 1
            let report = await agent.report()
            if isJSON {
                Events.emit([("event", "stats")] + report.figures)
            } else if isatty(STDOUT_FILENO) == 1 {
                rewrite(Self.sentence(report))
            } else if second % 10 == 0 {
                Events.say(Self.sentence(report))
            }
        }
    }

    private func sayLast(_ agent: Agent) async {
        let report = await agent.report()
        if isJSON { return Events.emit([("event", "stats")] + report.figures) }
        if isatty(STDOUT_FILENO) == 1 { rewrite("") }
        Events.say(Self.sentence(report))
    }

    /// Puts `line` where the last one was.
    private func rewrite(_ line: String) {
        let bytes = Array(("\r\u{1B}[K" + line).utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    private static func sentence(_ report: Report) -> String {
        let offload = report.offload.map { "\(Int(($0 * 100).rounded())) %" } ?? "-"
        let latency = report.latency.map { "\(Double($0.milliseconds / 100) / 10) s" } ?? "-"
        return "\(report.neighbors.count) neighbors, \(report.viewers) viewers | from peers "
            + "\(size(report.tally.bytesFromPeers)), origin \(size(report.tally.bytesFromOrigin)), given "
            + "\(size(report.tally.bytesUploaded)) | offload \(offload) | behind live \(latency) | stalls \(report.stalls)"
            + " | origin \(report.originState), tracker \(report.trackerState)"
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 1_000_000 ? "\(bytes / 1_000) kB" : "\(bytes / 1_000_000).\(bytes / 100_000 % 10) MB"
    }
}
