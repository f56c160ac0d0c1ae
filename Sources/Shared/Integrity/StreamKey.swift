import CSodium
package import Vocabulary

/// The secret that lets an encoder publish. It is shown once; only its hash is kept.
package enum StreamKey {
    /// 160 random bits as hexadecimal digits.
    package static func make() -> String {
        _ = Contexts.sodium
        var bytes = [UInt8](repeating: 0, count: 20)
        randombytes_buf(&bytes, bytes.count)
        return Hexadecimal.encode(bytes)
    }

    /// A key has too many random bits to be guessed from its hash, so a fast hash without salt is enough.
    package static func hash(_ key: String) -> Word256 { SHA256.hash(Array("tributary-stream-key ".utf8) + key.utf8) }

    /// Compares in a time that does not depend on where they differ.
    package static func isEqual(_ one: Word256, _ other: Word256) -> Bool {
        let (one, other) = (one.bytes, other.bytes)
        return sodium_memcmp(one, other, one.count) == 0
    }
}
