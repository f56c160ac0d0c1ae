/// A broadcast's name: the origin's Ed25519 public key, so that the name proves the content.
package struct BroadcastID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let key: Word256

    package init(_ key: Word256) { self.key = key }

    package init?(hex: some StringProtocol) {
        guard let key = Word256(hex: hex) else { return nil }
        self.key = key
    }

    package var description: String { key.hex }

    package static func < (a: Self, b: Self) -> Bool { a.key < b.key }
}

/// A peer's name: the X25519 static public key of its links.
package struct PeerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let key: Word256

    package init(_ key: Word256) { self.key = key }

    package var description: String { key.hex }

    package static func < (a: Self, b: Self) -> Bool { a.key < b.key }
}

/// The SHA-256 Merkle root of a segment's bytes (BEP 52 `pieces root`): the segment's name by content.
package struct Root: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let hash: Word256

    package init(_ hash: Word256) { self.hash = hash }

    package init?(hex: some StringProtocol) {
        guard let hash = Word256(hex: hex) else { return nil }
        self.hash = hash
    }

    package var description: String { hash.hex }

    package static func < (a: Self, b: Self) -> Bool { a.hash < b.hash }
}

/// One HLS media segment of one rendition, by number.
package struct SegmentID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The quality, numbered from 0.
    package let rendition: UInt8
    /// The place in the rendition; HLS calls it the media sequence number.
    package let sequence: UInt64

    package init(rendition: UInt8, sequence: UInt64) {
        self.rendition = rendition
        self.sequence = sequence
    }

    package var description: String { "\(rendition)/\(sequence)" }

    package static func < (a: Self, b: Self) -> Bool { (a.sequence, a.rendition) < (b.sequence, b.rendition) }
}

/// One piece of a segment: the leaf of its Merkle tree and the unit that peers exchange.
package struct PieceID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The length of every piece but the last, in bytes.
    package static let length = 16_384

    package let segment: SegmentID
    package let index: Int

    package init(_ segment: SegmentID, _ index: Int) {
        self.segment = segment
        self.index = index
    }

    package var description: String { "\(segment)#\(index)" }

    package static func < (a: Self, b: Self) -> Bool { (a.segment, a.index) < (b.segment, b.index) }
}

/// Where a peer, tracker or viewer can be reached: an IP address and a port.
package struct Endpoint: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 4 bytes (IPv4) or 16 bytes (IPv6), in network order.
    package let address: [UInt8]
    package let port: UInt16

    /// Takes 4 or 16 address bytes; anything else gives `nil`. An IPv4-mapped IPv6 address becomes IPv4.
    package init?(address: [UInt8], port: UInt16) {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]
        switch address.count {
        case 16 where address.starts(with: mapped): self.address = Array(address.dropFirst(12))
        case 4, 16: self.address = address
        default: return nil
        }
        self.port = port
    }

    package var description: String {
        if address.count == 4 { return address.map { String($0) }.joined(separator: ".") + ":\(port)" }
        let groups = stride(from: 0, to: 16, by: 2).map {
            String(UInt16(address[$0]) << 8 | UInt16(address[$0 + 1]), radix: 16)
        }
        return "[\(groups.joined(separator: ":"))]:\(port)"
    }

    package static func < (a: Self, b: Self) -> Bool {
        a.address == b.address ? a.port < b.port : a.address.lexicographicallyPrecedes(b.address)
    }
}
