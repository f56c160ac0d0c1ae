import Testing
import Vocabulary
import Wire

@Suite struct `BitTorrent's datagrams` {
    private static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    private static let hash = Array(1...20 as ClosedRange<UInt8>)
    private static let connect = number(TrackerRequest.protocolID) + number(0 as UInt32) + number(7 as UInt32)

    private static func announce(
        event: UInt32 = 2, left: UInt64 = 5, wanted: Int32 = 30, options: [UInt8] = []
    ) -> [UInt8] {
        var bytes = number(9 as UInt64) + number(1 as UInt32) + number(7 as UInt32) + hash
        bytes += [UInt8](repeating: 65, count: 20) + number(1 as UInt64) + number(left) + number(3 as UInt64)
        bytes += number(event) + [1, 2, 3, 4] + number(8 as UInt32) + number(wanted) + number(6_881 as UInt16)
        return bytes + options
    }

    private static func scrape(_ count: Int) -> [UInt8] {
        number(9 as UInt64) + number(2 as UInt32) + number(7 as UInt32) + (0..<count).flatMap { _ in hash }
    }

    private static func parse(_ bytes: [UInt8]) throws(WireError) -> SwarmRequest {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(WireError) -> SwarmRequest in try SwarmRequest(parsing: bytes) }
        }
        return try result.get()
    }

    @Test func `are understood`() throws {
        #expect(try Self.parse(Self.connect) == .connect(transaction: 7))
        let hash = try #require(InfoHash(Self.hash))
        #expect(hash.bytes == Self.hash)
        let announce = SwarmAnnounce(hash: hash, port: 6_881, isSeeder: false, event: .started, wanted: 30)
        #expect(try Self.parse(Self.announce()) == .announce(connection: 9, transaction: 7, announce))
        #expect(try Self.parse(Self.scrape(2)) == .scrape(connection: 9, transaction: 7, count: 2))
        Self.scrape(2).withUnsafeBytes { #expect(SwarmRequest.hash(1, of: $0) == hash) }
    }

    @Test func `take the options of BEP 41`() throws {
        let path: [UInt8] = [1, 2, 5] + Array("/anno".utf8) + [2, 0]
        for options in [path, path + [0, 9, 9], [1, 1], [77, 1, 0]] as [[UInt8]] {
            guard case .announce = try Self.parse(Self.announce(options: options)) else {
                Issue.record("\(options) is no announce")
                return
            }
        }
    }

    @Test func `say nothing of note when a client has all that it wants`() throws {
        guard case .announce(_, _, let announce) = try Self.parse(Self.announce(event: 4)) else {
            Issue.record("no announce")
            return
        }
        #expect(announce.event == .none && !announce.isSeeder)
    }

    @Test func `leave to the tracker how many are wanted, when they say so`() throws {
        guard case .announce(_, _, let announce) = try Self.parse(Self.announce(left: 0, wanted: -1)) else {
            Issue.record("no announce")
            return
        }
        #expect(announce.wanted == nil && announce.isSeeder)
    }

    static let malformed: [(String, [UInt8], WireError)] = [
        ("nothing", [], .truncated),
        ("half a frame", Array(connect.prefix(15)), .truncated),
        ("a wrong magic", [1] + connect.dropFirst(), .outOfRange("protocol")),
        ("a longer connect", connect + [0], .trailingBytes),
        ("an announce cut short", Array(announce().prefix(97)), .truncated),
        ("an unknown event", announce(event: 5), .outOfRange("event")),
        ("an option without length", announce(options: [2]), .truncated),
        ("an option that is cut", announce(options: [2, 3, 1, 1]), .truncated),
        ("a scrape of nothing", scrape(0), .truncated),
        ("a scrape of one and a half", Array(scrape(2).dropLast(10)), .truncated),
        ("a scrape of 75", scrape(75), .tooMany),
        ("an unknown action", number(9 as UInt64) + number(4 as UInt32) + number(7 as UInt32), .unknownType(4)),
    ]

    @Test(arguments: malformed.indices)
    func `are refused when malformed`(row: Int) {
        let (what, bytes, error) = Self.malformed[row]
        #expect(throws: error, "\(what)") { try Self.parse(bytes) }
    }

    @Test func `are refused when cut anywhere`() {
        for bytes in [Self.connect, Self.announce(), Self.scrape(1)] {
            for count in bytes.indices {
                #expect(throws: WireError.self) { try Self.parse(Array(bytes.prefix(count))) }
            }
        }
    }
}
