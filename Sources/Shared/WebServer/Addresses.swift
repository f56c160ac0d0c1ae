import Glibc
package import NIOCore
package import Vocabulary

extension SocketAddress {
    /// Where to listen. What is an address already is not resolved: glibc finds none of IPv6, "::" neither, where a machine
    /// has addresses of IPv4 alone.
    package init(_ host: String, port: Int) throws {
        self = try (try? SocketAddress(ipAddress: host, port: port)) ?? .makeAddressResolvingHost(host, port: port)
    }
}

extension Endpoint {
    /// `nil` for anything but an IP address.
    package init?(_ address: SocketAddress) {
        let found = address.withSockAddr { Endpoint(socketAddress: UnsafeRawBufferPointer(start: $0, count: $1)) }
        guard let found else { return nil }
        self = found
    }

    /// Reads a `sockaddr_in` or `sockaddr_in6`: family, port and address lie where the kernel's ABI has them.
    package init?(socketAddress bytes: UnsafeRawBufferPointer) {
        func number<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
            Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
        guard bytes.count >= 4 else { return nil }
        switch Int32(bytes.loadUnaligned(as: UInt16.self)) {
        case AF_INET where bytes.count >= 8: self.init(ip: IPAddress(v4: number(4)), port: number(2))
        case AF_INET6 where bytes.count >= 24:
            self.init(ip: IPAddress(high: number(8), low: number(16)), port: number(2))
        default: return nil
        }
    }
}
