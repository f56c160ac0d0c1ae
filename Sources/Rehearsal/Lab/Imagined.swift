import Results
import Stage
import Vocabulary
import Wire

/// What the simulator says of the same scenario.
struct Imagined: Sendable {
    var seed: UInt64
    var copies: Double?
    var delayMedian: Double?
    var delay95: Double?
    var firstPicture95: Double?

    /// Runs it, as anybody does.
    static func run(
        _ scenario: String, seed: UInt64, options: [String], programs: String
    ) async throws -> Imagined {
        let folder = try TemporaryFolder.make()
        defer { TemporaryFolder.remove(folder) }
        let out = "\(folder)/run"
        let simulator = try Program(
            "\(programs)/tributary-simulate", ["run", scenario, "--seed", "\(seed)", "--out", out] + options)
        guard try await simulator.ended(within: .seconds(600)) == .exited(0) else {
            throw Program.Failure(description: "tributary-simulate run \(scenario): \(simulator.complaints)")
        }
        let summary = try ResultFolder(out).summary()
        return Imagined(
            seed: seed, copies: summary.metric("steady_copies"), delayMedian: summary.metric("steady_delay_p50_s"),
            delay95: summary.metric("steady_delay_p95_s"), firstPicture95: summary.metric("first_picture_p95_s"))
    }

    var json: JSONValue {
        .object([
            ("seed", .integer(seed)), ("copies", .rounded(copies)), ("delay_p50_s", .rounded(delayMedian)),
            ("delay_p95_s", .rounded(delay95)), ("first_picture_p95_s", .rounded(firstPicture95)),
        ])
    }
}
