import Glibc
import NIOCore
import Vocabulary
import WebServer

/// Whom an agent may dial, and how often: what trackers and neighbors tell of must not make it a weapon.
struct DialBudget {
    private static let perAddress = 3
    /// Only who is dialled in vain punches holes, and only towards addresses that the tracker has seen.
    private static let punchesPerAddress = 6
    private static let window = TimeAmount.seconds(60)

    private struct Way: Hashable {
        let address: [UInt8]
        let isPunch: Bool
    }

    private var recent: [Way: [NIODeadline]] = [:]
    private let isAtPrivateAddress: Bool

    init() {
        let devices = (try? System.enumerateDevices()) ?? []
        isAtPrivateAddress = devices.contains { device in
            device.address.flatMap(Endpoint.init).map { Self.isPrivate($0.address) } ?? false
        }
    }

    /// Loopback and private addresses are for those who are there themselves: nobody may send us to probe them.
    func isDialable(_ endpoint: Endpoint, _ link: MagnetLink) -> Bool {
        let address = endpoint.address
        guard endpoint.port != 0 else { return false }
        if Self.isLoopback(address) { return (link.trackers + link.origins).contains(where: Self.isLoopbackURL) }
        if Self.isPrivate(address) { return isAtPrivateAddress }
        if address.count == 4 {
            return address[0] != 0 && address[0] < 224 && !(address[0] == 169 && address[1] == 254)
        }
        let isUnspecified = address.allSatisfy { $0 == 0 }
        return !isUnspecified && address[0] != 0xFF && !(address[0] == 0xFE && address[1] & 0xC0 == 0x80)
    }

    /// Whether the address has been dialled rarely enough lately; counts the dial.
    mutating func spend(_ endpoint: Endpoint, isPunch: Bool) -> Bool {
        guard !Self.isLoopback(endpoint.address) else { return true }
        let now = NIODeadline.now()
        if recent.count > 1_000 { recent = recent.filter { $0.value.contains { now - $0 < Self.window } } }
        let way = Way(address: endpoint.address, isPunch: isPunch)
        let dials = recent[way, default: []].filter { now - $0 < Self.window }
        guard dials.count < (isPunch ? Self.punchesPerAddress : Self.perAddress), recent.count <= 1_000 else {
            return false
        }
        recent[way] = dials + [now]
        return true
    }

    static func isLoopback(_ address: [UInt8]) -> Bool {
        IPAddress(address)?.isLoopback == true
    }

    private static func isPrivate(_ address: [UInt8]) -> Bool {
        guard address.count == 4 else { return address[0] & 0xFE == 0xFC }
        return address[0] == 10 || address[0] == 172 && address[1] & 0xF0 == 16
            || address[0] == 192 && address[1] == 168
            || address[0] == 100 && address[1] & 0xC0 == 64
    }

    private static func isLoopbackURL(_ url: String) -> Bool {
        let host = url.drop { $0 != "/" }.drop { $0 == "/" }
        return host.hasPrefix("127.") || host.hasPrefix("localhost") || host.hasPrefix("[::1]")
    }
}

extension Instant {
    /// Unix time, for people and for the time stamps of records.
    static var wallClockMilliseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
