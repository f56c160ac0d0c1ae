import CSodium
package import Vocabulary

/// What a signature is for. It is signed along, so that a signed head can never pass for a signed record.
package enum Statement: String, Sendable {
    case record = "tributary/record/1"
    case head = "tributary/head/1"
    case listing = "tributary/listing/1"
}

/// Why sealed bytes were refused.
package enum EnvelopeError: Error, Hashable, Sendable {
    case tooShort
    case badSignature
}

/// A signed statement as bytes: 64 bytes of Ed25519 signature over context and payload, then the payload.
package enum Envelope {
    package static let signatureLength = 64

    package static func seal(_ payload: [UInt8], as statement: Statement, with key: SigningKey) -> [UInt8] {
        key.sign(message(payload[...], statement)) + payload
    }

    /// The payload, if `broadcast` signed it as such a statement.
    package static func open(
        _ sealed: [UInt8], as statement: Statement, by broadcast: BroadcastID
    ) throws(EnvelopeError) -> [UInt8] {
        guard sealed.count > signatureLength else { throw .tooShort }
        _ = Contexts.sodium
        let payload = sealed[signatureLength...]
        let message = message(payload, statement)
        let code = crypto_sign_verify_detached(
            Array(sealed[..<signatureLength]), message, UInt64(message.count), broadcast.key.bytes)
        guard code == 0 else { throw .badSignature }
        return Array(payload)
    }

    private static func message(_ payload: ArraySlice<UInt8>, _ statement: Statement) -> [UInt8] {
        Array(statement.rawValue.utf8) + [0] + payload
    }
}
