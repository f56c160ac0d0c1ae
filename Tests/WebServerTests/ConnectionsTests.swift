import NIOCore
import NIOEmbedded
import Testing

@testable import WebServer

@Suite struct `The connections of a server` {
    private static func limits(sparesLoopback: Bool = false) -> ServerLimits {
        var limits = ServerLimits()
        limits.connectionsPerAddress = 3
        limits.sparesLoopback = sparesLoopback
        return limits
    }

    private static func channel(from address: String) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        channel.remoteAddress = try SocketAddress(ipAddress: address, port: 50_000)
        return channel
    }

    @Test(arguments: [
        (["192.0.2.1", "192.0.2.1", "192.0.2.1"], "192.0.2.1", "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3"], "2001:db8::ffff", "2001:db8:0:1::1"),
        // An IPv4 address as a socket of IPv6 shows it is the same host.
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        (["127.0.0.1", "127.0.0.1", "127.0.0.1"], "127.0.0.1", "127.0.0.2"),
    ]) func `are so many of one host, whichever of its addresses they come from`(
        first: [String], refused: String, other: String
    ) throws {
        let connections = Connections(Self.limits())
        let many = try first.map { try Self.channel(from: $0) }
        for channel in many { #expect(connections.admit(channel) == nil) }
        let tooMany = try Self.channel(from: refused)
        #expect(connections.admit(tooMany) === tooMany)
        #expect(connections.admit(try Self.channel(from: other)) == nil)
        // Who goes makes room.
        try many[0].close().wait()
        many[0].embeddedEventLoop.run()
        #expect(connections.admit(try Self.channel(from: refused)) == nil)
        let again = try Self.channel(from: refused)
        #expect(connections.admit(again) === again)
    }

    @Test(arguments: ["127.0.0.1", "::1", "::ffff:127.0.0.9"])
    func `of this machine are spared where a proxy may stand in front`(address: String) throws {
        let connections = Connections(Self.limits(sparesLoopback: true))
        for _ in 0..<10 { #expect(connections.admit(try Self.channel(from: address)) == nil) }
        for _ in 0..<3 { #expect(connections.admit(try Self.channel(from: "192.0.2.1")) == nil) }
        let tooMany = try Self.channel(from: "192.0.2.1")
        #expect(connections.admit(tooMany) === tooMany)
    }
}
