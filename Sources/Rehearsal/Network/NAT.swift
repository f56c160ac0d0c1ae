import Glibc
import Stage
import Vocabulary

/// What stands between a host and its public address.
package enum NAT: String, Hashable, Sendable, CaseIterable {
    case none
    /// Any outside host may use a mapped port (full cone).
    case full
    /// The port is kept, and only answers come in (port-restricted cone).
    case restricted
    /// The same, but the port that is taken here for a viewer's own looks like another from outside.
    case moved
    /// Another outside port for each destination, drawn at random.
    case symmetric

    /// What `moved` makes of which port.
    package static let movedPort = (inside: 40_000, outside: 50_000)

    private static let insideAddress = "192.168.1.2"
    private static let gatewayAddress = "192.168.1.1"

    /// Joins a host's namespace to its gateway, which translates.
    func put(_ inside: Namespace, behind gateway: Namespace) async throws {
        guard self != .none else { return }
        try await Self.run(
            "ip", "link add eth0 type veth peer name lan0 netns \(gateway.path)", in: inside)
        try await Self.run("ip", "addr add \(Self.insideAddress)/24 dev eth0", in: inside)
        try await Self.run("ip", "addr add \(Self.gatewayAddress)/24 dev lan0", in: gateway)
        try await Self.run("ip", "link set lan0 up", in: gateway)
        try await Self.run("ip", "link set eth0 up", in: inside)
        try await Self.run("ip", "route add default via \(Self.gatewayAddress)", in: inside)
        try gateway.set("ipv4/ip_forward", "1")
        let nft = try Program("nft", [rules], inside: { gateway.enter() })
        guard try await nft.ended(within: .seconds(20)) == .exited(0) else {
            throw Program.Failure(description: "nft: \(nft.complaints)")
        }
    }

    /// In nftables' language.
    private var rules: String {
        let masquerade = self == .symmetric ? "masquerade fully-random" : "masquerade"
        let port = Self.movedPort
        let moving =
            self == .moved
            ? "oifname \"eth0\" meta l4proto { tcp, udp } th sport \(port.inside) masquerade to :\(port.outside); " : ""
        var rules = """
            table ip nat { chain post { type nat hook postrouting priority 100; \(moving)oifname "eth0" \(masquerade); }; \

            """
        if self == .full {
            rules += """
                chain pre { type nat hook prerouting priority -100; iifname "eth0" dnat to \(Self.insideAddress); };
                """
        }
        rules += " }; table ip filter { chain through { type filter hook forward priority 0; "
        let isClosed = self == .full ? "" : "iifname \"eth0\" ct state new drop; "
        rules += isClosed + "}; "
        // What nobody has asked for gets no answer, so that who dials too early may dial on (RFC 5382, REQ-4).
        return rules + "chain own { type filter hook input priority 0; \(isClosed)}; }"
    }

    private static func run(_ tool: String, _ words: String, in namespace: Namespace) async throws {
        let program = try Program(
            tool, words.split(separator: " ").map(String.init), inside: { namespace.enter() })
        guard try await program.ended(within: .seconds(20)) == .exited(0) else {
            throw Program.Failure(description: "\(tool) \(words): \(program.complaints)")
        }
    }
}
