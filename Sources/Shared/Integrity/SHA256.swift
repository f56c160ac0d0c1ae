import CLibCrypto
package import Vocabulary

/// SHA-256 by libcrypto, which uses the CPU's SHA instructions (libsodium's does not, and is four times slower).
package enum SHA256 {
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> Word256 {
        hash(bytes, bytes.count)
    }

    package static func hash(_ bytes: [UInt8]) -> Word256 {
        bytes.withUnsafeBytes { hash($0) }
    }

    /// The hash of two words one after the other: an inner node of a Merkle tree.
    package static func hash(_ left: Word256, _ right: Word256) -> Word256 {
        var block = (
            left.words.0.bigEndian, left.words.1.bigEndian, left.words.2.bigEndian, left.words.3.bigEndian,
            right.words.0.bigEndian, right.words.1.bigEndian, right.words.2.bigEndian, right.words.3.bigEndian
        )
        return withUnsafeBytes(of: &block) { hash($0) }
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer, _ count: Int) -> Word256 {
        var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &digest) { output in
            let context = Contexts.digest
            guard EVP_DigestInit_ex2(context, Contexts.sha256, nil) == 1,
                EVP_DigestUpdate(context, bytes.baseAddress, count) == 1,
                EVP_DigestFinal_ex(context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
            else { preconditionFailure("libcrypto cannot hash") }
        }
        return Word256(digest.0.bigEndian, digest.1.bigEndian, digest.2.bigEndian, digest.3.bigEndian)
    }
}
