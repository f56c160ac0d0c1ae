import RehearsalNetwork
import Vocabulary

/// Findings as lines for a person.
enum Table {
    /// One line for each viewer below a head.
    static func viewers(_ findings: Findings) -> [String] {
        let head = row([
            "viewer", "joined", "picture", "segment", "stalls", "stalled", "p50", "p95", "max", "skipped", "peers MB",
            "origin MB", "given MB", "dupl MB", "CPU s",
        ])
        return [head]
            + findings.rows.map { viewer in
                let failures = viewer.failures.sorted { $0.key < $1.key }.map { "\($0.value)x \($0.key)" }
                return row([
                    "\(viewer.number)", number(viewer.joined), number(viewer.firstPicture), number(viewer.firstSegment),
                    "\(viewer.stalls)", number(viewer.stalledSeconds),
                    number(Findings.quantile(0.5, of: viewer.delays)),
                    number(Findings.quantile(0.95, of: viewer.delays)), number(viewer.delays.last), "\(viewer.skipped)",
                    megabytes(viewer.fromPeers), megabytes(viewer.fromOrigin), megabytes(viewer.given),
                    viewer.duplicates.map(megabytes) ?? "-", number(viewer.cpu?.seconds),
                ]) + ([viewer.note] + failures).filter { !$0.isEmpty }.map { "  \($0)" }.joined()
            }
    }

    /// One line for each segment below a head.
    static func segments(_ findings: Findings) -> [String] {
        [row(["", "segment", "appeared", "viewers", "complete", "p50", "p95", "max", "copies"])]
            + findings.segments.map { segment in
                row([
                    "", "\(segment.sequence)", number(segment.published), "\(segment.viewers)",
                    "\(segment.delays.count)", number(Findings.quantile(0.5, of: segment.delays)),
                    number(Findings.quantile(0.95, of: segment.delays)), number(segment.delays.last),
                    number(segment.copies),
                ])
            }
    }

    static func summary(_ findings: Findings, of run: Rehearsal.Record) -> [String] {
        let way = run.way == .peers ? "through peers" : "plain HTTP"
        var lines = ["\(run.situation.name), \(way):"]
        for (name, part) in [("whole run", findings.whole), ("steady part", findings.steady)] {
            lines.append(
                "  \(name) (\(number(part.seconds)) s): copies \(number(part.copies)) (payload \(number(part.payloadCopies))), "
                    + "delay p50 \(number(part.delay(0.5))) p95 \(number(part.delay(0.95))) max \(number(part.delays.last)) s, "
                    + "missed \(part.missed) of \(part.missed + part.delays.count), stalls \(part.stalls) "
                    + "(\(number(part.stalledSeconds)) s), wire/payload \(number(part.wireShare)), "
                    + "origin requests \(part.originRequests)")
        }
        lines.append(
            "  first picture p50 \(number(Findings.quantile(0.5, of: findings.firstPictures))) "
                + "p95 \(number(Findings.quantile(0.95, of: findings.firstPictures))) s, first segment "
                + "p50 \(number(Findings.quantile(0.5, of: findings.firstSegments))) "
                + "p95 \(number(Findings.quantile(0.95, of: findings.firstSegments))) s")
        lines.append(
            "  bytes compared with the origin's: \(findings.compared) segments, \(findings.differing) differ"
                + (findings.duplicates.map { "; duplicates \(megabytes($0)) MB" } ?? ""))
        if run.way == .peers {
            lines.append(
                "  agents: \(number(findings.agentCPU.seconds)) CPU-s, \(number(findings.costOfRelaying)) CPU-s/GB given, "
                    + "peak memory \(megabytes(findings.peakMemory)) MB")
        }
        lines.append(
            "  emulator: late p99.9 \(number(findings.lateness.quantile(0.999).seconds * 1e3)) ms, worst "
                + "\(number(findings.lateness.worst.seconds * 1e3)) ms, \(number(findings.emulatorCPU.seconds)) CPU-s, "
                + "\(findings.packets) packets, dropped \(findings.uplinkDrops) up \(findings.downlinkDrops) down; players "
                + "\(number(findings.playerCPU.seconds)) CPU-s; load \(number(run.loadBefore)) to \(number(run.loadAfter))"
                + (findings.isTrustworthy(in: run.situation) ? "" : "  DOUBTFUL: late beside the network's delays"))
        return lines
    }

    static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "-" }
        let hundredths = Int((abs(value) * 100).rounded())
        return (value < 0 && hundredths > 0 ? "-" : "") + "\(hundredths / 100)."
            + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
    }

    private static func megabytes(_ bytes: Int) -> String { number(Double(bytes) / 1e6) }

    private static func row(_ cells: [String]) -> String {
        cells.enumerated().map { number, cell in
            let width = number == 0 ? 6 : 10
            return String(repeating: " ", count: max(0, width - cell.count)) + cell
        }.joined()
    }
}

extension Findings {
    /// CPU-seconds of all agents for each 10^9 bytes that their uplinks carried.
    var costOfRelaying: Double? { relayed > 0 ? agentCPU.seconds / (Double(relayed) / 1e9) : nil }
}
