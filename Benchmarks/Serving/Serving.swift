import Foundation
import Glibc
import Stage
import Vocabulary
import WebClient

/// What serving costs, beside nginx with the same bytes: CPU-seconds for each GB of segments and for 100,000 playlists,
/// and the share of a core that thousands of players take. Both servers have core 0, the clients the others.
@main enum Serving {
    static func main() async throws {
        guard access("/usr/sbin/nginx", X_OK) == 0 else {
            print("this compares with nginx, which is missing: apt-get install nginx-light")
            exit(1)
        }
        let players = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 4_000
        var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let folder = NSTemporaryDirectory() + "/tributary-serving-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder + "/www", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }

        var clip = Clip()
        clip.bitrate = 3_000
        let origin = try await start(origin: clip, folder + "/origin")
        defer { origin.program.signal(SIGKILL) }
        let client = WebClient()
        defer { client.shutdown() }
        let base = String(origin.hls.dropLast("/master.m3u8".count))
        let prefix = String(base[(base.firstRange(of: "//")?.upperBound ?? base.startIndex)...].drop { $0 != "/" })
        var segment = ""
        try await wait(for: "six segments", within: .seconds(60)) {
            let playlist = try? await client.get("\(base)/0/index.m3u8", limit: 1 << 20)
            let names = String(decoding: playlist?.body ?? [], as: UTF8.self).split(separator: "\n").filter {
                $0.hasPrefix("../")
            }
            segment = names.last.map { String($0.dropFirst(3)) } ?? ""
            return names.count >= 6
        }
        for (path, name) in [("0/index.m3u8", "index.m3u8"), (segment, "segment.ts")] {
            let body = try await client.get("\(base)/\(path)", limit: 64 << 20).body
            try Data(body).write(to: URL(fileURLWithPath: "\(folder)/www/\(name)"))
        }
        let nginx = try await start(nginx: folder)
        defer { nginx.program.signal(SIGKILL) }

        try await pinAway()
        // Few clients sleep and have to be woken for each packet; among many nobody does.
        for connections in [8, 32] {
            print("segments to \(connections) connections, CPU-seconds for each GB (nine rounds each, in turn)")
            compare(
                ours: (origin, "\(prefix)/\(segment)"), theirs: (nginx, "/segment.ts"), connections: connections,
                bytes: 4_000_000_000, answers: .max
            ) { cpu, counts in cpu / (Double(counts.bytes) / 1e9) }
        }
        print("playlists, CPU-seconds for 100,000 (nine rounds each, in turn)")
        compare(
            ours: (origin, "\(prefix)/0/index.m3u8"), theirs: (nginx, "/index.m3u8"), connections: 64, bytes: .max,
            answers: 60_000
        ) { cpu, counts in cpu / Double(counts.answers) * 100_000 }

        origin.program.signal(SIGKILL)
        var low = Clip()
        (low.width, low.height, low.bitrate) = (426, 240, 400)
        let small = try await start(origin: low, folder + "/small")
        defer { small.program.signal(SIGKILL) }
        try await Task.sleep(for: .seconds(15))
        let place = String(small.hls.dropLast("/master.m3u8".count))
        let path = String(place[(place.firstRange(of: "//")?.upperBound ?? place.startIndex)...].drop { $0 != "/" })
        let playlist = try await client.get("\(place)/0/index.m3u8", limit: 1 << 20)
        let last =
            String(decoding: playlist.body, as: UTF8.self).split(separator: "\n").last { $0.hasPrefix("../") } ?? ""
        // A player asks for the playlist and for a segment every two seconds.
        let crowd = Crowd(
            players, port: small.port, paths: ["\(path)/0/index.m3u8", "\(path)/\(last.dropFirst(3))"], pause: 1)
        let (cpu, begin, memory) = (small.program.cpu, Crowd.now, small.program.memory)
        crowd.run(seconds: 20)
        let share = (small.program.cpu - cpu) / (Crowd.now - begin)
        print(
            "\(players) players of \(low.bitrate) kbit/s: \(crowd.counts.answers) answers, \(crowd.counts.failures) failures, "
                + "\(percent(share)) of one core, \(memory >> 20) MiB before and \(small.program.memory >> 20) MiB after"
        )
        let waits = crowd.waits.sorted()
        func quantile(_ share: Double) -> String { short(waits[Int(Double(waits.count - 1) * share)] * 1_000) }
        if !waits.isEmpty {
            print("  their playlists came within \(quantile(0.5)) ms in the median, \(quantile(0.99)) ms for 99 of 100")
        }
    }

