import Foundation
import Stage
import Testing
import Vocabulary

/// The package as its manifest declares it, and the files of its targets.
struct Manifest {
    struct Target {
        var name: String
        var kind: String
        var path: String
        var dependencies: Set<String>
    }

    var targets: [Target] = []

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Asks SwiftPM, with a folder of its own: the usual one is locked by the build that runs these tests.
    static func read() async throws -> Manifest {
        let scratch = NSTemporaryDirectory() + "/tributary-house-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let swift = try Program(
            "swift", ["package", "--package-path", root, "--scratch-path", scratch, "dump-package"])
        let end = try await swift.ended(within: .seconds(120))
        let dump = try #require(JSON(parsing: swift.output), "\(end): \(swift.complaints)")
        var manifest = Manifest()
        for target in dump["targets"]?.items ?? [] {
            guard let name = target["name"]?.text, let kind = target["type"]?.text else { continue }
            let dependencies = (target["dependencies"]?.items ?? []).compactMap { dependency in
                ["byName", "product", "target"].compactMap { dependency[$0]?.items?.first?.text }.first
            }
            manifest.targets.append(
                Target(
                    name: name, kind: kind, path: target["path"]?.text ?? "Tests/\(name)",
                    dependencies: Set(dependencies)))
        }
        return manifest
    }

    /// The Swift files below a folder of the project, as paths from its root.
    static func files(in folder: String) -> [String] {
        let everything = FileManager.default.enumerator(atPath: "\(root)/\(folder)")
        return (everything?.allObjects ?? []).compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
            .map { "\(folder)/\($0)" }.sorted()
    }

    static func lines(of file: String) throws -> [String] {
        try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
    }

    /// What a file imports, without attributes and access levels.
    static func imports(of file: String) throws -> [String] {
        try lines(of: file).compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
                words[..<position].allSatisfy({ $0.hasPrefix("@") || ["package", "internal", "private"].contains($0) })
            else { return nil }
            let named = words[position + 1]
            let kinds = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
            return kinds.contains(named) && position + 2 < words.count ? words[position + 2] : named
        }
    }
}
