import Foundation
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(10))) struct `BitTorrent clients` {
    /// What clients.py tries: each downloads what libtorrent has, and only the tracker can have named it.
    private static let downloads = [
        "udp IPv4 libtorrent", "udp IPv4 transmission", "udp IPv4 aria2", "udp IPv6 libtorrent",
        "udp IPv6 transmission",
        "http IPv4 libtorrent", "http IPv4 transmission", "http IPv4 aria2",
        "http IPv6 libtorrent", "http IPv6 transmission", "http IPv6 aria2",
    ]

    @Test func `find each other through the tracker`() async throws {
        let folder = NSTemporaryDirectory() + "tributary-clients-\(UInt64.random(in: 0...(.max)))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/clients.py"
        let clients = try Program(
            "/usr/bin/unshare",
            [
                "--net", "--mount", "--kill-child", "/usr/bin/python3", script,
                "\(Program.ownFolder)/tributary-tracker", folder,
            ])
        let end = try await clients.ended(within: .seconds(540))
        #expect(end == .exited(0), "\(clients.complaints)")
        #expect(
            String(decoding: clients.output, as: UTF8.self).split(separator: "\n").map(String.init) == Self.downloads)
    }
}
