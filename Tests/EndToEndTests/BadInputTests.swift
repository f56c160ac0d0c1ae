import Foundation
import Stage
import Testing
import Vocabulary

/// What a command does when it cannot do what it was asked: one clear sentence, and a code other than 0.
@Suite(.serialized, .timeLimit(.minutes(2))) struct `A command` {
    private func run(_ name: String, _ arguments: [String]) async throws -> (end: Program.End, complaint: String) {
        let program = try Program("\(Program.ownFolder)/\(name)", arguments)
        let end = try await program.ended(within: .seconds(20))
        return (end, program.complaints)
    }

    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "/tributary-input-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private static let id = String(repeating: "5", count: 64)

    @Test(arguments: [
        ("tributary-origin", ["publish", "--nonsense"]),
        ("tributary-tracker", ["serve", "--nonsense"]),
        ("tributary-peer", ["watch", "--nonsense"]),
        ("tributary-peer", ["watch"]),
        ("tributary-peer", ["watch", "http://example.org"]),
        ("tributary-peer", ["watch", "magnet:?xs=urn:btpk:abc&ws=http://127.0.0.1:1"]),
        ("tributary-peer", ["watch", "magnet:?xs=urn:btpk:\(id)"]),
        ("tributary-peer", ["watch", "magnet:?xs=urn:btpk:\(id)&ws=http://127.0.0.1:1", "--listen", "nowhere"]),
        ("tributary-peer", ["watch", "magnet:?xs=urn:btpk:\(id)&ws=http://127.0.0.1:1", "--upload-limit", "fast"]),
        ("tributary-tracker", ["serve", "--listen", "127.0.0.1:99999"]),
    ])
    func `exits with 64 and a sentence on wrong usage`(name: String, arguments: [String]) async throws {
        let (end, complaint) = try await run(name, arguments)
        #expect(end == .exited(64))
        #expect(!complaint.isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0, "a network namespace needs root"))
    func `that takes links can listen at [::] where the machine has addresses of IPv4 alone`() async throws {
        let program = try Program(
            "unshare",
            [
                "--net", "--kill-child", "sh", "-c",
                "ip link set lo up && ip addr add 10.77.0.1/24 dev lo && exec \"$@\"", "sh",
                "\(Program.ownFolder)/tributary-peer", "watch", "magnet:?xs=urn:btpk:\(Self.id)&ws=http://127.0.0.1:1",
                "--json", "--listen", "[::]:0", "--peer-listen", "[::]:0",
            ])
        _ = try await program.event("ready", within: .seconds(30))
        await program.stop()
    }

    @Test(.enabled(if: geteuid() == 0, "a network namespace needs root"))
    func `that takes encoders can listen at [::] where the machine has addresses of IPv4 alone`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = try Program(
            "unshare",
            [
                "--net", "--kill-child", "sh", "-c",
                "ip link set lo up && ip addr add 10.77.0.1/24 dev lo && exec \"$@\"", "sh",
                "\(Program.ownFolder)/tributary-origin", "serve", "--json", "--listen", "[::]:0", "--rtmp", "[::]:0",
                "--srt", "[::]:0", "--data", folder,
            ])
        let ready = try await program.event("ready", within: .seconds(30))
        #expect(ready["rtmp"]?.text != nil && ready["srt"]?.text != nil)
        await program.stop()
    }

    @Test func `refuses a file that is not there or that nothing can be played of`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("This is no video.".utf8).write(to: URL(fileURLWithPath: "\(folder)/text.mp4"))
        for input in ["\(folder)/missing.mp4", "\(folder)/text.mp4", folder] {
            let (end, complaint) = try await run(
                "tributary-origin",
                ["publish", "--input", input, "--listen", "127.0.0.1:0", "--data", "\(folder)/data"])
            #expect(end != .exited(0), "\(input)")
            #expect(isOneSentence(complaint), "\(input): \(complaint)")
        }
    }

    @Test func `says that a port is in use`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tracker = try Program(
            "\(Program.ownFolder)/tributary-tracker",
            ["serve", "--json", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
        let ready = try await tracker.event("ready", within: .seconds(20))
        let taken = "127.0.0.1:" + (ready["http"]?.text?.split(separator: ":").last ?? "")
        let commands = [
            ("tributary-tracker", ["serve", "--listen", taken, "--udp", "127.0.0.1:0"]),
            (
                "tributary-origin",
                ["publish", "--input", try await Clip.brief.file(), "--listen", taken, "--data", "\(folder)/data"]
            ),
            ("tributary-peer", ["watch", "magnet:?xs=urn:btpk:\(Self.id)&ws=http://127.0.0.1:1", "--listen", taken]),
        ]
        for (name, arguments) in commands {
            let (end, complaint) = try await run(name, arguments)
            #expect(end != .exited(0) && end != .exited(64), "\(name)")
            #expect(isOneSentence(complaint) && complaint.contains("in use"), "\(name): \(complaint)")
        }
        await tracker.stop()
        #expect(tracker.end == .exited(0))
    }

    @Test func `refuses a data folder that holds no broadcast of ours`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let arguments = [
            "publish", "--json", "--input", try await Clip.brief.file(), "--loop", "--listen", "127.0.0.1:0", "--data",
            "\(folder)/data", "--segment-duration", "1",
        ]
        let origin = try Program("\(Program.ownFolder)/tributary-origin", arguments)
        _ = try await origin.event("segment", within: .seconds(20))
        #expect(await origin.stop() == .exited(0))
        // Another broadcast's key beside this broadcast's journal.
        for file in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/data") where file.contains("key") {
            try FileManager.default.removeItem(atPath: "\(folder)/data/\(file)")
        }
        let (end, complaint) = try await run("tributary-origin", arguments)
        #expect(end != .exited(0))
        #expect(isOneSentence(complaint), "\(complaint)")
    }

    @Test func `goes on when the tracker cannot be reached`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let origin = try Program(
            "\(Program.ownFolder)/tributary-origin",
            [
                "publish", "--json", "--input", try await Clip.brief.file(), "--loop", "--listen", "127.0.0.1:0",
                "--data", "\(folder)/data", "--segment-duration", "1", "--tracker", "http://127.0.0.1:9",
            ])
        _ = try await origin.event("segment", within: .seconds(20))
        try await wait(for: "a word about the tracker", within: .seconds(20)) {
            origin.complaints.contains("tracker")
        }
        #expect(origin.isRunning)
        #expect(await origin.stop() == .exited(0))
    }

    /// Log lines may come before it; the last line is the complaint.
    private func isOneSentence(_ complaint: String) -> Bool {
        guard let last = complaint.split(separator: "\n").last else { return false }
        return last.lowercased().hasPrefix("error: ") && last.utf8.count > 20 && !last.contains("Optional(")
    }
}
