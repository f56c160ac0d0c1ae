/// A row of one of the tables of a result; the run's id is the first column of each.
package protocol ResultRow: Hashable, Sendable {
    static var file: String { get }
    /// Without `run_id`.
    static var columns: [String] { get }
    /// One for each column; `nil` when a figure has no data, and then the row is left out.
    var fields: [String]? { get }
    /// Column 0 is `run_id`.
    init(_ row: CSVReader.Row) throws(ResultFailure)
}

/// What one metric was at one moment.
package struct TimePoint: ResultRow {
    package static let file = "timeseries.csv"
    package static let columns = ["time_s", "metric", "group", "value"]

    package var time: Double
    package var metric: String
    /// `all`, or a class of viewers.
    package var group: String
    package var value: Double

    package init(time: Double, metric: String, group: String = "all", value: Double) {
        self.time = time
        self.metric = metric
        self.group = group
        self.value = value
    }

    package var fields: [String]? {
        guard time.isFinite, value.isFinite else { return nil }
        return [Numeral.text(time), metric, group, Numeral.text(value)]
    }

    package init(_ row: CSVReader.Row) throws(ResultFailure) {
        self.init(time: try row.number(1), metric: row.text(2), group: row.text(3), value: try row.number(4))
    }
}

/// What one metric was for one segment.
package struct SegmentPoint: ResultRow {
    package static let file = "segments.csv"
    package static let columns = ["sequence", "published_s", "metric", "value"]

    package var sequence: Int
    package var published: Double
    package var metric: String
    package var value: Double

    package init(sequence: Int, published: Double, metric: String, value: Double) {
        self.sequence = sequence
        self.published = published
        self.metric = metric
        self.value = value
    }

    package var fields: [String]? {
        guard published.isFinite, value.isFinite else { return nil }
        return [String(sequence), Numeral.text(published), metric, Numeral.text(value)]
    }

    package init(_ row: CSVReader.Row) throws(ResultFailure) {
        self.init(
            sequence: try row.count(1), published: try row.number(2), metric: row.text(3), value: try row.number(4))
    }
}

/// How many values of a metric fell into the bin that ends at `value`.
package struct DistributionPoint: ResultRow {
    package static let file = "distribution.csv"
    package static let columns = ["metric", "value", "count"]

    package var metric: String
    package var value: Double
    package var count: Int

    package init(metric: String, value: Double, count: Int) {
        self.metric = metric
        self.value = value
        self.count = count
    }

    /// The bins of a histogram.
    package static func rows(_ metric: String, _ histogram: Histogram) -> [DistributionPoint] {
        histogram.bins.map { DistributionPoint(metric: metric, value: $0.upperEdge, count: $0.count) }
    }

    package var fields: [String]? { value.isFinite ? [metric, Numeral.text(value), String(count)] : nil }

    package init(_ row: CSVReader.Row) throws(ResultFailure) {
        self.init(metric: row.text(1), value: try row.number(2), count: try row.count(3))
        guard value >= 0 else { throw row.wrong(2, "a number from 0") }
    }
}

/// One viewer, from joining to leaving.
package struct ViewerRow: ResultRow {
    package static let file = "viewers.csv"
    package static let columns = [
        "viewer", "join_s", "leave_s", "up_bps", "down_bps", "region", "nat", "role", "stalls", "stalled_s",
        "startup_s", "bytes_from_peers", "bytes_from_origin", "bytes_uploaded",
    ]

    package var viewer: Int
    package var join: Double
    /// `nil` when it stayed to the end.
    package var leave: Double?
    /// Bits per second.
    package var up: Double
    package var down: Double
    package var region: String
    package var nat: String
    package var role: String
    package var stalls: Int
    package var stalled: Double
    /// `nil` when its first segment never came.
    package var startup: Double?
    package var bytesFromPeers: Int
    package var bytesFromOrigin: Int
    package var bytesUploaded: Int

    package init(
        viewer: Int, join: Double, leave: Double?, up: Double, down: Double, region: String, nat: String,
        role: String, stalls: Int, stalled: Double, startup: Double?, bytesFromPeers: Int, bytesFromOrigin: Int,
        bytesUploaded: Int
    ) {
        self.viewer = viewer
        self.join = join
        self.leave = leave
        self.up = up
        self.down = down
        self.region = region
        self.nat = nat
        self.role = role
        self.stalls = stalls
        self.stalled = stalled
        self.startup = startup
        self.bytesFromPeers = bytesFromPeers
        self.bytesFromOrigin = bytesFromOrigin
        self.bytesUploaded = bytesUploaded
    }

    package var fields: [String]? {
        guard join.isFinite, up.isFinite, down.isFinite, stalled.isFinite else { return nil }
        func field(_ value: Double?) -> String { value.map { $0.isFinite ? Numeral.text($0) : "" } ?? "" }
        return [
            String(viewer), field(join), field(leave), field(up), field(down), region, nat, role, String(stalls),
            field(stalled), field(startup), String(bytesFromPeers), String(bytesFromOrigin), String(bytesUploaded),
        ]
    }

    package init(_ row: CSVReader.Row) throws(ResultFailure) {
        self.init(
            viewer: try row.count(1), join: try row.number(2), leave: try row.optionalNumber(3), up: try row.number(4),
            down: try row.number(5), region: row.text(6), nat: row.text(7), role: row.text(8),
            stalls: try row.count(9), stalled: try row.number(10), startup: try row.optionalNumber(11),
            bytesFromPeers: try row.count(12), bytesFromOrigin: try row.count(13), bytesUploaded: try row.count(14))
    }
}

/// One hop of the traced piece.
package struct TreeEdge: ResultRow {
    package static let file = "tree.csv"
    package static let columns = ["segment", "piece", "from", "to", "sent_s", "arrived_s"]

    package var segment: Int
    package var piece: Int
    /// `nil` is the origin.
    package var from: Int?
    package var to: Int
    package var sent: Double
    package var arrived: Double

    package init(segment: Int, piece: Int, from: Int?, to: Int, sent: Double, arrived: Double) {
        self.segment = segment
        self.piece = piece
        self.from = from
        self.to = to
        self.sent = sent
        self.arrived = arrived
    }

    package var fields: [String]? {
        guard sent.isFinite, arrived.isFinite else { return nil }
        return [
            String(segment), String(piece), from.map(String.init) ?? "origin", String(to), Numeral.text(sent),
            Numeral.text(arrived),
        ]
    }

    package init(_ row: CSVReader.Row) throws(ResultFailure) {
        self.init(
            segment: try row.count(1), piece: try row.count(2),
            from: row.text(3) == "origin" ? nil : try row.count(3), to: try row.count(4), sent: try row.number(5),
            arrived: try row.number(6))
    }
}
