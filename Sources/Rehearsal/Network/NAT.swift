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
    /// Another outside port for each destination, drawn at random.
    case symmetric

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
        var rules = """
            table ip nat { chain post { type nat hook postrouting priority 100; oifname "eth0" \(masquerade); }; \

            """
        if self == .full {
            rules += """
                chain pre { type nat hook prerouting priority -100; iifname "eth0" dnat to \(Self.insideAddress); };
                """
        }
        rules += " }; table ip filter { chain through { type filter hook forward priority 0; "
        if self != .full { rules += "iifname \"eth0\" ct state new drop; " }
        return rules + "}; }"
    }

    private static func run(_ tool: String, _ words: String, in namespace: Namespace) async throws {
        let program = try Program(
            tool, words.split(separator: " ").map(String.init), inside: { namespace.enter() })
        guard try await program.ended(within: .seconds(20)) == .exited(0) else {
            throw Program.Failure(description: "\(tool) \(words): \(program.complaints)")
        }
    }
}
