import CSodium
package import Vocabulary

/// The handshake Noise_XX_25519_ChaChaPoly_SHA256: three messages after which each side has proved its static key
/// and nobody else can read or forge what follows.
///
///     -> e
///     <- e, ee, s, es
///     -> s, se
package struct NoiseHandshake: Sendable {
    private enum Token { case e, s, ee, es, se }

    private static let pattern: [[Token]] = [[.e], [.e, .ee, .s, .es], [.s, .se]]

    package let isInitiator: Bool
    private let prologue: [UInt8]
    private let identity: NoiseKey
    private let ephemeral: NoiseKey
    private var symmetric: SymmetricState
    private var remoteEphemeral: [UInt8] = []
    private var remoteStatic: [UInt8] = []
    private var step = 0
    private var hasSettled = false

    /// `prologue` is what both sides must agree on besides; `ephemeral` is fresh unless a test needs a known one.
    package init(isInitiator: Bool, prologue: [UInt8], identity: NoiseKey, ephemeral: NoiseKey = NoiseKey()) {
        self.isInitiator = isInitiator
        self.prologue = prologue
        self.identity = identity
        self.ephemeral = ephemeral
        symmetric = SymmetricState()
        symmetric.mix(hash: prologue)
    }

    package var isComplete: Bool { step == Self.pattern.count }

    /// Whether the next message is ours to write.
    package var isOurTurn: Bool { !isComplete && (step % 2 == 0) == isInitiator }

    /// How many messages have passed, both ways.
    package var messages: Int { step }

    /// Who is at the other end; proved once the handshake is complete.
    package var remote: PeerID? { remoteStatic.isEmpty ? nil : Word256(remoteStatic).map(PeerID.init) }

    /// A name for this very session, the same at both ends (11.2).
    package var hash: [UInt8] { symmetric.hash }

    /// The length of each message when payloads are empty.
    package static let messageLengths = [32, 96, 64]

    package mutating func write(_ payload: [UInt8] = []) throws(NoiseError) -> [UInt8] {
        guard isOurTurn else { throw .outOfTurn }
        var message: [UInt8] = []
        for token in Self.pattern[step] {
            switch token {
            case .e:
                message += ephemeral.publicKey
                symmetric.mix(hash: ephemeral.publicKey)
            case .s: message += try symmetric.seal(identity.publicKey)
            case .ee, .es, .se: try agree(token)
            }
        }
        message += try symmetric.seal(payload)
        guard message.count <= NoiseCipher.messageLength else { throw .badLength }
        step += 1
        return message
    }

    /// Takes the other side's message; a refused one ends the handshake for good.
    package mutating func read(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard !isComplete, !isOurTurn else { throw .outOfTurn }
        guard message.count <= NoiseCipher.messageLength else { throw .badLength }
        var rest = message[...]
        for token in Self.pattern[step] {
            switch token {
            case .e:
                remoteEphemeral = try Self.take(32, from: &rest)
                symmetric.mix(hash: remoteEphemeral)
            case .s:
                let length = symmetric.isKeyed ? 32 + NoiseCipher.tagLength : 32
                remoteStatic = try symmetric.open(try Self.take(length, from: &rest))
            case .ee, .es, .se: try agree(token)
            }
        }
        let payload = try symmetric.open(Array(rest))
        step += 1
        return payload
    }

    /// Whether the other end may have begun as well, and its first message may come instead of an answer.
    package var mayCollide: Bool { isInitiator && step == 1 && !hasSettled }

    /// Settles who goes on when both ends of one connection have begun, as after a simultaneous open of TCP: who has
    /// sent the smaller key stays the initiator, and the other begins anew as the responder, with a fresh key. What was
    /// sent in vain is no part of the session.
    package mutating func settle(with message: [UInt8]) throws(NoiseError) {
        guard mayCollide else { throw .outOfTurn }
        guard message.count == 32 else { throw .badLength }
        // Our own words, sent back to us.
        guard message != ephemeral.publicKey else { throw .weakKey }
        if message.lexicographicallyPrecedes(ephemeral.publicKey) {
            self = NoiseHandshake(isInitiator: false, prologue: prologue, identity: identity)
            _ = try read(message)
        } else {
            hasSettled = true
        }
    }

    /// The two directions of the finished link.
    package func split() throws(NoiseError) -> (sending: NoiseCipher, receiving: NoiseCipher) {
        guard isComplete else { throw .outOfTurn }
        let (first, second) = symmetric.split()
        return isInitiator ? (first, second) : (second, first)
    }

    private mutating func agree(_ token: Token) throws(NoiseError) {
        // "es" is the initiator's ephemeral with the responder's static key, whoever computes it.
        let usesOurStatic = token == .es && !isInitiator || token == .se && isInitiator
        let usesTheirStatic = token == .es && isInitiator || token == .se && !isInitiator
        let ours = usesOurStatic ? identity : ephemeral
        symmetric.mix(key: try ours.agree(with: usesTheirStatic ? remoteStatic : remoteEphemeral))
    }

    private static func take(_ count: Int, from rest: inout ArraySlice<UInt8>) throws(NoiseError) -> [UInt8] {
        guard rest.count >= count else { throw .badLength }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}

/// An X25519 key pair.
package struct NoiseKey: Sendable {
    private let secret: [UInt8]
    package let publicKey: [UInt8]

    /// A fresh pair from the system's randomness.
    package init() {
        _ = Contexts.sodium
        var secret = [UInt8](repeating: 0, count: 32)
        randombytes_buf(&secret, secret.count)
        self.init(exactSecret: secret)
    }

    /// The pair of 32 known bytes; `nil` for any other number of them.
    package init?(secret: [UInt8]) {
        guard secret.count == 32 else { return nil }
        self.init(exactSecret: secret)
    }

    private init(exactSecret secret: [UInt8]) {
        _ = Contexts.sodium
        var publicKey = [UInt8](repeating: 0, count: 32)
        let code = crypto_scalarmult_curve25519_base(&publicKey, secret)
        precondition(code == 0, "libsodium cannot make an X25519 key")
        self.secret = secret
        self.publicKey = publicKey
    }

    package var peer: PeerID {
        guard let word = Word256(publicKey) else { preconditionFailure("an X25519 key has 32 bytes") }
        return PeerID(word)
    }

    func agree(with other: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard other.count == 32 else { throw .badLength }
        var shared = [UInt8](repeating: 0, count: 32)
        // libsodium refuses an all-zero result, which a key of small order would give.
        guard crypto_scalarmult_curve25519(&shared, secret, other) == 0 else { throw .weakKey }
        return shared
    }
}

/// The running hash and keys of a handshake (5.2).
private struct SymmetricState: Sendable {
    private(set) var hash: [UInt8]
    private var chainingKey: [UInt8]
    private var cipher: NoiseCipher?

    init() {
        // The name has exactly 32 bytes, so it is the first hash itself.
        hash = Array("Noise_XX_25519_ChaChaPoly_SHA256".utf8)
        chainingKey = hash
    }

    var isKeyed: Bool { cipher != nil }

    mutating func mix(hash data: [UInt8]) { hash = SHA256.hash(hash + data).bytes }

    mutating func mix(key material: [UInt8]) {
        let (next, key) = Self.expand(chainingKey, material)
        chainingKey = next
        cipher = NoiseCipher(key: key)
    }

    mutating func seal(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        let sealed = try cipher?.seal(plaintext, authenticating: hash) ?? plaintext
        mix(hash: sealed)
        return sealed
    }

    mutating func open(_ sealed: [UInt8]) throws(NoiseError) -> [UInt8] {
        if cipher != nil, sealed.count < NoiseCipher.tagLength { throw .badLength }
        let plaintext = try cipher?.open(sealed, authenticating: hash) ?? sealed
        mix(hash: sealed)
        return plaintext
    }

    func split() -> (NoiseCipher, NoiseCipher) {
        let (first, second) = Self.expand(chainingKey, [])
        return (NoiseCipher(key: first), NoiseCipher(key: second))
    }

    /// HKDF with two outputs (4.3).
    private static func expand(_ chainingKey: [UInt8], _ material: [UInt8]) -> ([UInt8], [UInt8]) {
        let secret = authenticationCode(chainingKey, material)
        let first = authenticationCode(secret, [1])
        return (first, authenticationCode(secret, first + [2]))
    }

    /// HMAC-SHA256 (RFC 2104) with a key of 32 bytes.
    private static func authenticationCode(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let padded = key + [UInt8](repeating: 0, count: 64 - key.count)
        let inner = SHA256.hash(padded.map { $0 ^ 0x36 } + message).bytes
        return SHA256.hash(padded.map { $0 ^ 0x5C } + inner).bytes
    }
}
