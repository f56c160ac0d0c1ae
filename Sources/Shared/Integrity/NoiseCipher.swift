import CLibCrypto
import Glibc

/// One direction of a Noise link (Noise specification, 5.1): ChaCha20-Poly1305 under one key with a counting nonce.
package struct NoiseCipher: Sendable {
    package static let tagLength = 16
    /// Bytes of one Noise message, its tag included.
    package static let messageLength = 65_535

    private let key: [UInt8]
    private var nonce: UInt64 = 0

    /// Takes the 32 bytes of key that a handshake has agreed on.
    init(key: [UInt8]) {
        precondition(key.count == 32, "a ChaCha20-Poly1305 key has 32 bytes")
        self.key = key
    }

    /// Seals where it stands: all of `message` but its last 16 bytes is plaintext, and the tag goes there.
    package mutating func seal(
        _ message: UnsafeMutableRawBufferPointer, authenticating data: [UInt8] = []
    ) throws(NoiseError) {
        guard message.count >= Self.tagLength, message.count <= Self.messageLength else { throw .badLength }
        try run(message, data, sealing: true)
    }

    /// Opens where it stands: afterwards all of `message` but its last 16 bytes is plaintext.
    ///
    /// Bytes that were not sealed by the other end, or not as the next message, are refused; the link is then of no
    /// more use.
    package mutating func open(
        _ message: UnsafeMutableRawBufferPointer, authenticating data: [UInt8] = []
    ) throws(NoiseError) {
        guard message.count >= Self.tagLength, message.count <= Self.messageLength else { throw .badLength }
        try run(message, data, sealing: false)
    }

    mutating func seal(_ plaintext: [UInt8], authenticating data: [UInt8]) throws(NoiseError) -> [UInt8] {
        var message = plaintext + [UInt8](repeating: 0, count: Self.tagLength)
        let result = message.withUnsafeMutableBytes { bytes in
            Result { () throws(NoiseError) in try seal(bytes, authenticating: data) }
        }
        try result.get()
        return message
    }

    mutating func open(_ ciphertext: [UInt8], authenticating data: [UInt8]) throws(NoiseError) -> [UInt8] {
        var message = ciphertext
        let result = message.withUnsafeMutableBytes { bytes in
            Result { () throws(NoiseError) in try open(bytes, authenticating: data) }
        }
        try result.get()
        return Array(message.dropLast(Self.tagLength))
    }

    private mutating func run(
        _ message: UnsafeMutableRawBufferPointer, _ data: [UInt8], sealing: Bool
    ) throws(NoiseError) {
        // The last nonce is reserved (5.1).
        guard nonce < .max else { throw .exhausted }
        var place: (UInt32, UInt32, UInt32) = (
            0, UInt32(truncatingIfNeeded: nonce).littleEndian, UInt32(truncatingIfNeeded: nonce >> 32).littleEndian
        )
        let context = CipherContext.mine
        let length = message.count - Self.tagLength
        guard let bytes = message.baseAddress?.assumingMemoryBound(to: UInt8.self) else { throw .badLength }
        let isReady = withUnsafeBytes(of: &place) { place in
            EVP_CipherInit_ex2(
                context, CipherContext.chaCha20Poly1305, key, place.baseAddress?.assumingMemoryBound(to: UInt8.self),
                sealing ? 1 : 0, nil) == 1
        }
        guard isReady else { preconditionFailure("libcrypto cannot start ChaCha20-Poly1305") }
        if !sealing {
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), bytes + length)
        }
        var count: Int32 = 0
        if !data.isEmpty { EVP_CipherUpdate(context, nil, &count, data, Int32(data.count)) }
        let isRun = length == 0 || EVP_CipherUpdate(context, bytes, &count, bytes, Int32(length)) == 1
        var rest: Int32 = 0
        let isDone = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.tagLength) { spare in
            EVP_CipherFinal_ex(context, spare.baseAddress, &rest) == 1
        }
        guard isRun, isDone else { throw .notAuthentic }
        if sealing {
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), bytes + length)
        }
        nonce += 1
    }
}

/// Why a handshake or a sealed message was refused.
package enum NoiseError: Error, Hashable, Sendable {
    case badLength
    case notAuthentic
    /// A public key that would make the shared secret zero.
    case weakKey
    case exhausted
    case outOfTurn
}

private enum CipherContext {
    /// Fetched once for the process; libcrypto shares it between threads.
    nonisolated(unsafe) static let chaCha20Poly1305: OpaquePointer = {
        guard let algorithm = EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil) else {
            preconditionFailure("this libcrypto has no ChaCha20-Poly1305")
        }
        return algorithm
    }()

    /// The calling thread's own, freed when the thread ends.
    static var mine: OpaquePointer {
        if let kept = pthread_getspecific(key) { return OpaquePointer(kept) }
        guard let made = EVP_CIPHER_CTX_new() else { preconditionFailure("no memory for a cipher context") }
        pthread_setspecific(key, UnsafeRawPointer(made))
        return made
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key) { EVP_CIPHER_CTX_free(OpaquePointer($0)) }
        precondition(code == 0, "no thread-specific storage left")
        return key
    }()
}
