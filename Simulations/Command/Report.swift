import Results
import Scenarios
import Simulator
import Vocabulary

/// One run's figures beside the bounds that no scheduler can beat.
struct Report {
    let scenario: Scenario
    let result: Measurements
    let bounds: Bounds

    init(scenario: Scenario, result: Measurements) {
        self.scenario = scenario
        self.result = result
        bounds = Bounds(scenario)
    }

    private struct Line {
        let name: String
        let value: Double?
        var bound: Double?
        var note = ""

        init(_ name: String, _ value: Double?, bound: Double? = nil, _ note: String = "") {
            self.name = name
            self.value = value
            self.bound = bound
            self.note = note
        }
    }

    /// What no run can show, whatever the policies; `nil` when nothing is wrong.
    var fault: String? {
        guard result.isConserved else { return "bytes were made or lost" }
        guard result.deliveredBytes > 0 else { return nil }
        // Viewers come late and segments end unfinished, so only the bounds that hold regardless are held against a run.
        if result.offload > 1 - 1 / Double(max(1, result.viewers)) + 1e-9 {
            return "peers gave more than the origin ever gave them"
        }
        if let first = result.delays.bins.first, first.upperEdge.seconds < bounds.delay * 0.99 {
            return "a segment came whole before its last byte could"
        }
        return nil
    }

    private var lines: [Line] {
        let delivered = Double(max(1, result.deliveredBytes))
        let watched = max(1e-9, result.watched.seconds)
        return [
            Line("copies", result.copies, bound: bounds.copies, "no scheduler below"),
            Line("offload", result.offload, bound: bounds.offload, "no scheduler above"),
            Line(
                "delay_p50_s", seconds(0.5, result.delays), bound: bounds.delay,
                "publication to whole segment; none below"),
            Line("delay_p95_s", seconds(0.95, result.delays), bound: bounds.delay),
            Line("delay_max_s", seconds(1, result.delays), bound: bounds.delay),
            Line("steady_delay_p50_s", seconds(0.5, result.steadyDelays), "after the first viewers' first 10 s"),
            Line("steady_delay_p95_s", seconds(0.95, result.steadyDelays)),
            Line("startup_p50_s", seconds(0.5, result.startups), "joining to first whole segment"),
            Line("startup_p95_s", seconds(0.95, result.startups)),
            Line("stalls", Double(result.stalls)),
            Line("stalled_s", result.stalled.seconds),
            Line("stalled_share", result.stalled.seconds / watched, "of the time that viewers watched"),
            Line("missed_segments", Double(result.missed), "due and not whole at the end"),
            Line("control_share", result.controlShare, "frames, requests and announces by delivered bytes"),
            Line("wire_share", result.wireShare, "all bytes on the viewers' downlinks by delivered bytes"),
            Line(
                "wire_copies", Double(result.originWireBytes) / Double(max(1, result.streamBytes)), "headers included"),
            Line("duplicate_share", Double(result.duplicateBytes) / delivered),
            Line("origin_bytes", Double(result.originBytes)),
            Line("peer_bytes", Double(result.peerBytes)),
            Line("delivered_bytes", Double(result.deliveredBytes)),
            Line("lost_bytes", Double(result.lostBytes), "under way to who had gone, or at the end"),
            Line("refused_bytes", Double(result.refusedBytes), "sent by polluters, never accepted"),
            Line("bans", Double(result.bans)),
            Line("viewers_seen", Double(result.viewers)),
        ]
            + Traffic.Kind.allCases.map { kind in
                Line("\(Self.spelled(kind))_share", Double(result.traffic[kind]) / delivered)
            }
            + result.fetched.sorted { $0.key < $1.key }.map { Line("fetched_\($0.key)_pieces", Double($0.value)) }
    }

    private static func spelled(_ kind: Traffic.Kind) -> String {
        "\(kind)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }

    private func seconds(_ q: Double, _ spectrum: Spectrum) -> Double? { spectrum.quantile(q)?.seconds }

    var manifest: Manifest { Self.manifest(of: scenario) }

    static func manifest(of scenario: Scenario) -> Manifest {
        Manifest(
            version: Simulate.version, scenario: scenario.name, question: scenario.question, seed: scenario.seed,
            tier: "events",
            parameters: scenario.parameters.map { Parameter($0.key, $0.value) }
                + scenario.inputs.map { Parameter("input \($0.file)", $0.hash) })
    }

    var summary: RunSummary {
        RunSummary(
            of: manifest, metrics: lines.compactMap { line in line.value.map { .init(line.name, $0) } },
            bounds: lines.compactMap { line in line.bound.map { .init(line.name, $0) } })
    }

    var json: String { summary.json.encoded }

    var text: String {
        let head = [scenario.question, "\(result.viewers) viewers, seed \(scenario.seed), run \(manifest.runID)", ""]
        return
            (head
            + lines.map { line in
                let note = line.note + (line.bound.map { " \(short($0))" } ?? "")
                return pad(line.name, 24) + pad(line.value.map(short) ?? "-", 14) + note
            }).joined(separator: "\n")
    }

    private func short(_ value: Double) -> String {
        abs(value) >= 1e4 ? Numeral.text(value.rounded()) : Numeral.text((value * 1e4).rounded() / 1e4)
    }
}
