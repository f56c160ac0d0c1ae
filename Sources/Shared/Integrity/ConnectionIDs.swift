import CSodium
package import Vocabulary

/// Proof that a UDP sender can receive at its address (BEP 15), without remembering anything about it.
///
/// An id is 16 bits of time in seconds and 48 bits of SipHash, keyed freshly at each start, over time and address.
package struct ConnectionIDs: Sendable {
    /// How many seconds an id holds.
    package static let lifetime: UInt64 = 120

    private let key: (UInt64, UInt64)

    package init() {
        _ = Contexts.sodium
        var key: (UInt64, UInt64) = (0, 0)
        randombytes_buf(&key, MemoryLayout.size(ofValue: key))
        self.key = key
    }

    /// An id for the sender at `address`, `seconds` after any fixed moment.
    package func issue(to address: IPAddress, at seconds: UInt64) -> UInt64 {
        let message = (seconds.bigEndian, address.high.bigEndian, address.low.bigEndian)
        var hash: UInt64 = 0
        withUnsafeBytes(of: (message, key)) { bytes in
            withUnsafeMutableBytes(of: &hash) { hash in
                guard let output = hash.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    let message = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                else { return }
                _ = crypto_shorthash(output, message, 24, message + 24)
            }
        }
        return seconds << 48 | hash >> 16
    }

    package func isValid(_ id: UInt64, from address: IPAddress, at seconds: UInt64) -> Bool {
        // The low 16 bits of the time come with the id; the rest follows, because only recent ones count.
        let age = UInt64(UInt16(truncatingIfNeeded: seconds) &- UInt16(truncatingIfNeeded: id >> 48))
        guard age <= Self.lifetime, age <= seconds else { return false }
        // One exclusive or, not a byte-wise comparison: its time tells nothing.
        return issue(to: address, at: seconds - age) ^ id == 0
    }
}
