import OriginIngest
import WebServer

/// What the ingest servers and the HTTP server count, in the text format of Prometheus.
enum IngestMetrics {
    static func text(_ figures: Reception.Figures, malformed: [MalformedRequest: Int]) -> String {
        var text = "# TYPE tributary_origin_encoders gauge\ntributary_origin_encoders \(figures.onAir)\n"
        text += "# TYPE tributary_origin_encoders_admitted_total counter\n"
        text += "tributary_origin_encoders_admitted_total \(figures.admitted)\n"
        text += "# TYPE tributary_origin_ingest_bytes_total counter\n"
        text += "tributary_origin_ingest_bytes_total \(figures.bytes)\n"
        text += counter("encoders_refused", figures.refused)
        text += counter("malformed_ingest", figures.malformed)
        text += counter(
            "malformed_requests", Dictionary(uniqueKeysWithValues: malformed.map { ($0.key.rawValue, $0.value) }))
        return text
    }

    private static func counter(_ name: String, _ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.reduce("# TYPE tributary_origin_\(name)_total counter\n") {
            $0 + "tributary_origin_\(name)_total{reason=\"\($1.key)\"} \($1.value)\n"
        }
    }
}
