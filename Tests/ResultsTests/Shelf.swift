import Foundation
import Results

/// A folder of one test, gone with it.
final class Shelf {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "tributary-results-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
        return "\(path)/\(name)"
    }

    func names(in folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
    }

    static let manifest = Manifest(
        version: "1.0", scenario: "steady", question: "Who pays, \"you\" or me?", seed: 7, tier: "events",
        parameters: [Parameter("viewers", "30"), Parameter("uplink", "8 Mbit/s")])
}
