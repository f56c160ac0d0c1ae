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
                Events.emit(Self.statistics(report))
            } else if isatty(STDOUT_FILENO) == 1 {
                rewrite(Self.sentence(report))
            } else if second % 10 == 0 {
                Events.say(Self.sentence(report))
            }
        }
    }

    private func sayLast(_ agent: Agent) async {
        let report = await agent.report()
        if isJSON { return Events.emit(Self.statistics(report)) }
        if isatty(STDOUT_FILENO) == 1 { rewrite("") }
        Events.say(Self.sentence(report))
    }

    /// Puts `line` where the last one was.
    private func rewrite(_ line: String) {
        let bytes = Array(("\r\u{1B}[K" + line).utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    private static func statistics(_ report: Report) -> [(String, JSONValue)] {
        [
            ("event", "stats"),
            ("bytes_from_peers", .integer(report.tally.bytesFromPeers)),
            ("bytes_from_origin", .integer(report.tally.bytesFromOrigin)),
            ("bytes_to_player", .integer(report.bytesToPlayer)),
            ("bytes_uploaded", .integer(report.tally.bytesUploaded)),
            ("duplicate_bytes", .integer(report.tally.duplicateBytes)),
            ("pieces_refused", .integer(report.piecesRefused)),
            ("records_refused", .integer(report.tally.recordsRefused)),
            ("peers_banned", .integer(report.tally.peersBanned)),
            ("stalls", .integer(report.stalls)),
            ("stalled_ms", .integer(Int(report.stalled.milliseconds))),
            ("neighbors", .integer(report.neighbors.count)),
            ("latency_ms", report.latency.map { .integer(Int($0.milliseconds)) } ?? .null),
            ("slack_ms", report.slack.map { .integer(Int($0.milliseconds)) } ?? .null),
            ("viewers", .integer(report.viewers)),
            ("injector", .bool(report.lease != nil)),
            ("offload", report.offload.map { .number($0) } ?? .null),
            ("copies", report.originShare.map { .number($0) } ?? .null),
            ("newest", report.newestComplete.map { .integer($0) } ?? .null),
            ("closed", .bool(report.isClosed)),
            ("sharing", .bool(report.isSharing)),
            ("tracker", .string(report.trackerState)),
            ("origin", .string(report.originState)),
            ("store_bytes", .integer(report.storeBytes)),
            ("fallback", counts(report.fetched)),
            ("link_flaws", counts(report.linkFlaws)),
            ("origin_flaws", counts(report.originFlaws)),
            ("tracker_flaws", counts(report.trackerFlaws)),
        ]
    }

    private static func counts(_ counts: [String: Int]) -> JSONValue {
        .object(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
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
