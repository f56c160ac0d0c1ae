import NIOCore
import NIOEmbedded
import Testing
import Vocabulary

@testable import OriginIngest

@Suite struct `A crowd of encoders` {
    private let crowd = Crowd()

    private func channel(from address: String) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        channel.remoteAddress = try SocketAddress(ipAddress: address, port: 50_000)
        return channel
    }

    @Test(arguments: [("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8::", "2001:db8::", "2001:db8:0:1::")])
    func `has room for so many of one host, whichever of its addresses they come from`(
        first: String, second: String, other: String
    ) throws {
        let isNetwork = first.hasSuffix("::")
        let many = try (0..<Limits.encodersPerAddress).map {
            try channel(from: isNetwork ? first + String($0 + 1, radix: 16) : first)
        }
        for channel in many {
            #expect(crowd.admit(channel) == nil)
            crowd.settle(channel)
        }
        let surplus = try channel(from: isNetwork ? second + "ffff" : second)
        #expect(crowd.admit(surplus) === surplus)
        #expect(crowd.admit(try channel(from: isNetwork ? other + "1" : other)) == nil)
        try many[0].close().wait()
        many[0].embeddedEventLoop.run()
        #expect(crowd.admit(try channel(from: isNetwork ? second + "ffff" : second)) == nil)
    }

    @Test func `has room for another as long as somebody in it has shown no key, who came first of those`() throws {
        let crowd = Crowd(room: 3)
        let guests = try (1...5).map { try channel(from: "192.0.2.\($0)") }
        for guest in guests[..<3] { #expect(crowd.admit(guest) == nil) }
        crowd.settle(guests[0])
        #expect(crowd.admit(guests[3]) === guests[1])
        for guest in guests { crowd.settle(guest) }
        #expect(crowd.admit(guests[4]) === guests[4])
        #expect(crowd.all.count == 3)
    }
}
