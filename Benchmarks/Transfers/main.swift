import Glibc
import Scenarios
import Simulator
import Vocabulary

/// How many pieces go from viewer to viewer in a second of CPU time, and what a viewer takes of memory: real cores over
/// the imagined network, and the timeline of the engine alone beside it.
///
///     benchmark-transfers [<viewers>] [<seconds>]     10,000 viewers for 12 s by default; 1000000 is an option

private func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

let arguments = CommandLine.arguments.dropFirst().map { Int($0) }
guard arguments.count <= 2, arguments.allSatisfy({ $0.map { $0 > 0 } ?? false }) else {
    print("usage: benchmark-transfers [<viewers>] [<seconds>]")
    exit(64)
}
let viewers = arguments.first.flatMap { $0 } ?? 10_000
let seconds = arguments.dropFirst().first.flatMap { $0 } ?? 12

guard
    let scenario = try Catalog.scenario(
        "thousand", overrides: ["viewers = \(viewers)", "length = \(seconds) s", "arrivals = over(4 s)"])
else { exit(70) }

let memoryBefore = residentBytes()
let before = cpuSeconds()
var simulation = Simulation(scenario)
var memory = 0
let result = simulation.run { _ in memory = max(memory, residentBytes()) }
let spent = cpuSeconds() - before
print("viewers                          \(result.visits.count)")
print("imagined seconds                 \(seconds)")
print("CPU-s                            \(rounded(spent))")
print("piece transfers                  \(result.transfers)")
print("piece transfers / CPU-s          \(Int(Double(result.transfers) / spent))")
print("events / CPU-s                   \(Int(Double(result.events) / spent))")
print("events / piece transfer          \(rounded(Double(result.events) / Double(max(1, result.transfers))))")
print(
    "memory / viewer, kB              \(rounded(Double(memory - memoryBefore) / Double(result.visits.count) / 1_000))")

let held = TimelineMeasure.eventsPerSecond(pending: max(1_000, viewers), now: cpuSeconds)
print("timeline alone, events / CPU-s   \(Int(held))")
print("share of the timeline, %         \(rounded(100 * Double(result.events) / held / spent))")
