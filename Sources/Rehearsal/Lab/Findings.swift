import RehearsalNetwork
import RehearsalPlayer
import Stage
import Vocabulary

/// What a run has shown, computed from what was seen of it.
struct Findings: Sendable {
    /// Figures of a part of the run.
    struct Part: Sendable {
        var seconds = 0.0
        /// Bytes that the origin's interface sent, divided by the bytes of the stream.
        var copies: Double?
        /// The same for what TCP carried.
        var payloadCopies: Double?
        /// From a segment's appearance at the origin until a viewer's player had all of it.
        var delays: [Double] = []
        /// Segments that appeared while a viewer watched, early enough, and that its player never had.
        var missed = 0
        var stalls = 0
        var stalledSeconds = 0.0
        /// Bytes that came to the viewers' interfaces, divided by those that their players got.
        var wireShare: Double?
        var originRequests = 0

        /// A quantile of the delays that counts what never came as later than everything else.
        func delay(_ share: Double) -> Double? {
            let rank = Int(share * Double(delays.count + missed))
            guard rank < delays.count else { return nil }
            return delays[rank]
        }
    }

    /// One viewer's row of the table.
    struct Row: Sendable {
        var number: Int
        var note: String
        /// After the first viewer was to join.
        var joined: Double
        var firstPicture: Double?
        var firstSegment: Double?
        var stalls: Int
        var stalledSeconds: Double
        var delays: [Double]
        var skipped: Int
        var fromPeers: Int
        var fromOrigin: Int
        var given: Int
        var duplicates: Int?
        var cpu: Interval?
        var failures: [String: Int]
    }

    /// How one segment spread.
    struct Spread: Sendable {
        var sequence: Int
        /// After the first viewer was to join.
        var published: Double
        /// Viewers that were there when it appeared, and those that had all of it in the end.
        var viewers: Int
        var delays: [Double]
        /// What left the origin from its appearance to that of the next, by its bytes.
        var copies: Double?
    }

    var whole = Part()
    var steady = Part()
    var rows: [Row] = []
    var segments: [Spread] = []
    var firstPictures: [Double] = []
    var firstSegments: [Double] = []
    /// Segments whose bytes were compared with the origin's own, and those that differed.
    var compared = 0
    var differing = 0
    var agentCPU = Interval.zero
    var peakMemory = 0
    /// Bytes that the viewers' uplinks carried.
    var relayed = 0
    var duplicates: Int?
    var lateness = Lateness()
    var emulatorCPU = Interval.zero
    var playerCPU = Interval.zero
    var originCPU = Interval.zero
    /// That came to all hosts.
    var packets = 0
    var uplinkDrops = 0
    var downlinkDrops = 0

    /// A segment that appeared less than this before the end of the run may still come.
    static let grace = Interval.seconds(3 * Situation.segmentDuration)

    init(_ run: Rehearsal.Record) {
        guard let first = run.snapshots.first, let last = run.snapshots.last else { return }
        let honest = run.seats.filter { !run.situation.isMisbehaving($0.number) }
        rows = run.seats.map { Row($0, run, first, last) }
        for (row, seat) in zip(rows, run.seats) where !run.situation.isMisbehaving(seat.number) {
            if let picture = row.firstPicture { firstPictures.append(picture) }
            if let segment = row.firstSegment { firstSegments.append(segment) }
        }
        firstPictures.sort()
        firstSegments.sort()

        let atPublication = run.snapshots.dropFirst().dropLast()
        if let end = atPublication.last {
            whole = Part(run, honest, from: first, to: end, asFromStart: true)
        }
        if let begin = atPublication.first(where: { $0.time >= run.steady }), let end = atPublication.last,
            begin.time < end.time
        {
            steady = Part(run, honest, from: begin, to: end, asFromStart: false)
        }
        segments = Self.segments(run, honest)
        compare(run)

        let costs = run.seats.compactMap(\.cost)
        agentCPU = costs.reduce(.zero) { $0 + $1.cpu }
        peakMemory = costs.map(\.peakMemory).max() ?? 0
        relayed = rows.reduce(0) { $0 + $1.given }
        duplicates = rows.contains { $0.duplicates != nil } ? rows.reduce(0) { $0 + ($1.duplicates ?? 0) } : nil
        lateness = last.lateness
        emulatorCPU = last.cpu - first.cpu
        playerCPU = run.seats.reduce(.zero) { $0 + $1.record.cpu }
        originCPU = run.originCost?.cpu ?? .zero
        for (before, after) in zip(first.hosts, last.hosts) {
            packets += after.receivedPackets - before.receivedPackets
            uplinkDrops += after.overflowedUp - before.overflowedUp
            downlinkDrops += after.overflowedDown - before.overflowedDown
        }
    }

    /// A run whose network was later with packets than a tenth of its own delays says little about programs.
    func isTrustworthy(in situation: Situation) -> Bool {
        lateness.quantile(0.999) < situation.server.delay * 0.1 && lateness.worst < situation.server.delay
    }

