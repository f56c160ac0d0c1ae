import Glibc
import Vocabulary

extension Endpoint {
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
