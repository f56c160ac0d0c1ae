/// An IPv4 or IPv6 address, in 16 bytes without an allocation.
@usableFromInline package struct IPAddress: Hashable, Comparable, Sendable {
    /// The address as IPv6, most significant word first; an IPv4 address is `::ffff:a.b.c.d`.
    @usableFromInline package let high: UInt64
    @usableFromInline package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// In words, so that other modules compare without a call.
    @inlinable package static func == (a: Self, b: Self) -> Bool { a.low == b.low && a.high == b.high }

    package init(v4: UInt32) { self.init(high: 0, low: 0xffff << 32 | UInt64(v4)) }

    /// Takes 4 or 16 bytes in network order; anything else gives `nil`. An IPv4-mapped IPv6 address becomes IPv4.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        let high = bytes.dropLast(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let low = bytes.suffix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        if bytes.count == 4 { self.init(v4: UInt32(low)) } else { self.init(high: high, low: low) }
    }

    /// The IPv4 address as a number; `nil` for IPv6.
    package var v4: UInt32? { high == 0 && low >> 32 == 0xffff ? UInt32(truncatingIfNeeded: low) : nil }

    /// This machine's own (127.0.0.0/8 and ::1).
    package var isLoopback: Bool { v4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1) }

    /// What one host can choose from: an IPv4 address, or the /64 of an IPv6 address with zeros behind it.
    package var host: IPAddress { v4 == nil ? IPAddress(high: high, low: 0) : self }

    /// What one site can choose from: the /24 of an IPv4 address, the /48 of an IPv6 address.
    package var network: IPAddress {
        v4.map { IPAddress(v4: $0 & ~0xff) } ?? IPAddress(high: high & ~0xffff, low: 0)
    }

    /// 4 or 16 bytes.
    package var length: Int { v4 == nil ? 16 : 4 }

    /// In network order.
    package var bytes: [UInt8] {
        if let v4 { return stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: v4 >> UInt32($0)) } }
        return [high, low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    @inlinable package static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension IPAddress: CustomStringConvertible {
    @usableFromInline package var description: String {
        if v4 != nil { return bytes.map { String($0) }.joined(separator: ".") }
        return [high, low].flatMap { word in
            stride(from: 48, through: 0, by: -16).map {
                String(UInt16(truncatingIfNeeded: word >> UInt64($0)), radix: 16)
            }
        }.joined(separator: ":")
    }
}

/// Where a peer, tracker or viewer can be reached: an IP address and a port.
@usableFromInline package struct Endpoint: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let ip: IPAddress
    @usableFromInline package let port: UInt16

    package init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    @inlinable package static func == (a: Self, b: Self) -> Bool { a.port == b.port && a.ip == b.ip }

    /// Takes 4 or 16 address bytes; anything else gives `nil`. An IPv4-mapped IPv6 address becomes IPv4.
    package init?(address: [UInt8], port: UInt16) {
        guard let ip = IPAddress(address) else { return nil }
        self.init(ip: ip, port: port)
    }

    /// 4 bytes (IPv4) or 16 bytes (IPv6), in network order.
    package var address: [UInt8] { ip.bytes }

    @usableFromInline package var description: String { ip.v4 == nil ? "[\(ip)]:\(port)" : "\(ip):\(port)" }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.ip == b.ip ? a.port < b.port : a.ip < b.ip }
}
