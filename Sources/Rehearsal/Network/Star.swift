import Foundation
import Glibc
import Stage
import Vocabulary

/// One host of the network and where its programs run.
package struct StarHost: Sendable {
    package let name: String
    /// The address that others reach it at.
    package let address: String
    package let namespace: Namespace
    /// The one with the public address: another than `namespace` behind a NAT.
    let gateway: Namespace
}

/// What a network is made of.
package struct HostPlan: Hashable, Sendable {
    package var name: String
    package var line: Line
    package var nat: NAT

    package init(_ name: String, _ line: Line, nat: NAT = .none) {
        self.name = name
        self.line = line
        self.nat = nat
    }
}

/// Hosts in network namespaces of their own, joined in the middle by the emulator.
package final class Star: Sendable {
    package let hosts: [StarHost]
    private let emulator: Emulator

    /// Why there can be no network here, in one sentence.
    package static var obstacle: String? {
        if geteuid() != 0 { return "network namespaces need root: start this with sudo" }
        let tunnel = open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard tunnel >= 0 else { return "/dev/net/tun cannot be opened: \(String(cString: strerror(errno)))" }
        _ = Glibc.close(tunnel)
        do {
            _ = try Namespace()
            return nil
        } catch {
            return error.description
        }
    }

    package init(_ plans: [HostPlan], seed: UInt64) async throws {
        var hosts: [StarHost] = []
        var ports: [Emulator.Port] = []
        do {
            for (number, plan) in plans.enumerated() {
                let address = Self.address(of: number)
                let gateway = try Namespace()
                ports.append(
                    Emulator.Port(
                        tunnel: try gateway.openTunnel(address: address), address: address, line: plan.line))
                let inside = plan.nat == .none ? gateway : try Namespace()
                try await plan.nat.put(inside, behind: gateway)
                try Self.tune(inside)
                hosts.append(
                    StarHost(name: plan.name, address: Self.text(address), namespace: inside, gateway: gateway))
            }
        } catch {
            for port in ports { _ = Glibc.close(port.tunnel) }
            throw error
        }
        self.hosts = hosts
        emulator = Emulator(ports, seed: seed)
    }

    package func change(_ host: Int, to line: Line) { emulator.change(host, to: line) }

    /// All counters now. `beginLateness` lets the lateness of the next snapshot count from here.
    package func snapshot(beginLateness: Bool = false) async throws -> Snapshot {
        let number = emulator.ask(forFreshLateness: beginLateness)
        try await wait(for: "the emulator's counters", within: .seconds(10)) { emulator.answer(to: number) != nil }
        guard let snapshot = emulator.answer(to: number) else {
            throw Program.Failure(description: "the emulator does not answer")
        }
        return snapshot
    }

    /// What the kernel has counted at the host's public interface.
    package func interfaceBytes(of host: Int) -> (received: Int, sent: Int)? { hosts[host].gateway.interfaceBytes() }

    /// Ends the network; the namespaces go with the last process in them.
    package func close() async {
        emulator.stop()
        _ = await holds(within: .seconds(5)) { emulator.hasStopped }
    }

    /// 10.78.0.1 and following, 250 hosts in each of the last byte's rounds.
    static func address(of number: Int) -> UInt32 { 0x0a4e_0000 + UInt32(number / 250) << 8 + UInt32(number % 250 + 1) }

    private static func text(_ address: UInt32) -> String {
        [24, 16, 8, 0].map { "\(address >> $0 & 255)" }.joined(separator: ".")
    }

    private static func tune(_ namespace: Namespace) throws(Program.Failure) {
        // What most viewers' systems use; the machine's own choice may be another.
        try CongestionControl.allowed { () throws(Program.Failure) in
            try namespace.set("ipv4/tcp_congestion_control", CongestionControl.name)
        }
        // Each run starts without the memory of an earlier one.
        try namespace.set("ipv4/tcp_no_metrics_save", "1")
    }
}
