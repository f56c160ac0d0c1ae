import Foundation
import RehearsalNetwork
import RehearsalPlayer
import Stage
import Vocabulary

/// One viewer of a run: the player, and the peer that it plays from unless it plays from the origin itself.
final class Seat: Sendable {
    let number: Int
    let joined: Instant
    let peer: Program?
    let viewer: Viewer

    init(_ number: Int, joined: Instant, peer: Program?, viewer: Viewer) {
        self.number = number
        self.joined = joined
        self.peer = peer
        self.viewer = viewer
    }
}

/// What one viewer's run left behind.
struct SeatRecord: Sendable {
    var number: Int
    var joined: Instant
    /// Until when it watched.
    var left: Instant
    /// It was to watch to the end.
    var stayed: Bool
    var record: Viewer.Record
    /// What the peer told of itself last.
    var told: JSON?
    var cost: ProcessCost?
}

/// What a process has used, as the kernel says.
struct ProcessCost: Sendable {
    var cpu: Interval
    var peakMemory: Int

    /// Of a process that is still there.
    init?(of pid: Int32) {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let memory = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let rest = status.split(separator: ")").last
        else { return nil }
        // The third field follows the name: utime and stime are fields 14 and 15 (proc(5)).
        let fields = rest.split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        cpu = .seconds((user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
        let peak = memory.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        peakMemory = (peak?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
}