    private static func segments(_ run: Rehearsal.Record, _ honest: [SeatRecord]) -> [Spread] {
        let had = honest.map { seat in
            Dictionary(seat.record.arrivals.map { ($0.sequence, $0.whole) }) { first, _ in first }
        }
        return run.publications.filter { $0.at >= run.began && $0.at < run.ended }.map { publication in
            var spread = Spread(
                sequence: publication.sequence, published: (publication.at - run.began).seconds, viewers: 0, delays: [])
            for (seat, had) in zip(honest, had) {
                guard let began = seat.record.began, publication.at >= began, publication.at < seat.left else {
                    continue
                }
                spread.viewers += 1
                if let whole = had[publication.sequence] { spread.delays.append((whole - publication.at).seconds) }
            }
            spread.delays.sort()
            let around = run.snapshots.drop { $0.time < publication.at }.prefix(2)
            if let from = around.first, let to = around.last, from.time < to.time {
                spread.copies = Double(to.hosts[0].sentBytes - from.hosts[0].sentBytes) / Double(publication.length)
            }
            return spread
        }
    }

    private mutating func compare(_ run: Rehearsal.Record) {
        var truth: [Int: Watcher.Publication] = [:]
        for publication in run.publications { truth[publication.sequence] = publication }
        for arrival in run.seats.flatMap(\.record.arrivals) {
            guard let original = truth[arrival.sequence] else { continue }
            compared += 1
            if arrival.digest != original.digest || arrival.length != original.length { differing += 1 }
        }
    }

    static func quantile(_ share: Double, of sorted: [Double]) -> Double? {
        sorted.isEmpty ? nil : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
}

extension Findings.Part {
    /// - Parameter asFromStart: what viewers took of the time before counts as part of the stream, too.
    fileprivate init(
        _ run: Rehearsal.Record, _ honest: [SeatRecord], from begin: Snapshot, to end: Snapshot, asFromStart: Bool
    ) {
        seconds = (end.time - begin.time).seconds
        let sent = end.hosts[0].sentBytes - begin.hosts[0].sentBytes
        let payload = end.hosts[0].sentPayload - begin.hosts[0].sentPayload
        originRequests = end.hosts[0].requests - begin.hosts[0].requests

        let asked = run.seats.compactMap { $0.record.arrivals.first?.sequence }.min() ?? .max
        // A snapshot follows the publication that caused it within milliseconds.
        let published = run.publications.filter { publication in
            let isLater = publication.at >= begin.time - .milliseconds(200)
            return publication.at < end.time - .milliseconds(200)
                && (isLater || asFromStart && publication.sequence >= asked)
        }
        let stream = published.reduce(0) { $0 + $1.length }
        if stream > 0 {
            copies = Double(sent) / Double(stream)
            payloadCopies = Double(payload) / Double(stream)
        }

        var appeared: [Int: Watcher.Publication] = [:]
        for publication in run.publications { appeared[publication.sequence] = publication }
        let atBegin = run.snapshots.firstIndex { $0.time == begin.time } ?? 0
        let atEnd = run.snapshots.firstIndex { $0.time == end.time } ?? 0
        let played = run.played[atEnd] - run.played[atBegin]
        var received = 0
        for host in begin.hosts.indices.dropFirst(2) {
            received += end.hosts[host].receivedBytes - begin.hosts[host].receivedBytes
        }
        if played > 0 { wireShare = Double(received) / Double(played) }

        let from = asFromStart ? run.began : begin.time
        for seat in honest {
            let had = Dictionary(seat.record.arrivals.map { ($0.sequence, $0.whole) }) { first, _ in first }
            let since = max(from, seat.record.began ?? seat.left)
            for publication in run.publications where publication.at >= since && publication.at < seat.left {
                if let whole = had[publication.sequence] {
                    delays.append((whole - publication.at).seconds)
                } else if publication.at < seat.left - Findings.grace {
                    missed += 1
                }
            }
            for stall in seat.playback.stalls where stall.from >= from {
                stalls += 1
                stalledSeconds += stall.length.seconds
            }
        }
        delays.sort()
    }
}

extension Findings.Row {
    fileprivate init(_ seat: SeatRecord, _ run: Rehearsal.Record, _ first: Snapshot, _ last: Snapshot) {
        number = seat.number + 1
        note =
            switch (run.situation.isMisbehaving(seat.number), run.situation.isStingy(seat.number), seat.stayed) {
            case (true, _, _): "hostile"
            case (_, true, _): "gives nothing"
            case (_, _, false): "vanished"
            default: ""
            }
        joined = (seat.joined - run.began).seconds
        firstPicture = seat.record.firstPicture.map { ($0 - seat.joined).seconds }
        firstSegment = seat.record.arrivals.first.map { ($0.whole - seat.joined).seconds }
        let playback = seat.playback
        stalls = playback.stalls.count
        stalledSeconds = playback.stalled.seconds
        skipped = seat.record.skipped.count
        failures = seat.record.failures
        let appeared = Dictionary(run.publications.map { ($0.sequence, $0.at) }) { first, _ in first }
        delays = seat.record.arrivals.compactMap { arrival in
            guard let at = appeared[arrival.sequence], let began = seat.record.began, at >= began else { return nil }
            return (arrival.whole - at).seconds
        }.sorted()
        let (before, after) = (first.hosts[seat.number + 2], last.hosts[seat.number + 2])
        fromOrigin = after.receivedFromFirst - before.receivedFromFirst
        fromPeers = after.receivedBytes - before.receivedBytes - fromOrigin
        given = after.sentBytes - before.sentBytes
        duplicates = seat.told.map { $0.count("duplicate_bytes") }
        cpu = seat.cost?.cpu
    }
}

extension SeatRecord {
    var playback: Playback {
        let arrivals = record.arrivals.sorted { $0.sequence < $1.sequence }.map { ($0.whole, $0.duration) }
        return Playback(arrivals.map { (whole: $0.0, duration: $0.1) }, until: left)
    }
}
