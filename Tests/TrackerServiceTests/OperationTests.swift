import Foundation
import Integrity
import Stage
import Synchronization
import Testing
import TrackerCore
import TrackerService
import Vocabulary
import WebClient
import Wire

/// The program itself, started, killed and started again.
@Suite(.serialized, .timeLimit(.minutes(4))) struct `A tracker's operator` {
    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "/tributary-operator-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func tracker(_ arguments: [String]) throws -> Program {
        try Program("\(Program.ownFolder)/tributary-tracker", ["serve", "--json"] + arguments)
    }

    private static let anywhere = ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]

    @Test(.enabled(if: geteuid() == 0, "a network namespace needs root"))
    func `can listen at [::] where the machine has addresses of IPv4 alone`() async throws {
        let program = try Program(
            "unshare",
            [
                "--net", "--kill-child", "sh", "-c",
                "ip link set lo up && ip addr add 10.77.0.1/24 dev lo && exec \"$@\"", "sh",
                "\(Program.ownFolder)/tributary-tracker", "serve", "--json", "--listen", "[::]:0", "--udp", "[::]:0",
            ])
        let ready = try await program.event("ready", within: .seconds(30))
        #expect(ready["http"]?.text?.hasPrefix("http://[::]:") == true)
        await program.stop()
    }

    @Test func `can kill it at any moment and lose no listing that was acknowledged`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var acknowledged: [String: String] = [:]
        for round in 0..<6 {
            let program = try tracker(Self.anywhere + ["--data", folder, "--request-limit", "0"])
            let ready = try await program.event("ready", within: .seconds(30))
            let url = try #require(ready["http"]?.text)
            let killing = Task {
                // Each time after another while, in the middle of the registrations.
                try? await Task.sleep(for: .milliseconds(40 + 70 * round))
                program.signal(SIGKILL)
            }
            await withTaskGroup(of: [(String, String)].self) { group in
                for speaker in 0..<4 {
                    group.addTask {
                        var mine: [(String, String)] = []
                        for number in 0..<10_000 {
                            let title = "\(round) \(speaker) \(number)"
                            let one = Speaker(url)
                            let answer = try? await one.register(title)
                            await one.client.shutdownAndWait()
                            guard answer?.status == 204 else { break }
                            mine.append(("\(one.key.broadcast)", title))
                        }
                        return mine
                    }
                }
                for await mine in group { for (id, title) in mine { acknowledged[id] = title } }
            }
            await killing.value
            #expect(try await program.ended(within: .seconds(10)) == .killed(SIGKILL))
        }
        #expect(acknowledged.count > 20)
        let program = try tracker(Self.anywhere + ["--data", folder, "--request-limit", "0"])
        let url = try #require(try await program.event("ready", within: .seconds(30))["http"]?.text)
        let client = WebClient()
        var found: [String: String] = [:]
        var cursor: String? = ""
        while let next = cursor {
            let answer = try await client.get("\(url)/v1/broadcasts?limit=1000&cursor=\(next)", limit: 8 << 20)
            let page = try #require(JSON(parsing: answer.body))
            for one in page["broadcasts"]?.items ?? [] { found[one["id"]?.text ?? ""] = one["title"]?.text }
            cursor = page["next"]?.text
        }
        for (id, title) in acknowledged where found[id] != title { Issue.record("\(title) is lost") }
        await client.shutdownAndWait()
        #expect(await program.stop() == .exited(0))
    }

    /// Runs a program whose kernel knows no IPv6, as far as it can tell: seccomp refuses the family, as a kernel without it.
    private static let withoutIPv6 = """
        import ctypes, os, platform, struct, sys
        socket = {"x86_64": 41, "aarch64": 198}[platform.machine()]
        code = [(0x20, 0, 0, 0), (0x15, 0, 3, socket), (0x20, 0, 0, 16), (0x15, 0, 1, 10), (6, 0, 0, 0x50061), (6, 0, 0, 0x7fff0000)]
        rules = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in code))
        program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(rules)))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0
        os.execv(sys.argv[1], sys.argv[1:])
        """

    @Test func `is told when the machine has no IPv6, and serves IPv4`() async throws {
        let program = try Program(
            "python3",
            [
                "-c", Self.withoutIPv6, "\(Program.ownFolder)/tributary-tracker", "serve", "--json", "--listen",
                "[::]:0",
                "--udp", "[::]:0",
            ])
        let ready = try await program.event("ready", within: .seconds(30))
        let port = try #require(ready["http"]?.text?.split(separator: ":").last)
        let client = WebClient()
        #expect(try await client.get("http://127.0.0.1:\(port)/healthz", limit: 99).status == 200)
        await client.shutdownAndWait()
        #expect(await program.stop() == .exited(0))
        #expect(program.complaints.contains("this machine has no IPv6"))
    }

    @Test func `hears one sentence about each mistake in a setting`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/tracker.conf"
        try Data("listen = 127.0.0.1:0\nmax-piers = 3\n".utf8).write(to: URL(fileURLWithPath: file))
        try Data("nonsense\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/list"))
        try Data(repeating: 7, count: 8_192).write(to: URL(fileURLWithPath: "\(folder)/directory.sqlite"))
        let mistakes: [([String], Int32, String)] = [
            (["--config", file], 64, "error: \(file):2: there is no setting \"max-piers\""),
            (["--config", "\(folder)/none"], 64, "cannot open \(folder)/none: No such file or directory"),
            (
                ["--max-peers", "many"], 64,
                "error: --max-peers: \"max-peers\" is a number from 1 to 100000000, not \"many\""
            ),
            (["--deny", "\(folder)/list"], 64, "error: \(folder)/list:1: a line has 40 or 64 hexadecimal digits"),
            (["--data", folder], 1, "error: the directory in \(folder): file is not a database"),
            (["--data", "\(folder)/a/b"], 1, "error: the directory in \(folder)/a/b: No such file or directory\n"),
        ]
        for (arguments, code, sentence) in mistakes {
            let program = try tracker(arguments)
            #expect(try await program.ended(within: .seconds(30)) == .exited(code), "\(arguments)")
            #expect(program.complaints.contains(sentence), "\(program.complaints)")
            #expect(program.complaints.split(separator: "\n").count == 1, "\(program.complaints)")
        }
    }

    @Test func `sets it up with a file, on IPv4 and IPv6, and finds promtool content with its metrics`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/tracker.conf"
        let settings = """
            # both families
            listen = 127.0.0.1:0, [::1]:0
            udp = [::1]:0
            udp = 127.0.0.1:0
            data = \(folder)/data
            open = yes
            max-clients = 1
            drain = 1
            """
        try Data(settings.utf8).write(to: URL(fileURLWithPath: file))
        let program = try tracker(["--config", file])
        let ready = try await program.event("ready", within: .seconds(30))
        let places = (ready["listening"]?.items ?? []).compactMap(\.text)
        #expect(places.count == 4 && places[1].hasPrefix("http://[::1]:") && places[2].hasPrefix("udp://[::1]:"))
        let client = WebClient()
        for place in places.prefix(2) {
            let speaker = Speaker(place)
            #expect(try await speaker.register().status == 204)
            #expect(try await speaker.announce().status == 200)
            #expect(try await client.get("\(place)/readyz", limit: 999).status == 200)
            await speaker.client.shutdownAndWait()
        }
        for (port, word) in [(1, "complete"), (2, "the tracker is full")] {
            let hash = String(repeating: "a", count: 20)
            let answer = try await client.get("\(places[0])/announce?info_hash=\(hash)&port=\(port)", limit: 999)
            #expect(String(decoding: answer.body, as: UTF8.self).contains(word))
        }
        let metrics = try await client.get("\(places[0])/metrics", limit: 1 << 20)
        #expect(String(decoding: metrics.body, as: UTF8.self).contains("\ntributary_tracker_clients 1\n"))
        try Data(metrics.body).write(to: URL(fileURLWithPath: "\(folder)/metrics"))
        let promtool = try Program("sh", ["-c", "promtool check metrics < \(folder)/metrics"])
        #expect(try await promtool.ended(within: .seconds(60)) == .exited(0))
        #expect(promtool.complaints.isEmpty, "\(promtool.complaints)")

        program.signal(SIGTERM)
        try await wait(for: "the drain", within: .seconds(10)) {
            (try? await client.get("\(places[0])/readyz", limit: 999).status) == 503
        }
        let speaker = Speaker(places[0])
        #expect(try await speaker.announce().status == 200, "it answers to the end")
        await speaker.client.shutdownAndWait()
        await client.shutdownAndWait()
        #expect(try await program.ended(within: .seconds(30)) == .exited(0))
    }

    /// Announces as BEP 15 has it, every second, and repeats what has not been answered; returns how often that was.
    private static func announce(
        _ number: UInt64, to port: Int, until isOver: () -> Bool
    ) async throws -> (missed: Int, answered: Int) {
        var (missed, answered) = (0, 0)
        var line: (socket: Line, id: UInt64)?
        let announcement = Announcement(
            broadcast: BroadcastID(Word256(1, 1, 1, 1)), peer: PeerID(Word256(0, 0, 0, number)),
            port: UInt16(1_000 + number), freeUpload: 1)
        // Not all at the same moment.
        try await Task.sleep(for: .milliseconds(Int(number) * 37 % 1_000))
        while !isOver() || answered == 0 {
            let known = line
            let socket = if let known { known.socket } else { try await Line(port: port) }
            let id = await withTaskGroup(of: UInt64?.self) { group in
                group.addTask {
                    var id = known?.id
                    if id == nil { id = try? await socket.connect() }
                    guard let id,
                        let answer = try? await socket.ask(
                            .announce(connection: id, transaction: 9, announcement)), case .welcome = answer
                    else { return nil }
                    return id
                }
                group.addTask {
                    try? await Task.sleep(for: patience)
                    return nil
                }
                defer { group.cancelAll() }
                return await group.next() ?? nil
            }
            if let id {
                line = (socket, id)
                answered += 1
                try await Task.sleep(for: .seconds(1))
            } else {
                missed += 1
                line = nil
                try await socket.close()
            }
        }
        try await line?.socket.close()
        return (missed, answered)
    }

    private static let patience = Duration.seconds(8)

    @Test func `restarts it, and no client misses more than one announce`() async throws {
        let clients: ClosedRange<UInt64> = 1...40
        var program = try tracker(Self.anywhere + ["--drain", "2"])
        let ready = try await program.event("ready", within: .seconds(30))
        let (http, udp) = (try #require(ready["http"]?.text), try #require(ready["udp"]?.text))
        let port = try #require(udp.split(separator: ":").last.flatMap { Int($0) })
        let end = End()
        let outcomes = try await withThrowingTaskGroup(of: (missed: Int, answered: Int).self) { group in
            for number in clients {
                group.addTask {
                    try await Self.announce(number, to: port) { end.hasCome }
                }
            }
            try await hasPeers(clients.count, http)
            program.signal(SIGTERM)
            #expect(try await program.ended(within: .seconds(60)) == .exited(0))
            let stopped = ContinuousClock.now
            let places = [
                "--listen", String(http.dropFirst("http://".count)), "--udp", String(udp.dropFirst("udp://".count)),
            ]
            program = try tracker(places + ["--drain", "2"])
            _ = try await program.event("ready", within: .seconds(30))
            // Who asks a tracker that takes that long to come back asks twice in vain.
            let allowed = 1 + Int((ContinuousClock.now - stopped) / Self.patience)
            try await hasPeers(clients.count, http)
            end.come()
            var outcomes: [(missed: Int, answered: Int)] = []
            for try await outcome in group {
                #expect(outcome.missed <= allowed)
                outcomes.append(outcome)
            }
            return outcomes
        }
        // The connection ids of before the restart are nobody's: everybody has noticed it.
        #expect(outcomes.count == clients.count && outcomes.allSatisfy { $0.missed >= 1 && $0.answered >= 2 })
        #expect(await program.stop() == .exited(0))
    }

    private func hasPeers(_ count: Int, _ url: String) async throws {
        let client = WebClient()
        try await wait(for: "\(count) peers", within: .seconds(60)) {
            let page = try? await client.get("\(url)/metrics", limit: 1 << 20)
            return String(decoding: page?.body ?? [], as: UTF8.self).contains("tributary_tracker_peers \(count)\n")
        }
        await client.shutdownAndWait()
    }

    @Test func `survives a hang-up signal`() async throws {
        let program = try tracker(Self.anywhere)
        _ = try await program.event("ready", within: .seconds(30))
        program.signal(SIGHUP)
        let url = try #require(program.newest("ready")?["http"]?.text)
        let client = WebClient()
        #expect(try await client.get("\(url)/healthz", limit: 999).status == 200)
        await client.shutdownAndWait()
        #expect(await program.stop() == .exited(0))
    }

    @Test func `gets a unit file that systemd understands`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let unit = try String(contentsOfFile: "\(root)/Scripts/systemd/tributary-tracker.service", encoding: .utf8)
            .replacingOccurrences(of: "/usr/local/bin/", with: "\(Program.ownFolder)/")
        let file = "\(folder)/tributary-tracker.service"
        try Data(unit.utf8).write(to: URL(fileURLWithPath: file))
        let verify = try Program("systemd-analyze", ["verify", "--man=no", file])
        #expect(try await verify.ended(within: .seconds(60)) == .exited(0), "\(verify.complaints)")
        #expect(!verify.complaints.contains("tributary-tracker.service"), "\(verify.complaints)")
    }
}

/// Whether something is over, told to many.
private final class End: Sendable {
    private let state = Mutex(false)

    var hasCome: Bool { state.withLock { $0 } }

    func come() { state.withLock { $0 = true } }
}
