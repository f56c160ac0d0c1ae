import Foundation
import Results

/// Small results of runs that never were, on disk for one test.
final class Gallery {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "tributary-plots-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path + "/sweep/runs", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static let question = "Is \"5 < 6\" & so on?"

    static func manifest(uplink: String = "8 Mbit/s", viewers: Int = 5, seed: UInt64 = 1) -> Manifest {
        Manifest(
            version: "1.0", scenario: "steady", question: question, seed: seed, tier: "events",
            parameters: [Parameter("uplink", uplink), Parameter("viewers", "\(viewers)")])
    }

    /// Writes one run and returns its folder.
    @discardableResult
    func hang(
        _ manifest: Manifest = Gallery.manifest(), in place: String? = nil, offload: Double = 0.75,
        bound: Double = 0.8, edges: [TreeEdge] = Gallery.edges
    ) throws -> String {
        let folder = place ?? "\(path)/sweep/runs/\(manifest.runID)"
        let id = manifest.runID
        let writer = try ResultWriter(folder: folder)
        try writer.write(manifest)
        try writer.write(
            RunSummary(
                of: manifest, metrics: [.init("offload", offload), .init("delay_p50_s", 1), .init("stalls", 0)],
                bounds: [.init("offload", bound), .init("copies", 1), .init("delay_p50_s", 0.25)]))
        let times = (1...30).map(Double.init)
        try writer.write(
            times.flatMap {
                [
                    TimePoint(time: $0, metric: "offload", value: $0 == 1 ? -0.5 : offload),
                    TimePoint(time: $0, metric: "playing_share", value: 1),
                    TimePoint(time: $0, metric: "offload", group: "free-riders", value: 0.123),
                ]
            }, of: id)
        var segments: [SegmentPoint] = []
        for sequence in 0..<15 {
            let published = Double(2 * sequence)
            let isDone = sequence < 14
            segments.append(
                SegmentPoint(sequence: sequence, published: published, metric: "copies", value: isDone ? 1.5 : 0))
            segments.append(
                SegmentPoint(sequence: sequence, published: published, metric: "complete_share", value: isDone ? 1 : 0))
        }
        try writer.write(segments, of: id)
        try writer.write(
            DistributionPoint.rows("delay_s", Histogram((1...100).map { Double($0) / 50 })), of: id)
        try writer.write(edges, of: id)
        try writer.commit()
        return folder
    }

    /// The origin gives to 0 and 1, 0 to 2, 2 to 3, and 1 to 2 again, too late.
    static let edges = [(nil, 0, 1.0), (nil, 1, 1.1), (0, 2, 1.25), (1, 2, 1.5), (2, 3, 1.75)].map {
        from, to, arrived in
        TreeEdge(segment: 7, piece: 0, from: from, to: to, sent: arrived - 0.25, arrived: arrived)
    }

    func hangSweep() throws {
        for (uplink, offload) in [("2 Mbit/s", 0.25), ("10 Mbit/s", 0.75)] {
            for viewers in [5, 50] {
                for seed in 1...3 {
                    try hang(
                        Self.manifest(uplink: uplink, viewers: viewers, seed: UInt64(seed)),
                        offload: offload + Double(seed) / 100, bound: offload + 0.1)
                }
            }
        }
    }
}