    struct Running {
        let program: Program
        let port: Int
        var hls = ""
    }

    private static func start(origin clip: Clip, _ data: String) async throws -> Running {
        let program = try Program(
            "taskset",
            [
                "-c", "0", "\(Program.ownFolder)/tributary-origin", "publish", "--json", "--input",
                try await clip.file(),
                "--loop", "--ladder", "none", "--listen", "127.0.0.1:0", "--data", data,
            ])
        let hls = try await program.event("ready", within: .seconds(30))["hls"]?.text ?? ""
        return Running(program: program, port: URL(string: hls)?.port ?? 0, hls: hls)
    }

    private static func start(nginx folder: String) async throws -> Running {
        let port = 20_000 + Int(getpid()) % 20_000
        try Data(
            """
            daemon off; master_process off; pid \(folder)/pid; error_log \(folder)/error;
            events { worker_connections 8192; }
            http {
              access_log off; sendfile on; tcp_nopush off; keepalive_requests 1000000; client_body_temp_path \(folder)/a;
              proxy_temp_path \(folder)/b; fastcgi_temp_path \(folder)/c; uwsgi_temp_path \(folder)/d; scgi_temp_path \(folder)/e;
              types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
              server { listen 127.0.0.1:\(port) backlog=4096; root \(folder)/www; open_file_cache max=10; }
            }

            """.utf8
        ).write(to: URL(fileURLWithPath: folder + "/nginx.conf"))
        let program = try Program("taskset", ["-c", "0", "/usr/sbin/nginx", "-c", folder + "/nginx.conf"])
        try await Task.sleep(for: .seconds(1))
        guard program.isRunning else { throw Program.Failure(description: "nginx: \(program.complaints)") }
        return Running(program: program, port: port)
    }

    /// The clients stay off the servers' core.
    private static func pinAway() async throws {
        guard sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1 else { return }
        let taskset = try Program("taskset", ["-a", "-p", "-c", "1", "\(getpid())"])
        _ = try await taskset.ended(within: .seconds(10))
    }

    private static func compare(
        ours: (Running, String), theirs: (Running, String), connections: Int, bytes: Int, answers: Int,
        _ cost: (Double, Crowd.Counts) -> Double
    ) {
        var costs: [[Double]] = [[], []]
        for _ in 0..<9 {
            for (number, (server, path)) in [ours, theirs].enumerated() {
                let crowd = Crowd(connections, port: server.port, paths: [path])
                let before = server.program.cpu
                crowd.run(answers: answers, bytes: bytes)
                costs[number].append(cost(server.program.cpu - before, crowd.counts))
                if crowd.counts.failures > 0 { print("  \(crowd.counts.failures) failures") }
            }
        }
        let ratios = zip(costs[0], costs[1]).map { $0 / $1 }.sorted()
        print(
            "  tributary \(costs[0].map(short).joined(separator: " ")), nginx \(costs[1].map(short).joined(separator: " "))"
        )
        // Neighbours on the machine change what both cost, from one moment to the next.
        print(
            "  of nginx: \(short(ratios[4])) in the median round, \(short(ratios[1])) to \(short(ratios[7])) without the outermost"
        )
    }

    private static func short(_ value: Double) -> String { "\(Double(Int(value * 1_000)) / 1_000)" }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
