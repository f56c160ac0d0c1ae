import Foundation
import RehearsalNetwork
import RehearsalPlayer
import Stage
import Vocabulary

/// One run of one situation: network, programs, players and what was seen of them.
actor Rehearsal {
    enum Way: String, Sendable, CaseIterable {
        /// Through peers.
        case peers
        /// Each player directly from the origin.
        case plain
    }

    /// What a run left behind, before anything is computed from it.
    struct Record: Sendable {
        var situation: Situation
        var way: Way
        var began: Instant
        /// After the last viewer's first ten seconds.
        var steady: Instant
        var ended: Instant
        var publications: [Watcher.Publication]
        var seats: [SeatRecord]
        /// Counters at the beginning, at each publication and at the end.
        var snapshots: [Snapshot]
        /// Bytes of segments that all players had at each snapshot.
        var played: [Int]
        var loadBefore: Double
        var loadAfter: Double
        var originCost: ProcessCost?
    }

    struct Plan: Sendable {
        var situation: Situation
        var way: Way
        var seed: UInt64
        /// The folder with the programs.
        var programs: String
        var clip: String
    }

    private let plan: Plan
    private let folder: String
    private var star: Star?
    private var tracker: Program?
    private var origin: Program?
    private var watcher: Watcher?
    private var seats: [Seat] = []
    private var gone: [Int: SeatRecord] = [:]
    private var snapshots: [Snapshot] = []
    private var played: [Int] = []
    private var link = ""
    private var hls = ""

    private static let firstViewerHost = 2
    /// How long a viewer's beginning is not counted as steady.
    static let warmUp = Interval.seconds(10)

    private var situation: Situation { plan.situation }

    init(_ plan: Plan) throws {
        self.plan = plan
        folder = try TemporaryFolder.make()
    }

    /// Performs it and ends everything, whatever happens.
    func run() async throws -> Record {
        do {
            let record = try await perform()
            await strike()
            return record
        } catch {
            await strike()
            throw error
        }
    }

    private func perform() async throws -> Record {
        let loadBefore = Self.load
        try await build()
        let start = try await snapshot(beginLateness: true)
        let began = start.time
        try await withThrowingTaskGroup { group in
            for number in 0..<situation.viewers {
                group.addTask { try await self.join(number, at: began + self.plan.situation.join(of: number)) }
            }
            try await group.waitForAll()
        }
        let steady = began + situation.lastJoin + Self.warmUp
        let end = began + situation.length
        var hasVanished = false
        var seen = watcher?.publications.count ?? 0
        // Counters are taken when a segment appears, so that whole segments lie between any two of them.
        while Instant.now < end {
            try await Task.sleep(for: .milliseconds(5))
            if !hasVanished, let exodus = situation.exodus, Instant.now >= began + exodus {
                hasVanished = true
                await vanish()
            }
            guard let count = watcher?.publications.count, count > seen else { continue }
            seen = count
            _ = try await snapshot()
        }
        return try await conclude(began: began, steady: steady, loadBefore: loadBefore)
    }

    private func snapshot(beginLateness: Bool = false) async throws -> Snapshot {
        guard let star else { throw Program.Failure(description: "there is no network") }
        let snapshot = try await star.snapshot(beginLateness: beginLateness)
        snapshots.append(snapshot)
        played.append(seats.reduce(0) { $0 + (gone[$1.number]?.record ?? $1.viewer.record).received })
        return snapshot
    }

    // MARK: Before

    private func build() async throws {
        var plans = [HostPlan("origin", situation.origin), HostPlan("tracker", situation.server)]
        for number in 0..<situation.viewers {
            plans.append(
                HostPlan("viewer-\(number + 1)", situation.line(of: number), nat: situation.nat(of: number)))
        }
        let star = try await Star(plans, seed: plan.seed)
        self.star = star
        let (origin, tracker) = (star.hosts[0], star.hosts[1])

        let service = try start(
            "tributary-tracker",
            [
                "serve", "--json", "--listen", "\(tracker.address):7070", "--udp", "\(tracker.address):7071", "--data",
                "\(folder)/tracker",
            ], on: tracker)
        self.tracker = service
        _ = try await service.event("ready", within: .seconds(20))
        let publisher = try start(
            "tributary-origin",
            [
                "publish", "--json", "--input", plan.clip, "--loop", "--ladder", "none", "--listen",
                "\(origin.address):8080", "--data",
                "\(folder)/origin", "--segment-duration", "\(Situation.segmentDuration)", "--title", "Laboratory",
                "--tracker", "udp://\(tracker.address):7071", "--tracker", "http://\(tracker.address):7070",
            ], on: origin)
        self.origin = publisher
        let ready = try await publisher.event("ready", within: .seconds(20))
        (link, hls) = (ready["link"]?.text ?? "", ready["hls"]?.text ?? "")
        let watcher = Watcher(hls) { origin.namespace.socket(.stream) }
        self.watcher = watcher
        // No more: viewers that find a long playlist begin by fetching what is behind them.
        try await wait(for: "a segment", within: .seconds(60)) { watcher.publications.count >= 1 }
    }

    private func start(_ program: String, _ arguments: [String], on host: StarHost) throws -> Program {
        let namespace = host.namespace
        return try Program(
            "\(plan.programs)/\(program)", arguments, name: "\(program) on \(host.name)",
            inside: { namespace.enter() })
    }

    private func join(_ number: Int, at time: Instant) async throws {
        guard let star else { return }
        let early = time - .now
        if early > .zero { try await Task.sleep(for: .nanoseconds(early.nanoseconds)) }
        let host = star.hosts[Self.firstViewerHost + number]
        let joined = Instant.now
        var peer: Program?
        var url = hls
        if plan.way == .peers {
            let program = try start(program(of: number), arguments(of: number), on: host)
            peer = program
            let ready = try await program.event("ready", within: .seconds(20))
            url = ready["hls"]?.text ?? ""
        }
        let namespace = host.namespace
        seats.append(
            Seat(number, joined: joined, peer: peer, viewer: Viewer(url) { namespace.socket(.stream) }))
    }

    private func program(of number: Int) -> String {
        situation.isMisbehaving(number) ? "hostile-peer" : "tributary-peer"
    }

    private func arguments(of number: Int) -> [String] {
        let conduct = situation.misconduct(of: number) == .withholding ? "withhold" : "watch"
        let giving = situation.isStingy(number) ? ["--no-upload"] : []
        return [conduct, link, "--json", "--listen", "127.0.0.1:0", "--peer-listen", "0.0.0.0:0"] + giving
    }

    // MARK: After

    private func vanish() async {
        for seat in seats where situation.vanishes(seat.number) {
            gone[seat.number] = record(of: seat, left: .now, stayed: false)
            seat.peer?.signal(SIGKILL)
            seat.viewer.stop()
        }
    }

    private func record(of seat: Seat, left: Instant, stayed: Bool) -> SeatRecord {
        SeatRecord(
            number: seat.number, joined: seat.joined, left: left, stayed: stayed, record: seat.viewer.record,
            told: seat.peer?.newest("stats"), cost: seat.peer.flatMap { ProcessCost(of: $0.pid) })
    }

    private func conclude(began: Instant, steady: Instant, loadBefore: Double) async throws -> Record {
        let last = try await snapshot()
        for seat in seats where gone[seat.number] == nil {
            if let peer = seat.peer, !peer.isRunning {
                throw Program.Failure(description: "\(peer.name) has ended: \(peer.complaints.suffix(2_000))")
            }
            gone[seat.number] = record(of: seat, left: last.time, stayed: true)
        }
        guard let origin, origin.isRunning, let tracker, tracker.isRunning else {
            throw Program.Failure(
                description: "the origin or the tracker has ended: "
                    + "\(origin?.complaints.suffix(1_000) ?? "") \(tracker?.complaints.suffix(1_000) ?? "")")
        }
        let loadAfter = Self.load
        let cost = ProcessCost(of: origin.pid)
        for seat in seats { seat.viewer.stop() }
        let viewers = seats.map(\.viewer)
        _ = await holds(within: .seconds(5)) { viewers.allSatisfy(\.record.isDone) }
        for seat in seats { gone[seat.number]?.record.cpu = seat.viewer.record.cpu }
        return Record(
            situation: situation, way: plan.way, began: began, steady: steady, ended: last.time,
            publications: watcher?.publications ?? [], seats: gone.values.sorted { $0.number < $1.number },
            snapshots: snapshots, played: played, loadBefore: loadBefore, loadAfter: loadAfter, originCost: cost)
    }

    private func strike() async {
        for seat in seats { seat.viewer.stop() }
        watcher?.stop()
        let peers = seats.compactMap(\.peer)
        await withTaskGroup { group in
            for peer in peers { group.addTask { await peer.stop() } }
        }
        await origin?.stop()
        await tracker?.stop()
        await star?.close()
        let viewers = seats.map(\.viewer)
        let watcher = watcher
        _ = await holds(within: .seconds(5)) {
            viewers.allSatisfy(\.record.isDone) && watcher?.isDone ?? true
        }
        TemporaryFolder.remove(folder)
    }

    private static var load: Double {
        var averages = [0.0]
        getloadavg(&averages, 1)
        return averages[0]
    }
}
