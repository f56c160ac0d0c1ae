import CLibCrypto
import CSodium
import Glibc

/// The libraries' start-up and the contexts that are worth keeping: fetching an algorithm costs more than a short hash.
enum Contexts {
    /// Fetched once for the process; libcrypto shares it between threads.
    nonisolated(unsafe) static let sha256: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else {
            preconditionFailure("this libcrypto has no SHA-256")
        }
        return algorithm
    }()

    /// A digest context of the calling thread's own, so that hashing takes no lock; freed when the thread ends.
    static var digest: OpaquePointer {
        if let kept = pthread_getspecific(threadDigest) { return OpaquePointer(kept) }
        guard let made = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest context") }
        pthread_setspecific(threadDigest, UnsafeRawPointer(made))
        return made
    }

    private static let threadDigest: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key) { EVP_MD_CTX_free(OpaquePointer($0)) }
        precondition(code == 0, "no thread-specific storage left")
        return key
    }()

    /// libsodium's start-up; every use of it goes through `ready`.
    static let sodium: Void = {
        precondition(sodium_init() >= 0, "libsodium cannot start")
    }()
}
