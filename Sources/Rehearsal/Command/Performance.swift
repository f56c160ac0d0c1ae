import Foundation
import Stage
import Vocabulary

/// A cast, a player at every peer, and the numbers of all of them.
actor Performance {
    struct Outcome: Sendable {
        var text: String
        var problems: [String]
    }

    private struct Seat {
        let peer: Program
        let player: Player
        let hls: String
        let status: String
    }

    private let cast: Cast
    private let count: Int
    private var seats: [Seat] = []
    private var ledger: Ledger?
    private var tasks: [Task<Void, Never>] = []
    private let start = ContinuousClock().now

    init(programs: String, video: String, peers: Int) throws {
        for name in ["tributary-tracker", "tributary-origin", "tributary-peer"]
        where access("\(programs)/\(name)", X_OK) != 0 {
            throw Program.Failure(description: "\(programs) holds no program \(name): build it, or say --bin FOLDER")
        }
        cast = try Cast(
            programs: programs, video: video, originOptions: ["--loop", "--title", "Tributary demonstration"])
        count = peers
    }

    /// Starts everybody; returns the addresses to look at.
    func begin() async throws -> String {
        try await cast.startTracker()
        try await cast.startOrigin()
        try await cast.segments(atLeast: 3, within: .seconds(30))
        let ledger = Ledger(of: await cast.hls, client: cast.client)
        self.ledger = ledger
        // Unstructured because they play until `end`, across many calls.
        tasks.append(Task { await ledger.follow() })
        for _ in 0..<count {
            let (peer, hls) = try await cast.startPeer()
            let player = Player(hls, client: cast.client)
            let status = peer.newest("ready")?["status"]?.text ?? ""
            seats.append(Seat(peer: peer, player: player, hls: hls, status: status))
            tasks.append(Task { await player.play() })
        }
        guard let first = seats.first else { return "" }
        return """

            Watch in a player   \(first.hls)
              for example       ffplay \(first.hls)
            The swarm's picture \(first.status)
            The origin's HLS    \(await cast.hls)
            The tracker         \(await cast.trackerURL)/v1/broadcasts
            The link            \(await cast.link)
            Ctrl-C ends it.

            """
    }

    /// One line for each peer below a head, and one with the totals.
    func table() async -> [String] {
        var lines = [
            Self.row(
                "peer",
                [
                    "state", "neighbors", "from peers", "from origin", "to player", "stalls", "refused", "latency",
                    "offload",
                ])
        ]
        for (number, seat) in seats.enumerated() {
            let stats = seat.peer.newest("stats")
            let report = await seat.player.report
            lines.append(
                Self.row(
                    "\(number + 1)",
                    [
                        Self.state(of: seat.peer, report),
                        "\(stats?.count("neighbors") ?? 0)",
                        Self.megabytes(stats?.count("bytes_from_peers") ?? 0),
                        Self.megabytes(stats?.count("bytes_from_origin") ?? 0),
                        Self.megabytes(report.bytes),
                        "\(report.stalls)",
                        "\(stats?.count("pieces_refused") ?? 0)",
                        stats?["latency_ms"]?.number.map { "\(Int($0)) ms" } ?? "-",
                        Self.offload(stats),
                    ]))
        }
        let sums = await sums()
        let seconds = Int((ContinuousClock().now - start) / .seconds(1))
        lines.append(
            "\(seconds) s: \(Self.megabytes(sums.fromPeers)) from peers, \(Self.megabytes(sums.fromOrigin)) from the "
                + "origin, \(Self.megabytes(sums.toPlayers)) to players, copies \(Self.ratio(sums.copies)), "
                + "\(sums.stalls) stalls, \(sums.refused) pieces refused")
        return lines
    }

    /// The summary, and what no demonstration may end with.
    func conclude() async -> Outcome {
        let programs = seats.map(\.peer)
        await withTaskGroup { group in
            for program in programs { group.addTask { await program.stop() } }
        }
        await ledger?.read()
        var problems: [String] = []
        var segments = 0
        var compared = 0
        for (number, seat) in seats.enumerated() {
            let report = await seat.player.report
            let name = "player \(number + 1)"
            if report.segments.isEmpty { problems.append("\(name) received nothing") }
            if !report.gaps.isEmpty { problems.append("\(name) missed segments \(report.gaps)") }
            problems += report.faults.map { "\(name): \($0)" }
            if case .exited(0)? = seat.peer.end {
            } else {
                problems.append(
                    "peer \(number + 1) did not end well: \(seat.peer.end.map { "\($0)" } ?? "still running")")
            }
            segments += report.segments.count
            if let ledger {
                let comparison = await Comparison(report, with: ledger)
                compared += comparison.compared
                problems += comparison.differences.map { "\(name): \($0)" }
                if comparison.compared < report.segments.count {
                    problems.append(
                        "\(name): \(report.segments.count - comparison.compared) segments that the origin never listed")
                }
            }
        }
        let sums = await sums()
        let total = sums.fromPeers + sums.fromOrigin
        let share = total == 0 ? 0 : Double(sums.fromPeers) / Double(total)
        let text = """

            bytes from peers       \(sums.fromPeers) (\(Int(share * 100)) %)
            bytes from the origin  \(sums.fromOrigin)
            bytes to players       \(sums.toPlayers)
            copies                 \(Self.ratio(sums.copies)) (origin bytes / stream bytes; plain HTTP: \(seats.count))
            stalls                 \(sums.stalls)
            pieces refused         \(sums.refused)
            segments played        \(segments), of which \(compared) equal what the origin cut\
            \(problems.isEmpty ? ", no gap" : "; see the error below")
            """
        return Outcome(text: text, problems: problems)
    }

    func end() async {
        for task in tasks { task.cancel() }
        await cast.strike()
    }

    private struct Sums {
        var fromPeers = 0
        var fromOrigin = 0
        var toPlayers = 0
        var stalls = 0
        var refused = 0
        /// Bytes of the segments that at least one player has received.
        var stream = 0

        var copies: Double? { stream > 0 ? Double(fromOrigin) / Double(stream) : nil }
    }

    private func sums() async -> Sums {
        var sums = Sums()
        var lengths: [Int: Int] = [:]
        for seat in seats {
            let report = await seat.player.report
            sums.toPlayers += report.bytes
            sums.stalls += report.stalls
            for segment in report.segments { lengths[segment.sequence] = segment.length }
            guard let stats = seat.peer.newest("stats") else { continue }
            sums.fromPeers += stats.count("bytes_from_peers")
            sums.fromOrigin += stats.count("bytes_from_origin")
            sums.refused += stats.count("pieces_refused")
        }
        sums.stream = lengths.values.reduce(0, +)
        return sums
    }

    // MARK: Rendering

    private static func state(of peer: Program, _ report: Player.Report) -> String {
        if !peer.isRunning { return "ended" }
        if report.isEnded { return "finished" }
        return report.segments.isEmpty ? "starting" : "playing"
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        let head = name + String(repeating: " ", count: max(0, 4 - name.count))
        return head + cells.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
    }

    private static func megabytes(_ bytes: Int) -> String { "\(bytes / 1_000_000).\(bytes / 100_000 % 10) MB" }

    private static func ratio(_ value: Double?) -> String {
        guard let value else { return "-" }
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100)." + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
    }

    private static func offload(_ stats: JSON?) -> String {
        guard let stats else { return "-" }
        let peers = stats.count("bytes_from_peers")
        let total = peers + stats.count("bytes_from_origin")
        return total == 0 ? "-" : "\(peers * 100 / total) %"
    }
}
