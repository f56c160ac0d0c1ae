import ArgumentParser
import Glibc
import NIOCore
import Vocabulary

/// Loads a running tracker, checks its answers, and prints what one of them costs it.
@main
struct TrackerBenchmark: ParsableCommand {
    enum Load: String, ExpressibleByArgument, CaseIterable { case udp, http, native, price }

    static let configuration = CommandConfiguration(
        commandName: "benchmark-tracker", abstract: "Loads a tracker on this machine and checks what it answers.",
        discussion: """
            Every client joins first, then clients announce as fast as they are answered, or at a rate. All addresses
            are 127.66.x.y. Benchmarks/Tracker/compare runs it beside opentracker, and beside what the kernel alone
            charges: "price" is a server at that port that answers with as many bytes and knows nothing.

            EXAMPLES
              benchmark-tracker udp --port 6969 --pid $(pidof tributary-tracker) --swarms 100 --peers 10000
              benchmark-tracker native --port 6969 --pid 4711 --peers 100000 --rate 75000
            """)

    @Argument(help: "udp, http, native or price.")
    var load: Load

    @Option(help: "The tracker's port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "The tracker's process.")
    var pid: Int32 = 0

    @Option var swarms = 100
    @Option var peers = 10_000
    @Option(help: "Peers asked for.")
    var wanted = 50
    @Option(help: "How long to measure.")
    var seconds = 5.0
    @Option(help: "Requests a second; as many as are answered without it.")
    var rate: Double?
    @Option(help: "Requests that wait for an answer at a time.")
    var outstanding = 128

    @Option(help: "Connections that are kept, with http.")
    var connections = 64
    @Option(help: "With http: the UDP port, where everybody joins first.")
    var udp: UInt16?

    @Flag(help: "The tracker may name the asker to itself.")
    var namesAsker = false

    @Flag(help: "Print the info-hashes as opentracker's whitelist and end.")
    var whitelist = false

    func run() throws {
        if whitelist {
            let hashes = (0..<swarms).map { Hexadecimal.encode(World.hash($0).bytes) }
            print(hashes.sorted().joined(separator: "\n"))
            return
        }
        if load == .price { Price(port: port).serve() }
        let process = Process(pid: pid)
        let world = World(
            swarms: load == .native ? 1 : swarms, peers: peers,
            addresses: load == .native ? max(256, peers / 150) : 256)
        var random = Randomness(seed: 1)
        var joins = 0
        func join() -> Int? {
            defer { joins += 1 }
            return joins < world.peers ? joins : nil
        }
        let end = { DatagramLoad.now() + Int64(seconds * 1e9) }
        var deadline: Int64 = 0
        func any() -> Int? {
            if deadline == 0 { deadline = end() }
            return DatagramLoad.now() < deadline ? Int(random.next() % UInt64(world.peers)) : nil
        }
        switch load {
        case .price: break
        case .http:
            // Joins go over UDP, as each address needs a connection else.
            let clients = DatagramLoad(world: world, host: 0x7f00_0001, port: udp ?? port, outstanding: outstanding)
            clients.connect()
            process.report("join", world) {
                clients.run(
                    SwarmDialect(world: world, wanted: wanted, namesAsker: namesAsker, isJoining: true), rate: nil,
                    next: join)
            }
            let pages = PageLoad(world: world, port: port, connections: connections)
            process.report("announce", world) {
                pages.run(wanted: wanted, isJoining: false, seconds: seconds, next: any)
            }
        case .udp, .native:
            let clients = DatagramLoad(world: world, host: 0x7f00_0001, port: port, outstanding: outstanding)
            clients.connect()
            func announce(isJoining: Bool, rate: Double?, _ next: () -> Int?) -> Findings {
                load == .native
                    ? clients.run(NativeDialect(world: world), rate: rate, next: next)
                    : clients.run(
                        SwarmDialect(world: world, wanted: wanted, namesAsker: namesAsker, isJoining: isJoining),
                        rate: rate, next: next)
            }
            process.report("join", world) { announce(isJoining: true, rate: nil, join) }
            process.report("announce", world) { announce(isJoining: false, rate: rate, any) }
        }
    }
}

/// The tracker, seen from outside.
struct Process {
    let pid: Int32

    /// User and system time in seconds, from /proc/PID/stat.
    private var time: Double {
        let fields = read("stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes in memory.
    private var memory: Double {
        let line = read("status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) * 1_024
    }

    private func read(_ name: String) -> String {
        guard let file = fopen("/proc/\(pid)/\(name)", "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    func report(_ name: String, _ world: World, _ body: () -> Findings) {
        let (time, memory, start) = (time, memory, DatagramLoad.now())
        let findings = body()
        let seconds = Double(DatagramLoad.now() - start) / 1e9
        let spent = max(self.time - time, 0.01)
        func round(_ value: Double) -> Int { Int(value.rounded()) }
        print(
            "\(name): \(round(Double(findings.answers) / spent)) answers per CPU-second,",
            "\(round(Double(findings.answers) / seconds)) a second, CPU \(round(spent * 100)) cs of \(round(seconds * 100)),",
            "\(findings.invalid) invalid, \(findings.short) short, \(findings.lost) lost,",
            "\(findings.entriesChecked) lists checked,",
            "p50 \(round(findings.latency(0.5))) us, p99 \(round(findings.latency(0.99))) us,",
            "memory \(round((self.memory - memory) / Double(world.peers) * 10)) tenths of a byte for each of \(world.peers) peers"
        )
    }
}
