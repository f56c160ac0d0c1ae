import CLibCrypto

/// SHA-1, for the handshake of WebSockets alone (RFC 6455, section 4.2.2), where it secures nothing.
package enum SHA1 {
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        guard let algorithm = EVP_MD_fetch(nil, "SHA1", nil) else { preconditionFailure("this libcrypto has no SHA-1") }
        defer { EVP_MD_free(algorithm) }
        let context = Contexts.digest
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1, EVP_DigestUpdate(context, bytes, bytes.count) == 1,
            EVP_DigestFinal_ex(context, &digest, nil) == 1
        else { preconditionFailure("libcrypto cannot hash") }
        return digest
    }
}
