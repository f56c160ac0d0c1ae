import Models
import Simulator
import Vocabulary

/// The imagined network that scenarios run on, piece by piece.
extension Checks {
    static let engine: [Check] = [waits, serialUplink] + trees

    /// Bytes per second, and of a piece: whole nanoseconds.
    private static let rate = 1_638_400.0
    private static let piece = 16_384

    private static let waits = Check(
        "engine.fifo.md1", "pieces queue at random for an imagined uplink, load 0.8", source: "Pollaczek, Khinchine",
        claims: [.init("wait", .statistical, Waiting.fifo(load: 0.8), within: 0.02 * Waiting.fifo(load: 0.8))]
    ) { seed in
        var random = Randomness(seed: seed)
        var line = ImaginedLine(up: rate, down: rate, delay: .zero)
        let service = Double(piece) / rate
        let transfers = 3_000_000
        var now = 0.0
        var waits: [Double] = []
        waits.reserveCapacity(transfers)
        for number in 0..<transfers + transfers / 20 {
            now += random.exponential(mean: service / 0.8)
            let start = Instant.zero + .seconds(now)
            let wait = (line.send(piece, at: start) - start).seconds / service - 1
            if number >= transfers / 20 { waits.append(wait) }
        }
        return [Tally.batches(50, of: waits).estimate]
    }

    private static let serialUplink = Check(
        "engine.uplink", "ten pieces at once on an imagined uplink, and into a downlink", source: "elementary",
        claims: [.init("uplink mean", .exact, 5.5, within: 1e-6), .init("downlink mean", .exact, 5.5, within: 1e-6)]
    ) { _ in
        var line = ImaginedLine(up: rate, down: rate, delay: .zero)
        let service = Double(piece) / rate
        let sent = (0..<10).map { _ in (line.send(piece, at: .zero) - Instant.zero).seconds / service }
        // The first is through when its last byte comes; the others wait for each other.
        let first = Instant.zero + .seconds(service)
        let received = (0..<10).map { _ in (line.receive(piece, at: first) - Instant.zero).seconds / service }
        return [Estimate(sent.reduce(0, +) / 10), Estimate(received.reduce(0, +) / 10)]
    }

    /// A piece down a tree of imagined lines, with downlinks so wide that they do not matter.
    private static let trees: [Check] = [(2, 4), (4, 4)].map { (arity: Int, depth: Int) in
        Check(
            "engine.tree.\(arity).\(depth)", "a piece hop by hop down imagined lines of \(arity) streams",
            source: "elementary",
            claims: [
                .init(
                    "leaf mean", .exact, DelayBound.treeMean(arity: arity, depth: depth, isShared: false), within: 1e-3),
                .init("leaf worst", .exact, Double(depth), within: 1e-3),
            ]
        ) { _ in
            var level = [Instant.zero]
            for _ in 0..<depth {
                level = level.flatMap { arrival in
                    var parent = ImaginedLine(up: rate * Double(arity), down: rate, delay: .zero)
                    return (0..<arity).map { _ in
                        var child = ImaginedLine(up: rate, down: rate * 1e6, delay: .zero)
                        return child.receive(piece, at: parent.send(piece, at: arrival))
                    }
                }
            }
            let times = level.map { ($0 - Instant.zero).seconds * rate / Double(piece) }
            return [Estimate(times.reduce(0, +) / Double(times.count)), Estimate(times.max() ?? 0)]
        }
    }
}
