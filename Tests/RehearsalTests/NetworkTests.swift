import Foundation
import Glibc
import RehearsalNetwork
import Stage
import Testing
import Vocabulary

@testable import tributary_lab

/// These need root and /dev/net/tun; elsewhere they are skipped, with the reason.
@Suite(
    .serialized, .timeLimit(.minutes(2)),
    .enabled(if: Star.obstacle == nil, "\(Star.obstacle ?? "")"))
struct `A network of namespaces` {
    @Test func `carries datagrams with the delays of both hosts, and counts them`() async throws {
        let star = try await Star(
            [
                HostPlan("a", Line(up: 8e6, down: 8e6, delay: .milliseconds(15))),
                HostPlan("b", Line(delay: .milliseconds(10))),
            ], seed: 1)
        let (a, b) = (star.hosts[0], star.hosts[1])
        let echo = try Echo(in: b.namespace, port: 7)
        let probe = try DatagramProbe(in: a.namespace, port: 0)
        var shortest = Interval.seconds(10)
        for number in 0..<10 as Range<UInt32> {
            let sent = Instant.now
            probe.send(number, to: IPv4Place(address: b.address, port: 7))
            let answer = try #require(probe.receive(within: .seconds(5)))
            #expect(answer.number == number)
            shortest = min(shortest, .now - sent)
        }
        echo.stop()
        #expect(shortest >= .milliseconds(25))
        #expect(shortest < .milliseconds(60))
        let snapshot = try await star.snapshot()
        #expect(snapshot.hosts[0].sentBytes == 10 * 32)
        #expect(snapshot.hosts[0].sentPayload == 10 * 4)
        #expect(snapshot.hosts[0].receivedBytes == 10 * 32)
        #expect(snapshot.hosts[1].receivedFromFirst == 10 * 32)
        #expect(star.interfaceBytes(of: 0)?.received == 10 * 32)
        await star.close()
    }

    @Test func `shows a program inside its own interface and no other`() async throws {
        let star = try await Star([HostPlan("a", Line()), HostPlan("b", Line())], seed: 1)
        let namespace = star.hosts[0].namespace
        let program = try Program("cat", ["/proc/self/net/dev"], inside: { namespace.enter() })
        #expect(try await program.ended(within: .seconds(10)) == .exited(0))
        let lines = String(decoding: program.output, as: UTF8.self).split(separator: "\n").dropFirst(2)
        let names = lines.compactMap { $0.split(separator: ":").first?.filter { $0 != " " } }
        #expect(Set(names) == ["eth0", "lo"])
        await star.close()
    }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct `The laboratory's command` {
    private func run(_ arguments: [String]) async throws -> Program {
        let program = try Program("\(Program.ownFolder)/tributary-lab", arguments)
        _ = try await program.ended(within: .seconds(20))
        return program
    }

    @Test(arguments: [
        ["--nonsense"], ["--only", "nothing-of-that-name"], ["--seconds", "soon"], ["--seconds", "-5"],
        ["--seeds", "0"],
    ])
    func `exits with 64 and a sentence on wrong usage`(arguments: [String]) async throws {
        let program = try await run(arguments)
        #expect(program.end == .exited(64))
        #expect(!program.complaints.isEmpty)
    }

    @Test func `lists every situation with its question`() async throws {
        let program = try await run(["--list"])
        #expect(program.end == .exited(0))
        let lines = String(decoding: program.output, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == Situation.usual.count)
        #expect(lines.allSatisfy { $0.hasSuffix("?") })
    }
}

@Suite struct `A situation` {
    @Test(arguments: [0.1, 0.25, 0.5, 1]) func `lets as many viewers vanish as it says`(share: Double) throws {
        let situation = try Situation("exodus", changes: ["exodus = \(share * 100) % at 30 s"])
        let gone = (0..<situation.viewers).filter(situation.vanishes)
        #expect(gone.count == Int(Double(situation.viewers) * share))
    }

    @Test func `lets everybody come in order`() throws {
        for name in Situation.usual {
            let situation = try Situation(name)
            let joins = (0..<situation.viewers).map(situation.join)
            #expect(zip(joins, joins.dropFirst()).allSatisfy { $0 <= $1 })
            #expect(joins.allSatisfy { $0 <= situation.lastJoin })
        }
    }

    @Test func `gives each viewer the line and the conduct of its scenario`() throws {
        let rate = Double(2 << 20) * 8 / 4
        let half = try Situation("half-give")
        let (givers, takers) = (0..<30).reduce(into: (0, 0)) { if half.isStingy($1) { $0.1 += 1 } else { $0.0 += 1 } }
        #expect((givers, takers) == (15, 15))
        #expect((0..<30).allSatisfy { half.line(of: $0).up == (half.isStingy($0) ? 0.25e6 : 4 * rate) })
        #expect(try Situation("thirty").origin.up == 2 * rate)
        #expect(try Situation("scarce").origin.up == 0)
        let stalled = try Situation("stalled-peers")
        #expect((0..<30).count { stalled.misconduct(of: $0) == .withholding } == 15)
        let hostile = try Situation("hostile-peers")
        #expect((0..<30).count { hostile.misconduct(of: $0) == .lying } == 15)
    }

    @Test(arguments: [
        "segment-size = 1 MiB", "viewers = 5000", "churn = 10 %/min", "origin-outage = at 20 s for 4 s",
        "no-such-key = 1", "uplink = fast",
    ])
    func `refuses what it cannot make and what nobody understands`(change: String) {
        #expect(throws: (any Error).self) { try Situation("thirty", changes: [change]) }
    }
}
