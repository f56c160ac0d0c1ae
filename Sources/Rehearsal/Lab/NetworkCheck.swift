import Foundation
import RehearsalNetwork
import Stage
import Vocabulary

/// Whether the network is what it says it is: each property measured through sockets of its hosts.
struct NetworkCheck {
    struct Finding {
        var what: String
        var expected: String
        var measured: String
        var isRight: Bool
    }

    private(set) var findings: [Finding] = []

    private static let line = Line(up: 8e6, down: 40e6, delay: .milliseconds(20))
    /// Of a full packet of 1500 bytes, TCP with timestamps carries 1448.
    private static let goodput = 1_448.0 / 1_500

    /// Makes a network of its own; removes it.
    mutating func run() async throws {
        let star = try await Star(
            [HostPlan("a", Self.line), HostPlan("b", Line(delay: .milliseconds(20)))], seed: 1)
        do {
            try await measure(star)
        } catch {
            await star.close()
            throw error
        }
        await star.close()
        if Self.hasTranslator { for nat in NAT.allCases { try await measure(nat) } }
    }

    private mutating func measure(_ star: Star) async throws {
        let (a, b) = (star.hosts[0], star.hosts[1])
        let echo = try Echo(in: b.namespace, port: 7)
        defer { echo.stop() }
        _ = try await star.snapshot(beginLateness: true)
        try await roundTrip("round trip", a, b, expected: 40)
        rate("upload of 8 Mbit/s", expected: 8e6, try Stream.rate(from: a, to: b, for: .seconds(5)))
        rate("download of 40 Mbit/s", expected: 40e6, try Stream.rate(from: b, to: a, for: .seconds(5)))
        try await agreement(star)

        var line = Self.line
        line.loss = 0.02
        star.change(0, to: line)
        try await Task.sleep(for: .milliseconds(300))
        try await loss(a, b, expected: 1 - 0.98 * 0.98)

        line.loss = 0
        line.jitter = .milliseconds(10)
        star.change(0, to: line)
        try await Task.sleep(for: .milliseconds(300))
        try await jitter(a, b)

        line = Self.line
        (line.up, line.delay) = (2e6, .milliseconds(50))
        star.change(0, to: line)
        try await Task.sleep(for: .milliseconds(300))
        try await roundTrip("round trip after a change", a, b, expected: 70)
        rate("upload after a change to 2 Mbit/s", expected: 2e6, try Stream.rate(from: a, to: b, for: .seconds(8)))

        let lateness = try await star.snapshot().lateness
        add(
            "lateness of 99.9 % of packets", "< 2 ms", Self.milliseconds(lateness.quantile(0.999)),
            lateness.quantile(0.999) < .milliseconds(2))
        add("worst lateness", "< 20 ms", Self.milliseconds(lateness.worst), lateness.worst < .milliseconds(20))
    }

    private mutating func roundTrip(_ what: String, _ a: StarHost, _ b: StarHost, expected: Double) async throws {
        let times = try await pings(from: a, to: b, count: 50, every: .milliseconds(10)).compactMap(\.self)
        let median = Findings.quantile(0.5, of: times.sorted()) ?? 0
        // Each way is at most a tick of 0.5 ms late, twice, and then hosts and threads take their time.
        add(
            what, "\(Int(expected)) ms", Table.number(median) + " ms", median >= expected - 0.1 && median < expected + 4
        )
    }

    private mutating func loss(_ a: StarHost, _ b: StarHost, expected: Double) async throws {
        let count = 3_000
        let times = try await pings(from: a, to: b, count: count, every: .milliseconds(2))
        let lost = Double(times.count { $0 == nil }) / Double(count)
        let deviation = (expected * (1 - expected) / Double(count)).squareRoot()
        add(
            "round trips lost at 2 % each way", Table.number(expected * 100) + " %", Table.number(lost * 100) + " %",
            abs(lost - expected) < 4 * deviation)
    }

    private mutating func jitter(_ a: StarHost, _ b: StarHost) async throws {
        let probe = try DatagramProbe(in: a.namespace, port: 0)
        let target = IPv4Place(address: b.address, port: 7)
        var overtaken = 0
        var newest: UInt32 = 0
        for number in 1...500 as ClosedRange<UInt32> {
            probe.send(number, to: target)
            try await Task.sleep(for: .milliseconds(1))
            while let (number, _) = probe.receive(within: .zero) {
                if number < newest { overtaken += 1 }
                newest = max(newest, number)
            }
        }
        add("packets overtaken with 10 ms of jitter", "0", "\(overtaken) of \(newest)", overtaken == 0 && newest > 400)
    }

