import Foundation
import Stage
import Testing
import Vocabulary

/// A cast with a player at every peer and a ledger of what the origin cuts.
actor Show {
    struct Seat {
        let peer: Program
        let player: Player
        let recording: String

        var stats: JSON? { peer.newest("stats") }
        func count(_ key: String) -> Int { stats?.count(key) ?? 0 }
    }

    nonisolated let cast: Cast
    private(set) var seats: [Seat] = []
    private var openLedger: Ledger?
    private var tasks: [Task<Void, Never>] = []

    private init() async throws {
        cast = try Cast(
            programs: Program.ownFolder, video: try await Clip.brief.file(),
            originOptions: ["--loop", "--segment-duration", "1", "--title", "A rehearsal"])
    }

    /// Plays `scene` with `viewers` peers and leaves no process and no file behind, whatever happens.
    static func run(
        viewers: Int, withTracker: Bool = true, _ scene: (Show) async throws -> Void
    ) async throws {
        let show = try await Show()
        do {
            if withTracker { try await show.cast.startTracker() }
            try await show.cast.startOrigin()
            try await show.cast.segments(atLeast: 3, within: .seconds(30))
            try await show.follow()
            for _ in 0..<viewers { try await show.join() }
            try await scene(show)
            await show.inspect()
        } catch {
            await show.recordLogs()
            await show.end()
            throw error
        }
        await show.end()
    }

    /// Checks what the origin serves to players without a peer.
    private func inspect() async {
        guard await cast.origin?.isRunning == true else { return }
        let found = await findings(await cast.hls, cast.client)
        #expect(found.isEmpty, "\(found)")
    }

    func ledger() throws -> Ledger { try #require(openLedger) }

    private func follow() async throws {
        let ledger = Ledger(of: await cast.hls, client: cast.client)
        openLedger = ledger
        // Unstructured: these go on until the show ends.
        tasks.append(Task { await ledger.follow() })
    }

    @discardableResult
    func join(_ options: [String] = [], program: String = "tributary-peer") async throws -> Seat {
        let (peer, hls) = try await cast.startPeer(options, program: program)
        let recording = "\(cast.folder)/player-\(seats.count + 1).ts"
        let player = Player(hls, client: cast.client, recording: recording)
        tasks.append(Task { await player.play() })
        let seat = Seat(peer: peer, player: player, recording: recording)
        seats.append(seat)
        return seat
    }

    /// Waits until each of these players has received `count` segments more than it has now.
    func play(_ count: Int, at seats: [Seat]? = nil, within bound: Interval = .seconds(60)) async throws {
        var goals: [(seat: Seat, count: Int)] = []
        for seat in seats ?? self.seats { goals.append((seat, await seat.player.report.segments.count + count)) }
        for (seat, goal) in goals {
            try await wait(for: "\(goal) segments at \(seat.peer.name)", within: bound) {
                await seat.player.report.segments.count >= goal
            }
        }
    }

    /// No gap, no broken rule, and every byte as the origin cut it.
    func verify(_ seats: [Seat]? = nil) async throws {
        let ledger = try ledger()
        await ledger.read()
        #expect(await ledger.contradictions.isEmpty)
        for seat in seats ?? self.seats {
            let report = await seat.player.report
            #expect(!report.segments.isEmpty, "\(seat.peer.name) played nothing")
            #expect(report.gaps.isEmpty, "\(seat.peer.name)")
            #expect(report.faults.isEmpty, "\(seat.peer.name)")
            let comparison = await Comparison(report, with: ledger)
            #expect(comparison.differences.isEmpty, "\(seat.peer.name)")
            #expect(
                comparison.compared == report.segments.count, "\(seat.peer.name) played what the origin never listed")
        }
    }

    /// Compares with the origin's own copies, byte for byte; costs the origin a copy, so it comes last.
    func verifyBytes() async throws {
        for seat in seats {
            let comparison = await Comparison(bytesOf: seat.player.report, with: try ledger())
            #expect(comparison.differences.isEmpty, "\(seat.peer.name)")
            #expect(comparison.compared > 0, "\(seat.peer.name)")
        }
    }

    func sum(_ key: String) -> Int { seats.reduce(0) { $0 + $1.count(key) } }

    private func recordLogs() async {
        let programs = [await cast.tracker, await cast.origin].compactMap { $0 } + seats.map(\.peer)
        for program in programs {
            let stats = program.newest("stats").map { "\($0)" } ?? ""
            Attachment.record("\(program.complaints)\n\(stats)", named: "\(program.name).log")
            print(
                "--- \(program.name), \(program.end.map { "\($0)" } ?? "running"): \(program.complaints.suffix(1_500))")
        }
    }

    private func end() async {
        for task in tasks { task.cancel() }
        await cast.strike()
    }
}
