import RehearsalNetwork
import Vocabulary
import Wire

/// Findings as files keep them; names carry their units.
extension Findings {
    func json(of run: Rehearsal.Record, seed: UInt64) -> JSONValue {
        .object(
            summary(of: run, seed: seed) + [("delays_s", .array(steady.delays.map { .rounded($0) }))]
                + [("segments", .array(segments.map(\.json))), ("viewers", .array(rows.map(\.json)))])
    }

    /// Without the viewers.
    func summary(of run: Rehearsal.Record, seed: UInt64) -> [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = [
            ("scenario", .string(run.situation.name)), ("way", .string(run.way.rawValue)), ("seed", .integer(seed)),
            ("viewers_count", .integer(run.seats.count)), ("whole", whole.json), ("steady", steady.json),
        ]
        fields += Self.quantiles("first_picture", of: firstPictures)
        fields += Self.quantiles("first_segment", of: firstSegments)
        fields += [
            ("segments_compared", .integer(compared)), ("segments_differing", .integer(differing)),
            ("duplicate_bytes", duplicates.map { .integer($0) } ?? .null), ("given_bytes", .integer(relayed)),
            ("agents_cpu_s", .rounded(agentCPU.seconds)), ("agents_cpu_s_per_GB", .rounded(costOfRelaying)),
            ("agents_peak_memory_bytes", .integer(peakMemory)), ("origin_cpu_s", .rounded(originCPU.seconds)),
            ("players_cpu_s", .rounded(playerCPU.seconds)), ("emulator_cpu_s", .rounded(emulatorCPU.seconds)),
            ("emulator_late_p999_s", .rounded(lateness.quantile(0.999).seconds)),
            ("emulator_late_max_s", .rounded(lateness.worst.seconds)),
            ("is_trustworthy", .bool(isTrustworthy(in: run.situation))),
            ("packets", .integer(packets)), ("dropped_up", .integer(uplinkDrops)),
            ("dropped_down", .integer(downlinkDrops)), ("load_before", .rounded(run.loadBefore)),
            ("load_after", .rounded(run.loadAfter)),
        ]
        return fields
    }

    private static func quantiles(_ name: String, of sorted: [Double]) -> [(String, JSONValue)] {
        [
            ("\(name)_p50_s", .rounded(quantile(0.5, of: sorted))),
            ("\(name)_p95_s", .rounded(quantile(0.95, of: sorted))), ("\(name)_max_s", .rounded(sorted.last)),
        ]
    }
}

extension Findings.Part {
    fileprivate var json: JSONValue {
        .object([
            ("seconds", .rounded(seconds)), ("copies", .rounded(copies)), ("copies_payload", .rounded(payloadCopies)),
            ("delay_p50_s", .rounded(delay(0.5))), ("delay_p95_s", .rounded(delay(0.95))),
            ("delay_max_s", .rounded(delays.last)), ("segments_delivered", .integer(delays.count)),
            ("missed_segments", .integer(missed)), ("stalls", .integer(stalls)),
            ("stalled_s", .rounded(stalledSeconds)),
            ("wire_share", .rounded(wireShare)), ("origin_requests", .integer(originRequests)),
        ])
    }
}

extension Findings.Spread {
    fileprivate var json: JSONValue {
        .object([
            ("sequence", .integer(sequence)), ("published_s", .rounded(published)), ("viewers", .integer(viewers)),
            ("complete", .integer(delays.count)), ("copies", .rounded(copies)),
            ("delay_p50_s", .rounded(Findings.quantile(0.5, of: delays))),
            ("delay_p95_s", .rounded(Findings.quantile(0.95, of: delays))), ("delay_max_s", .rounded(delays.last)),
        ])
    }
}

extension Findings.Row {
    fileprivate var json: JSONValue {
        .object([
            ("viewer", .integer(number)), ("note", .string(note)), ("join_s", .rounded(joined)),
            ("first_picture_s", .rounded(firstPicture)), ("first_segment_s", .rounded(firstSegment)),
            ("stalls", .integer(stalls)), ("stalled_s", .rounded(stalledSeconds)),
            ("delay_p50_s", .rounded(Findings.quantile(0.5, of: delays))),
            ("delay_p95_s", .rounded(Findings.quantile(0.95, of: delays))), ("delay_max_s", .rounded(delays.last)),
            ("skipped", .integer(skipped)), ("bytes_from_peers", .integer(fromPeers)),
            ("bytes_from_origin", .integer(fromOrigin)), ("bytes_uploaded", .integer(given)),
            ("duplicate_bytes", duplicates.map { .integer($0) } ?? .null), ("cpu_s", .rounded(cpu?.seconds)),
            ("failures", .object(failures.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })),
        ])
    }
}

extension JSONValue {
    /// To a tenth of a millisecond, or of whatever it counts.
    static func rounded(_ value: Double?) -> JSONValue {
        guard let value, value.isFinite else { return .null }
        return .number((value * 1e4).rounded() / 1e4)
    }
}
