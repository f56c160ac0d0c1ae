import CSodium
import Glibc
package import Vocabulary

/// Why a key file could not be used, in one sentence.
package struct KeyFileError: Error, Hashable, CustomStringConvertible {
    package let description: String
}

/// The Ed25519 secret of a broadcast. Whoever holds it is the broadcaster.
package struct SigningKey: Sendable {
    private let seed: [UInt8]
    private let secret: [UInt8]
    package let broadcast: BroadcastID

    /// A fresh key from the system's randomness.
    package init() {
        _ = Contexts.sodium
        var seed = [UInt8](repeating: 0, count: Int(crypto_sign_SEEDBYTES))
        randombytes_buf(&seed, seed.count)
        self.init(exactSeed: seed)
    }

    /// The key that grows from 32 bytes; `nil` for any other number of them.
    package init?(seed: [UInt8]) {
        guard seed.count == Int(crypto_sign_SEEDBYTES) else { return nil }
        self.init(exactSeed: seed)
    }

    private init(exactSeed seed: [UInt8]) {
        _ = Contexts.sodium
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var secret = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        let code = crypto_sign_seed_keypair(&publicKey, &secret, seed)
        guard code == 0, let word = Word256(publicKey) else { preconditionFailure("libsodium cannot make a key") }
        self.seed = seed
        self.secret = secret
        broadcast = BroadcastID(word)
    }

    func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Envelope.signatureLength)
        let code = crypto_sign_detached(&signature, nil, message, UInt64(message.count), secret)
        precondition(code == 0, "libsodium cannot sign")
        return signature
    }
}

extension SigningKey {
    private static let header = "tributary-key-1 "

    /// Reads the key file at `path`, or makes one (mode 0600, on disk before this returns) when there is none.
    ///
    /// A file that others can read is refused: a key that leaked cannot be called back.
    package static func load(orMakeAt path: String) throws(KeyFileError) -> SigningKey {
        let existing = open(path, O_RDONLY | O_CLOEXEC)
        guard existing >= 0 else {
            guard errno == ENOENT else { throw failure("cannot open", path) }
            return try make(at: path)
        }
        defer { close(existing) }
        var status = stat()
        guard fstat(existing, &status) == 0 else { throw failure("cannot look at", path) }
        guard status.st_mode & 0o077 == 0 else {
            throw KeyFileError(description: "the key file \(path) can be read by others: chmod 600 it first")
        }
        var text = [UInt8](repeating: 0, count: 256)
        let length = read(existing, &text, text.count)
        guard length >= 0 else { throw failure("cannot read", path) }
        let line = String(decoding: text.prefix(length), as: UTF8.self)
        guard line.hasPrefix(header), line.hasSuffix("\n"),
            let seed = Hexadecimal.decode(line.dropFirst(header.count).dropLast()), let key = SigningKey(seed: seed)
        else { throw KeyFileError(description: "\(path) is no key file of ours") }
        return key
    }

    private static func make(at path: String) throws(KeyFileError) -> SigningKey {
        let key = SigningKey()
        let temporary = path + ".new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot create", temporary) }
        let line = Array((header + Hexadecimal.encode(key.seed) + "\n").utf8)
        let isWritten = write(file, line, line.count) == line.count && fsync(file) == 0
        close(file)
        // link, not rename: of two origins that start at once, one must lose.
        guard isWritten, link(temporary, path) == 0 else {
            let error = failure("cannot write", path)
            unlink(temporary)
            throw error
        }
        unlink(temporary)
        return key
    }

    private static func failure(_ verb: String, _ path: String) -> KeyFileError {
        KeyFileError(description: "\(verb) the key file \(path): \(String(cString: strerror(errno)))")
    }
}
