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

    /// Lends a `sockaddr_in6`, with an IPv4 address in its mapped form, or a `sockaddr_in`.
    func withSocketAddress<Result>(isV6: Bool, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeTemporaryAllocation(byteCount: isV6 ? 28 : 16, alignment: 4) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            bytes.storeBytes(of: UInt16(isV6 ? AF_INET6 : AF_INET), as: UInt16.self)
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            if isV6 {
                bytes.storeBytes(of: ip.high.bigEndian, toByteOffset: 8, as: UInt64.self)
                bytes.storeBytes(of: ip.low.bigEndian, toByteOffset: 16, as: UInt64.self)
            } else {
                bytes.storeBytes(of: UInt32(truncatingIfNeeded: ip.low).bigEndian, toByteOffset: 4, as: UInt32.self)
            }
            // A temporary allocation of a positive length has an address.
            return body(
                bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }
}
