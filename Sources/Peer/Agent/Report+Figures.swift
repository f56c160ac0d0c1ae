import PeerCore
import Vocabulary
package import Wire

/// The figures that `--json` and the status page give, under the same names.
extension Report {
    package var figures: [(String, JSONValue)] {
        [
            ("bytes_from_peers", .integer(tally.bytesFromPeers)),
            ("bytes_from_origin", .integer(tally.bytesFromOrigin)),
            ("bytes_to_player", .integer(bytesToPlayer)),
            ("bytes_uploaded", .integer(tally.bytesUploaded)),
            ("duplicate_bytes", .integer(tally.duplicateBytes)),
            ("pieces_refused", .integer(piecesRefused)),
            ("records_refused", .integer(tally.recordsRefused)),
            ("peers_banned", .integer(tally.peersBanned)),
            ("stalls", .integer(stalls)),
            ("stalled_ms", .integer(Int(stalled.milliseconds))),
            ("neighbors", .integer(neighbors.count)),
            ("latency_ms", latency.map { .integer(Int($0.milliseconds)) } ?? .null),
            ("slack_ms", slack.map { .integer(Int($0.milliseconds)) } ?? .null),
            ("viewers", .integer(viewers)),
            ("injector", .bool(lease != nil)),
            ("offload", offload.map { .number($0) } ?? .null),
            ("copies", originShare.map { .number($0) } ?? .null),
            ("newest", newestComplete.map { .integer($0) } ?? .null),
            ("closed", .bool(isClosed)),
            ("sharing", .bool(isSharing)),
            ("reachable", .bool(!isUnreachable)),
            ("tracker", .string(trackerState)),
            ("announces_missed", .integer(tally.announcesMissed)),
            ("origin", .string(originState)),
            ("store_bytes", .integer(storeBytes)),
            ("fallback", Self.counts(fetched)),
            ("link_flaws", Self.counts(linkFlaws)),
            ("origin_flaws", Self.counts(originFlaws)),
            ("tracker_flaws", Self.counts(trackerFlaws)),
        ]
    }

    /// Pieces asked of the origin, by reason.
    var fetched: [String: Int] {
        var counts: [String: Int] = [:]
        for (reason, count) in tally.fetched { counts[reason.rawValue] = count }
        return counts
    }

    static func counts(_ counts: [String: Int]) -> JSONValue {
        .object(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
    }
}
