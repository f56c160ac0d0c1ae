/// What the names in result files are called in a picture.
enum Phrase {
    /// A metric's title with its unit, and what its values are multiplied by for that unit.
    static func axis(_ metric: String) -> (title: String, factor: Double) {
        if let known = titles[metric] { return known }
        for (suffix, unit, factor) in [
            ("_share", "%", 100.0), ("_s", "s", 1), ("_bytes", "MB", 1e-6), ("_bps", "Mbit/s", 1e-6),
        ]
        where metric.hasSuffix(suffix) {
            return ("\(words(String(metric.dropLast(suffix.count)))) (\(unit))", factor)
        }
        return (words(metric), 1)
    }

    private static let titles: [String: (title: String, factor: Double)] = [
        "offload": ("offload (%)", 100),
        "copies": ("copies of the stream sent by the origin", 1),
        "delay_p50_s": ("delay, median (s)", 1),
        "delay_p95_s": ("delay, 95th percentile (s)", 1),
        "startup_p95_s": ("startup, 95th percentile (s)", 1),
        "playing_share": ("viewers that play (%)", 100),
        "stalled_s": ("time stalled, all viewers (s)", 1),
    ]

    static func words(_ name: String) -> String {
        name.split(omittingEmptySubsequences: true) { $0 == "_" || $0 == "-" }.joined(separator: " ")
    }

    /// Three digits are what a reader takes from a picture.
    static func short(_ value: Double) -> String {
        for (limit, scale) in [(100.0, 1.0), (10, 10), (1, 100)] where abs(value) >= limit {
            return Self.text((value * scale).rounded() / scale)
        }
        return Self.text((value * 1_000).rounded() / 1_000)
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }
}
