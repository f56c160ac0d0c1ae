#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

// Macros that Swift cannot import.
static inline long ssl_shim_require_tls_1_2(SSL_CTX *context) {
    // Before OpenSSL 3 a client could have the costly part of a handshake done again and again (RFC 5246, 7.4.1.1).
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}
