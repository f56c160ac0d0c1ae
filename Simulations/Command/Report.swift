import Simulator
import Vocabulary

/// One run's figures beside the bounds that no scheduler can beat.
struct Report {
    let scenario: Scenario
    let result: Measurements

    private var bounds: Bounds {
        Bounds(
            viewers: scenario.viewers, rate: scenario.rate,
            uplink: scenario.uplink * Double(scenario.viewers) * (1 - scenario.freeRiders))
    }

    /// Viewers come late and segments end unfinished, so only the bounds that hold regardless are held against a run.
    var keepsBounds: Bool {
        result.deliveredBytes == 0 || result.offload <= 1 - 1 / Double(max(1, result.viewers)) + 1e-9
    }

    private var figures: [(name: String, value: Double, note: String)] {
        let delays = result.delays
        return [
            (
                "copies", result.copies(segmentLength: scenario.segmentLength),
                "no scheduler below \(round3(bounds.copies))"
            ),
            ("offload", result.offload, "no scheduler above \(round3(bounds.offload))"),
            ("delay_p50_s", Measurements.quantile(0.5, of: delays).seconds, "publication to complete segment"),
            ("delay_p95_s", Measurements.quantile(0.95, of: delays).seconds, ""),
            ("startup_p95_s", Measurements.quantile(0.95, of: result.startups).seconds, "joining to first segment"),
            ("stalls", Double(result.stalls), ""),
            ("stalled_s", result.stalled.seconds, ""),
            ("missed", Double(result.missed), "segments due and not complete at the end"),
            (
                "control_share", result.controlShare,
                "frames, requests and announces by delivered bytes"
            ),
            ("wire_share", result.wireShare, "all bytes on the viewers' downlinks by delivered bytes"),
            (
                "wire_copies",
                Double(result.originWireBytes) / Double(max(1, result.segmentsPublished * scenario.segmentLength)),
                "copies with the origin's headers"
            ),
            ("duplicate_share", Double(result.duplicateBytes) / Double(max(1, result.deliveredBytes)), ""),
            ("refused_bytes", Double(result.refusedBytes), "sent by polluters, never accepted"),
            ("bans", Double(result.bans), ""),
        ]
    }

    var text: String {
        var lines = [scenario.question, "\(scenario.viewers) viewers, seed \(scenario.seed)", ""]
        for figure in figures {
            lines.append(pad(figure.name, 18) + pad("\(round3(figure.value))", 14) + figure.note)
        }
        let reasons = result.fetched.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        lines.append(pad("from origin", 18) + "pieces by reason: " + reasons.joined(separator: ", "))
        let traffic = Traffic.Kind.allCases.map { kind in
            "\(kind) \(round3(Double(result.traffic[kind]) * 100 / Double(max(1, result.deliveredBytes))))"
        }
        lines.append(pad("beside pieces", 18) + "% of delivered bytes: " + traffic.joined(separator: ", "))
        return lines.joined(separator: "\n")
    }

    var json: String {
        var fields = [
            "\"scenario\":\"\(scenario.name)\"", "\"viewers\":\(scenario.viewers)", "\"seed\":\(scenario.seed)",
        ]
        fields += figures.map { "\"\($0.name)\":\(round3($0.value))" }
        fields += result.fetched.sorted { $0.key < $1.key }.map { "\"fetched_\($0.key)\":\($0.value)" }
        fields.append("\"copies_bound\":\(round3(bounds.copies))")
        fields.append("\"offload_bound\":\(round3(bounds.offload))")
        return "{" + fields.joined(separator: ",") + "}"
    }

    private func round3(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }
}
