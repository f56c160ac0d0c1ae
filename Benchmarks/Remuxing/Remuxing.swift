import Foundation
import Glibc
import OriginMedia
import Stage
import Synchronization
import Vocabulary

/// What cutting costs: CPU-seconds for each GB of input, beside the ffmpeg program that copies the same into HLS; then
/// a whole origin with an encoder that sends as fast as it is taken, and its memory while hours go by.
@main enum Remuxing {
    static func main() async throws {
        let seconds = CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 60
        let folder = NSTemporaryDirectory() + "/tributary-remuxing-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var clip = Clip()
        (clip.bitrate, clip.keyframeInterval) = (3_000, 1)
        let film = try await clip.file()

        print("cutting, CPU-seconds for each GB of input (three rounds each, in turn)")
        for kind in ["mp4", "flv", "ts"] {
            let path = "\(folder)/film.\(kind)"
            try await ffmpeg(["-stream_loop", "24", "-i", film, "-c", "copy", path])
            let size = Double(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 1) / 1e9
            var costs: [[Double]] = [[], [], []]
            for _ in 0..<3 {
                for (place, container) in [Container.ts, .cmaf].enumerated() {
                    let before = cpu(RUSAGE_SELF)
                    try await cut(path, container)
                    costs[place].append((cpu(RUSAGE_SELF) - before) / size)
                }
                let before = cpu(RUSAGE_CHILDREN)
                try await ffmpeg([
                    "-i", path, "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags",
                    "delete_segments", "\(folder)/list.m3u8",
                ])
                costs[2].append((cpu(RUSAGE_CHILDREN) - before) / size)
            }
            for (name, list) in zip(["ts", "cmaf", "ffmpeg"], costs) {
                print("  \(kind) to \(name): \(list.map { short($0) }.joined(separator: " "))")
            }
            let best = costs.map { $0.min() ?? 0 }
            print("  best to best: ts \(short(best[0] / best[2])), cmaf \(short(best[1] / best[2])) of ffmpeg")
            try FileManager.default.removeItem(atPath: path)
        }
        for container in Container.allCases { try await endure(film, container, folder, seconds) }
    }

    private static func cut(_ path: String, _ container: Container) async throws {
        var settings = MediaSource.Settings(input: MediaInput(path))
        settings.isPaced = false
        settings.container = container
        let source = MediaSource(settings)
        let end = Mutex<String?>(nil)
        source.start { event in
            switch event {
            case .ended: end.withLock { $0 = "" }
            case .failed(let error): end.withLock { $0 = "\(error)" }
            default: break
            }
        }
        try await wait(for: "the end of \(path)", within: .seconds(120)) { end.withLock { $0 } != nil }
        let complaint = end.withLock { $0 } ?? ""
        guard complaint.isEmpty else { throw Program.Failure(description: complaint) }
    }

    /// An encoder sends a film again and again, over RTMP, as fast as the origin cuts, hashes, signs and stores it.
    private static func endure(
        _ film: String, _ container: Container, _ folder: String, _ seconds: Double
    ) async throws {
        let data = "\(folder)/\(container)"
        let tool = "\(Program.ownFolder)/tributary-origin"
        let add = try Program(
            tool,
            [
                "broadcasts", "add", "long", "--segment-duration", "1", "--ladder", "none", "--container",
                container.rawValue, "--data", data,
            ])
        _ = try await add.ended(within: .seconds(30))
        let keys = try Program(tool, ["keys", "make", "long", "--data", data])
        _ = try await keys.ended(within: .seconds(30))
        let key = String(decoding: keys.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        let origin = try Program(
            tool,
            ["serve", "--json", "--listen", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--srt", "off", "--data", data])
        defer { origin.signal(SIGKILL) }
        let rtmp = try await origin.event("ready", within: .seconds(30))["rtmp"]?.text ?? ""
        let encoder = try Program(
            "ffmpeg",
            [
                "-nostdin", "-loglevel", "error", "-stream_loop", "-1", "-i", film, "-c", "copy", "-f", "flv",
                "\(rtmp)/\(key)",
            ])
        defer { encoder.signal(SIGKILL) }
        var lines: [String] = []
        let size = Double(try FileManager.default.attributesOfItem(atPath: film)[.size] as? Int ?? 0) / 60
        for part in 1...6 {
            try await Task.sleep(for: .seconds(seconds / 6))
            guard encoder.isRunning else { throw Program.Failure(description: encoder.complaints) }
            let minutes = Double(origin.newest("segment")?.count("sequence") ?? 0) / 60
            lines.append("\(Int(minutes)) min \(origin.memory >> 20) MiB")
            guard part == 6 else { continue }
            let cost = origin.cpu / (minutes * 60 * size / 1e9)
            print("an origin in \(container), all of it: \(short(cost)) CPU-seconds for each GB")
        }
        print("  resident after so much of the programme: \(lines.joined(separator: ", "))")
    }

    private static func ffmpeg(_ arguments: [String]) async throws {
        let program = try Program("ffmpeg", ["-nostdin", "-loglevel", "error", "-y"] + arguments)
        guard try await program.ended(within: .seconds(120)) == .exited(0) else {
            throw Program.Failure(description: program.complaints)
        }
    }

    private static func cpu(_ who: __rusage_who) -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(who.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static func short(_ value: Double) -> String { "\(Double(Int(value * 1_000)) / 1_000)" }
}
