import Glibc
import NIOCore
import Vocabulary

extension Endpoint {
    /// `nil` for anything but an IP address.
    init?(_ address: SocketAddress) {
        let found = address.withSockAddr { Endpoint(socketAddress: UnsafeRawBufferPointer(start: $0, count: $1)) }
        guard let found else { return nil }
        self = found
    }

    /// Reads a `sockaddr_in` or `sockaddr_in6`: family, port and address lie where the kernel's ABI has them.
    init?(socketAddress bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 4 else { return nil }
        let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        switch Int32(bytes.loadUnaligned(as: UInt16.self)) {
        case AF_INET where bytes.count >= 8: self.init(address: Array(bytes[4..<8]), port: port)
        case AF_INET6 where bytes.count >= 24: self.init(address: Array(bytes[8..<24]), port: port)
        default: return nil
        }
    }
}
