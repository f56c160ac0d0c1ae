import Inspection
import WebClient

/// What the checker finds wrong with a stream; with 0 seconds it reads once all that is listed.
///
/// A busy machine may be late, but what it serves must be right.
func findings(_ url: String, _ client: WebClient, seconds: Double = 0) async -> [Finding] {
    var inspector = Inspector(client, tolerance: 20_000_000)
    return await inspector.inspect(url, for: seconds).findings.map(\.finding)
}
