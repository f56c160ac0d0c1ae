import CSodium

/// Proof that a UDP sender can receive at its address (BEP 15), without remembering anything about it.
///
/// An id is 16 bits of time in seconds and 48 bits of SipHash, keyed freshly at each start, over time and address.
package struct ConnectionIDs: Sendable {
    /// How many seconds an id holds.
    package static let lifetime: UInt64 = 120

    private let key: [UInt8]

    package init() {
        _ = Contexts.sodium
        var key = [UInt8](repeating: 0, count: Int(crypto_shorthash_KEYBYTES))
        randombytes_buf(&key, key.count)
        self.key = key
    }

    /// An id for the sender at `address` (4 or 16 bytes), `seconds` after any fixed moment.
    package func issue(to address: [UInt8], at seconds: UInt64) -> UInt64 {
        var message = withUnsafeBytes(of: seconds.bigEndian) { Array($0) }
        message.append(UInt8(truncatingIfNeeded: address.count))
        message += address
        var hash = [UInt8](repeating: 0, count: Int(crypto_shorthash_BYTES))
        crypto_shorthash(&hash, message, UInt64(message.count), key)
        let mac = hash.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        return seconds << 48 | mac >> 16
    }

    package func isValid(_ id: UInt64, from address: [UInt8], at seconds: UInt64) -> Bool {
        // The low 16 bits of the time come with the id; the rest follows, because only recent ones count.
        let age = UInt64(UInt16(truncatingIfNeeded: seconds) &- UInt16(truncatingIfNeeded: id >> 48))
        guard age <= Self.lifetime, age <= seconds else { return false }
        // One exclusive or, not a byte-wise comparison: its time tells nothing.
        return issue(to: address, at: seconds - age) ^ id == 0
    }
}
