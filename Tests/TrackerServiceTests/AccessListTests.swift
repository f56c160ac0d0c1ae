import Foundation
import Integrity
import Stage
import Synchronization
import Testing
import TrackerCore
import TrackerService
import Vocabulary
import WebClient

@Suite(.timeLimit(.minutes(2))) struct `An access list` {
    private static let name = String(repeating: "5a", count: 32)

    @Test func `reads names of broadcasts and info-hashes, one a line`() throws {
        let text = "# all\n\(Self.name)\n\n  \(Self.name.prefix(40).uppercased())  # a hash\r\n\(Self.name)"
        #expect(try AccessList(parsing: text, of: "list").count == 2)
        #expect(try AccessList(parsing: "", of: "list").count == 0)
    }

    @Test(arguments: ["5a", name + "5a", name + " " + name, "g" + name.dropFirst(), name.dropLast() + "é", "x # y"])
    func `refuses a line that is no name`(line: String) {
        let failure = #expect(throws: AccessList.Failure.self) {
            try AccessList(parsing: "# one\n\(line)\n", of: "list")
        }
        #expect(failure?.description == "list:2: a line has 40 or 64 hexadecimal digits")
    }

    @Test func `is read again when its file changes, and stays as it was when that has a mistake`() async throws {
        let file = NSTemporaryDirectory() + "/tributary-deny-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: file)) }
        try write("# nobody\n")
        var options = TrackerOptions()
        options.deny = file
        let server = try await TrackerServer.start(options)
        let url = "http://127.0.0.1:\(server.httpPort)"
        let speaker = Speaker(url)
        defer { speaker.client.shutdown() }
        #expect(try await speaker.register().status == 204)
        #expect(try await speaker.announce().status == 200)
        try write("\(speaker.key.broadcast)\n")
        try await wait(for: "the list to be read again", within: .seconds(30)) {
            (try? await speaker.announce().status) == 503
        }
        #expect(try await speaker.register().status == 403)
        #expect(
            try await speaker.client.get("\(url)/v1/broadcasts/\(speaker.key.broadcast)", limit: 9_999).status == 404)
        try write("nonsense\n")
        server.reload()
        #expect(try await speaker.announce().status == 503)
        try write("")
        server.reload()
        #expect(try await speaker.announce().status == 200)
        await server.stop()
    }

    @Test func `lets in only what it allows`() async throws {
        let file = NSTemporaryDirectory() + "/tributary-allow-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        var options = TrackerOptions()
        options.allow = file
        await #expect(throws: TrackerServer.StartError.self) { try await TrackerServer.start(options) }
        let speaker = Speaker("")
        try Data("\(speaker.key.broadcast)\n".utf8).write(to: URL(fileURLWithPath: file))
        let server = try await TrackerServer.start(options)
        speaker.url.withLock { $0 = "http://127.0.0.1:\(server.httpPort)" }
        let other = Speaker("http://127.0.0.1:\(server.httpPort)")
        #expect(try await speaker.announce().status == 200)
        #expect(try await other.announce().status == 503)
        speaker.client.shutdown()
        other.client.shutdown()
        await server.stop()
    }
}