    private mutating func agreement(_ star: Star) async throws {
        let counted = try await star.snapshot().hosts[0]
        let kernel = star.interfaceBytes(of: 0)?.received ?? 0
        add(
            "bytes received, kernel and emulator", "\(kernel)", "\(counted.receivedBytes)",
            abs(kernel - counted.receivedBytes) <= kernel / 100)
    }

    /// Round trips in milliseconds, `nil` for each that never came back.
    private func pings(
        from a: StarHost, to b: StarHost, count: Int, every gap: Interval
    ) async throws -> [Double?] {
        let probe = try DatagramProbe(in: a.namespace, port: 0)
        let target = IPv4Place(address: b.address, port: 7)
        var sent: [Instant] = []
        var times = [Double?](repeating: nil, count: count)
        let begin = Instant.now
        while sent.count < count || Instant.now - (sent.last ?? begin) < .milliseconds(500) {
            if sent.count < count, Instant.now >= begin + gap * Double(sent.count) {
                sent.append(.now)
                probe.send(UInt32(sent.count - 1), to: target)
            }
            while let (number, _) = probe.receive(within: sent.count < count ? .zero : .milliseconds(20)) {
                times[Int(number)] = (Instant.now - sent[Int(number)]).seconds * 1e3
            }
            if sent.count < count { usleep(200) }
        }
        return times
    }

    // MARK: NAT

    private static var hasTranslator: Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            access("\($0)/nft", X_OK) == 0
        }
    }

    private mutating func measure(_ nat: NAT) async throws {
        let plain = Line(delay: .milliseconds(1))
        let star = try await Star(
            [HostPlan("inside", plain, nat: nat), HostPlan("x", plain), HostPlan("y", plain)], seed: 1)
        do {
            try observe(nat, star)
        } catch {
            await star.close()
            throw error
        }
        await star.close()
    }

    private mutating func observe(_ nat: NAT, _ star: Star) throws {
        let probe = try DatagramProbe(in: star.hosts[0].namespace, port: 40_000)
        let outside = try star.hosts[1...].map { try DatagramProbe(in: $0.namespace, port: 5_000) }
        let stranger = try DatagramProbe(in: star.hosts[2].namespace, port: 5_001)
        for host in star.hosts[1...] { probe.send(1, to: IPv4Place(address: host.address, port: 5_000)) }
        let places = outside.compactMap { $0.receive(within: .seconds(2))?.from }
        guard places.count == 2 else {
            return add("NAT \(nat.rawValue)", "both outside hosts hear", "\(places.count) of 2", false)
        }
        stranger.send(2, to: places[1])
        let passes = probe.receive(within: .milliseconds(500)) != nil
        let keepsPort = places[0].port == places[1].port
        let expected = (keepsPort: nat != .symmetric, passes: nat == .none || nat == .full)
        add(
            "NAT \(nat.rawValue)", Self.sentence(expected.keepsPort, expected.passes), Self.sentence(keepsPort, passes),
            keepsPort == expected.keepsPort && passes == expected.passes)
    }

    private static func sentence(_ keepsPort: Bool, _ passes: Bool) -> String {
        "\(keepsPort ? "one port" : "a port each"), strangers \(passes ? "pass" : "do not pass")"
    }

    // MARK: Rendering

    private mutating func rate(_ what: String, expected: Double, _ measured: Double) {
        let goodput = expected * Self.goodput
        add(
            "goodput: " + what, Table.number(goodput / 1e6) + " Mbit/s", Table.number(measured * 8 / 1e6) + " Mbit/s",
            measured * 8 > goodput * 0.95 && measured * 8 < goodput * 1.05)
    }

    private mutating func add(_ what: String, _ expected: String, _ measured: String, _ isRight: Bool) {
        findings.append(Finding(what: what, expected: expected, measured: measured, isRight: isRight))
    }

    private static func milliseconds(_ interval: Interval) -> String { Table.number(interval.seconds * 1e3) + " ms" }
}
